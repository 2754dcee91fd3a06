export { imapManifest } from "./imap-manifest.ts";
export { type ImapSettings, imapSettings } from "./imap-settings.ts";
export { type ImapFactory, type ImapOptions, type ImapTransport, imap } from "./imap-transport.ts";
