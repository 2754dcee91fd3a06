import { isE164 } from "@faxbot/core/transport";
import { z } from "zod";

/** A mail address, or a domain with its `@` for all of its addresses. */
const sender = z.string().regex(/^[^\s@,]*@[a-z0-9.-]+$/i);

/** The settings of a mailbox that faxes come into. */
export const imapSettings = z.strictObject({
  host: z.string().min(1).meta({
    env: "IMAP_HOST",
    secret: false,
    title: "Server",
    description: "Name of the IMAP server; its certificate has to fit.",
  }),
  port: z.int().min(1).max(65_535).default(993).meta({
    env: "IMAP_PORT",
    secret: false,
    title: "Port",
    description: "993 for TLS, mostly 143 for STARTTLS.",
  }),
  encryption: z.enum(["tls", "starttls"]).optional().meta({
    env: "IMAP_ENCRYPTION",
    secret: false,
    title: "Encryption",
    description: "Default: `tls` on port 993, else `starttls`. There is no way without.",
  }),
  ca: z.string().min(1).optional().meta({
    env: "IMAP_CA",
    secret: false,
    title: "Certificate authority",
    description: "PEM of a private authority that signed the server's certificate.",
  }),
  user: z.string().min(1).meta({
    env: "IMAP_USERNAME",
    secret: false,
    title: "User",
    description: "Mostly the mail address.",
  }),
  pass: z.string().min(1).meta({
    env: "IMAP_PASSWORD",
    secret: true,
    title: "Password",
    description: "At providers with a second factor: an app password.",
  }),
  mailbox: z.string().min(1).default("INBOX").meta({
    env: "IMAP_MAILBOX",
    secret: false,
    title: "Mailbox",
    description: "The folder to read; best one that nobody else reads.",
  }),
  senders: z.array(sender).min(1).meta({
    env: "IMAP_SENDERS",
    secret: false,
    title: "Senders",
    description:
      "Who may send faxes: addresses, or `@domain` for a whole domain. Others' mails are left alone.",
  }),
  authServer: z.string().min(1).optional().meta({
    env: "IMAP_AUTH_SERVER",
    secret: false,
    title: "Authenticating server",
    description: "Take only mails that this server's `Authentication-Results` header calls `dmarc=pass`.",
  }),
  faxNumber: z.string().refine(isE164, "must be a number in E.164 form").optional().meta({
    env: "IMAP_FAX_NUMBER",
    secret: false,
    title: "Fax number",
    description: "The number whose faxes come here, for routing; a mail itself proves none.",
  }),
  pollSeconds: z.int().min(1).max(86_400).default(300).meta({
    env: "IMAP_POLL_INTERVAL",
    secret: false,
    title: "Poll interval",
    description: "Seconds between two looks, should the server announce nothing.",
  }),
});

/** Settings of a mailbox, as parsed. */
export type ImapSettings = z.output<typeof imapSettings>;
