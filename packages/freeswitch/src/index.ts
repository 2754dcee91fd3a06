export { freeswitchManifest } from "./freeswitch-manifest.ts";
export type { FreeSwitchSendOptions } from "./freeswitch-options.ts";
export { type FreeSwitchSettings, freeswitchSettings } from "./freeswitch-settings.ts";
export {
  type FreeSwitchFactory,
  type FreeSwitchOptions,
  type FreeSwitchTransport,
  freeswitch,
} from "./freeswitch-transport.ts";
