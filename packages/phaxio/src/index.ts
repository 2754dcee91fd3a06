export { phaxioManifest } from "./phaxio-manifest.ts";
export type { PhaxioSendOptions } from "./phaxio-options.ts";
export { type PhaxioSettings, phaxioSettings } from "./phaxio-settings.ts";
export { type PhaxioFactory, type PhaxioOptions, type PhaxioTransport, phaxio } from "./phaxio-transport.ts";
