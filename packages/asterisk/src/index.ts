export { asteriskManifest } from "./asterisk-manifest.ts";
export type { AsteriskSendOptions } from "./asterisk-options.ts";
export { type AsteriskSettings, asteriskSettings } from "./asterisk-settings.ts";
export {
  type AsteriskFactory,
  type AsteriskOptions,
  type AsteriskTransport,
  asterisk,
} from "./asterisk-transport.ts";
