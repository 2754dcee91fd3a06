import { z } from "zod";
import { isServed } from "./humblefax-number.ts";

const httpUrl = z.url({ protocol: /^https?$/ });
/**
 * Tokens of Faxbot 1 to 3 keep working, so a short one is taken with a warning. What it guards are calls to HumbleFax,
 * since a webhook is only a hint to ask there; 16 hex digits are 64 random bits, which nobody guesses over a network.
 * Less is no proof. A token that is made for this should be 32 random bytes.
 */
const urlToken = z.string().regex(/^[\x21-\x7e]{16,}$/);

/** Shorter tokens than this are taken, and warned of. */
export const goodTokenLength = 32;

/** The settings of the HumbleFax transport. */
export const humblefaxSettings = z
  .strictObject({
    accessKey: z
      .string()
      // A colon would end the user name (RFC 7617).
      .regex(/^[^:]+$/)
      .meta({
        env: "HUMBLEFAX_ACCESS_KEY",
        secret: true,
        title: "Access key",
        description: "API Access Key of the dashboard's developer settings.",
      }),
    secretKey: z.string().min(1).meta({
      env: "HUMBLEFAX_SECRET_KEY",
      secret: true,
      title: "Secret key",
      description: "API Secret Key that belongs to it.",
    }),
    baseUrl: httpUrl.default("https://api.humblefax.com").meta({
      env: "HUMBLEFAX_BASE_URL",
      secret: false,
      title: "Base URL",
      description: "Only for tests and proxies.",
    }),
    from: z.string().refine(isServed, "must be a number of the USA or Canada in E.164 form").optional().meta({
      env: "HUMBLEFAX_FROM_NUMBER",
      secret: false,
      title: "Sender number",
      description: "E.164, one of the account's numbers. Without it the account's default.",
    }),
    sendMethod: z.enum(["quick", "steps"]).default("quick").meta({
      env: "HUMBLEFAX_SEND_METHOD",
      secret: false,
      title: "Way of sending",
      description: "`quick`: one call. `steps`: draft, upload, send; HumbleFax then checks the file first.",
    }),
    inbound: z.boolean().default(false).meta({
      env: "INBOUND_ENABLED",
      secret: false,
      title: "Receive",
      description: "Take the account's received faxes; the host needs an inbox for them.",
    }),
    pollSeconds: z.int().min(1).max(86_400).default(60).meta({
      env: "HUMBLEFAX_POLL_INTERVAL",
      secret: false,
      title: "Poll interval",
      description: "Seconds between two looks for received faxes.",
    }),
    webhookEnabled: z.boolean().default(false).meta({
      env: "HUMBLEFAX_WEBHOOK_ENABLED",
      secret: false,
      title: "Register the webhook",
      description: "Register our URL with HumbleFax at the start; needs the callback base and the token.",
    }),
    callbackBase: httpUrl.optional().meta({
      env: "HUMBLEFAX_CALLBACK_BASE",
      secret: false,
      title: "Callback base",
      description: "Public URL below which `/callbacks/…` is mounted.",
    }),
    webhookToken: urlToken.optional().meta({
      env: "HUMBLEFAX_WEBHOOK_TOKEN",
      secret: true,
      title: "Webhook token",
      description:
        "Random, best 32 bytes; stands in the webhook's URL as `?token=`. Under 32 characters: a warning; under 16: refused.",
    }),
    previousWebhookToken: urlToken.optional().meta({
      env: "HUMBLEFAX_WEBHOOK_PREVIOUS_TOKEN",
      secret: true,
      title: "Previous webhook token",
      description: "Accepted beside the new one during a rotation.",
    }),
    webhookSecret: z.string().min(1).optional().meta({
      env: "HUMBLEFAX_WEBHOOK_SECRET",
      secret: true,
      title: "Webhook secret",
      description: "Only behind a proxy that signs: then an HMAC of the body is demanded, too.",
    }),
    previousWebhookSecret: z.string().min(1).optional().meta({
      env: "HUMBLEFAX_WEBHOOK_PREVIOUS_SECRET",
      secret: true,
      title: "Previous webhook secret",
      description: "Accepted beside the new one during a rotation.",
    }),
    verifySignature: z.boolean().default(true).meta({
      env: "HUMBLEFAX_VERIFY_SIGNATURE",
      secret: false,
      title: "Verify webhooks",
      description: "`false`: anybody may make us ask HumbleFax about a fax.",
    }),
    imapEnabled: z.boolean().default(false).meta({
      env: "HUMBLEFAX_IMAP_ENABLED",
      secret: false,
      title: "Receive by mail",
      description: "Received faxes come by mail, through `@faxbot/imap`; the API is then not asked for them.",
    }),
    imapServer: z.string().min(1).default("imap.gmail.com").meta({
      env: "HUMBLEFAX_IMAP_SERVER",
      secret: false,
      title: "IMAP server",
      description: "Where the mailbox is.",
    }),
    imapPort: z.int().min(1).max(65_535).default(993).meta({
      env: "HUMBLEFAX_IMAP_PORT",
      secret: false,
      title: "IMAP port",
      description: "993: TLS from the start; another one: STARTTLS, never without.",
    }),
    imapUsername: z.string().min(1).optional().meta({
      env: "HUMBLEFAX_IMAP_USERNAME",
      secret: false,
      title: "IMAP user",
      description: "Mostly the mail address.",
    }),
    imapPassword: z.string().min(1).optional().meta({
      env: "HUMBLEFAX_IMAP_PASSWORD",
      secret: true,
      title: "IMAP password",
      description: "At Google an app password.",
    }),
    imapPollInterval: z.int().min(1).max(86_400).default(300).meta({
      env: "HUMBLEFAX_IMAP_POLL_INTERVAL",
      secret: false,
      title: "IMAP poll interval",
      description: "Seconds between two looks, should the server announce nothing.",
    }),
  })
  .refine((settings) => !settings.webhookEnabled || settings.callbackBase !== undefined, {
    path: ["callbackBase"],
    error: "is needed to register the webhook",
  })
  .refine((settings) => !settings.webhookEnabled || settings.webhookToken !== undefined, {
    path: ["webhookToken"],
    error: "is needed to register the webhook",
  })
  .refine((settings) => settings.previousWebhookToken === undefined || settings.webhookToken !== undefined, {
    path: ["previousWebhookToken"],
    error: "needs the new token beside it",
  })
  .refine(
    (settings) => settings.previousWebhookSecret === undefined || settings.webhookSecret !== undefined,
    {
      path: ["previousWebhookSecret"],
      error: "needs the new secret beside it",
    },
  )
  .refine((settings) => !settings.imapEnabled || settings.imapUsername !== undefined, {
    path: ["imapUsername"],
    error: "is needed to receive by mail",
  })
  .refine((settings) => !settings.imapEnabled || settings.imapPassword !== undefined, {
    path: ["imapPassword"],
    error: "is needed to receive by mail",
  });

/** Settings of the HumbleFax transport, as parsed. */
export type HumbleFaxSettings = z.output<typeof humblefaxSettings>;
