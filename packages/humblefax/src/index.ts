export { type HumbleFaxMailbox, humblefaxImapPreset, humblefaxMailboxFromEnv } from "./humblefax-imap.ts";
export { humblefaxManifest } from "./humblefax-manifest.ts";
export type { HumbleFaxSendOptions } from "./humblefax-options.ts";
export { type HumbleFaxSettings, humblefaxSettings } from "./humblefax-settings.ts";
export {
  type HumbleFaxFactory,
  type HumbleFaxOptions,
  type HumbleFaxTransport,
  humblefax,
} from "./humblefax-transport.ts";
