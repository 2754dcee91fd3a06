export { sinchManifest } from "./sinch-manifest.ts";
export type { SinchSendOptions } from "./sinch-options.ts";
export { type SinchSettings, sinchSettings } from "./sinch-settings.ts";
export { type SinchFactory, type SinchOptions, type SinchTransport, sinch } from "./sinch-transport.ts";
