import { settingsFromEnv } from "@faxbot/core/transport";
import { humblefaxSettings } from "./humblefax-settings.ts";

/**
 * What `@faxbot/imap` has to know to take HumbleFax's mails; plain data, so that neither package needs the other. The
 * sender is what one source reports; subject and attachment names are not documented, so nothing is read from them.
 *
 * @example
 * imap({ id: "humblefax-mail", ...humblefaxImapPreset, user: "fax@example.com", pass });
 */
export const humblefaxImapPreset = {
  host: "imap.gmail.com",
  port: 993,
  senders: ["@humblefax.com"],
} as const;

/** The mailbox that HumbleFax's mails come into: settings of `@faxbot/imap`. */
export interface HumbleFaxMailbox {
  host: string;
  port: number;
  user: string;
  pass: string;
  senders: string[];
  /** Seconds. */
  pollSeconds: number;
}

/**
 * Reads the mailbox from the `HUMBLEFAX_IMAP_…` variables.
 *
 * @returns `undefined` unless `INBOUND_ENABLED` and `HUMBLEFAX_IMAP_ENABLED` are on
 * @throws FaxError `config_invalid` that names the variables, never their values
 * @example
 * const mailbox = humblefaxMailboxFromEnv(process.env);
 * const transports = [humblefax.fromEnv(process.env), ...(mailbox ? [imap({ id: "humblefax-mail", ...mailbox })] : [])];
 */
export function humblefaxMailboxFromEnv(
  env: Readonly<Record<string, string | undefined>>,
): HumbleFaxMailbox | undefined {
  const settings = settingsFromEnv("humblefax", humblefaxSettings, env);
  const { imapUsername: user, imapPassword: pass } = settings;
  if (!settings.inbound || !settings.imapEnabled || user === undefined || pass === undefined)
    return undefined;
  return {
    host: settings.imapServer,
    port: settings.imapPort,
    user,
    pass,
    senders: [...humblefaxImapPreset.senders],
    pollSeconds: settings.imapPollInterval,
  };
}
