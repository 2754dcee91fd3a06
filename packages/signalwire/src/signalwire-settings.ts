import { isE164 } from "@faxbot/core/transport";
import { z } from "zod";

const e164 = z.string().refine(isE164, "must be a number in E.164 form");
/** A colon would end the user name (RFC 7617). */
const basicUser = z
  .string()
  .min(1)
  .regex(/^[^:]+$/);

/** The settings of the SignalWire transport. */
export const signalwireSettings = z
  .strictObject({
    spaceUrl: z
      .string()
      .refine((text) => originOf(text) !== undefined, "must be a space's name, host or https URL")
      .meta({
        env: "SIGNALWIRE_SPACE_URL",
        secret: false,
        title: "Space",
        description: "`example`, `example.signalwire.com` or `https://example.signalwire.com`.",
      }),
    projectId: z
      .string()
      .regex(/^[A-Za-z0-9-]{1,64}$/)
      .meta({
        env: "SIGNALWIRE_PROJECT_ID",
        secret: false,
        title: "Project id",
        description: "From the dashboard's API Credentials; also the account's id.",
      }),
    apiToken: z.string().min(1).meta({
      env: "SIGNALWIRE_API_TOKEN",
      secret: true,
      title: "API token",
      description: "With the scope Fax.",
    }),
    from: e164.meta({
      env: "SIGNALWIRE_FAX_FROM_E164",
      secret: false,
      title: "Sender number",
      description: "E.164, a number of the project; SignalWire sends no fax without one.",
    }),
    signingKey: z.string().min(1).optional().meta({
      env: "SIGNALWIRE_WEBHOOK_SIGNING_KEY",
      secret: true,
      title: "Signing key",
      description: "From API Credentials; signs webhooks. Not the API token.",
    }),
    previousSigningKey: z.string().min(1).optional().meta({
      env: "SIGNALWIRE_WEBHOOK_PREVIOUS_SIGNING_KEY",
      secret: true,
      title: "Previous signing key",
      description: "Accepted beside the new one during a rotation.",
    }),
    webhookUser: basicUser.optional().meta({
      env: "SIGNALWIRE_WEBHOOK_USER",
      secret: false,
      title: "Webhook user",
      description: "Basic credentials in the webhook's URL, for projects without a signing key.",
    }),
    webhookPass: z.string().min(1).optional().meta({
      env: "SIGNALWIRE_WEBHOOK_PASS",
      secret: true,
      title: "Webhook password",
      description: "Letters, digits and `-._~` are safest. Counts only without a signing key.",
    }),
    previousWebhookUser: basicUser.optional().meta({
      env: "SIGNALWIRE_WEBHOOK_PREVIOUS_USER",
      secret: false,
      title: "Previous webhook user",
      description: "During a rotation; default: the webhook user.",
    }),
    previousWebhookPass: z.string().min(1).optional().meta({
      env: "SIGNALWIRE_WEBHOOK_PREVIOUS_PASS",
      secret: true,
      title: "Previous webhook password",
      description: "Accepted beside the new one during a rotation.",
    }),
    verifySignature: z.boolean().default(true).meta({
      env: "SIGNALWIRE_VERIFY_SIGNATURE",
      secret: false,
      title: "Verify webhooks",
      description: "`false`: anybody may call; a webhook is then only a hint to ask SignalWire by id.",
    }),
    inboundNumbers: z.array(e164).min(1).optional().meta({
      env: "SIGNALWIRE_INBOUND_NUMBERS",
      secret: false,
      title: "Fax numbers",
      description: "E.164, with commas: whose received faxes are looked for; default: the sender number.",
    }),
    inboundPollSeconds: z.number().nonnegative().max(86_400).default(300).meta({
      env: "SIGNALWIRE_INBOUND_POLL_SECONDS",
      secret: false,
      title: "Poll for received faxes",
      description: "Every so many seconds, beside the webhooks, which may be lost; 0: never.",
    }),
    receivePageSize: z.enum(["letter", "legal", "a4"]).default("letter").meta({
      env: "SIGNALWIRE_RECEIVE_PAGE_SIZE",
      secret: false,
      title: "Page size of received faxes",
      description: "What SignalWire makes of a received page.",
    }),
  })
  .refine((settings) => (settings.webhookUser === undefined) === (settings.webhookPass === undefined), {
    path: ["webhookPass"],
    error: "webhook user and password must be set together",
  })
  .refine((settings) => settings.previousSigningKey === undefined || settings.signingKey !== undefined, {
    path: ["previousSigningKey"],
    error: "needs the new signing key beside it",
  })
  .refine((settings) => settings.previousWebhookPass === undefined || settings.webhookPass !== undefined, {
    path: ["previousWebhookPass"],
    error: "needs the new webhook password beside it",
  })
  .refine(
    (settings) => settings.previousWebhookUser === undefined || settings.previousWebhookPass !== undefined,
    {
      path: ["previousWebhookUser"],
      error: "needs the previous webhook password beside it",
    },
  );

/** Settings of the SignalWire transport, as parsed. */
export type SignalWireSettings = z.output<typeof signalwireSettings>;

/**
 * The origin of a space, from any of the forms in which people write it. `http` is for this machine only.
 *
 * @returns e.g. `https://example.signalwire.com`, or `undefined` when it is none of them
 */
function originOf(space: string): string | undefined {
  const text = space.trim();
  if (/^[a-z0-9-]{1,63}$/i.test(text)) return `https://${text.toLowerCase()}.signalwire.com`;
  const url = URL.parse(/^https?:\/\//i.test(text) ? text : `https://${text}`);
  if (!url || url.username || url.password || url.search || url.hash || url.pathname !== "/")
    return undefined;
  const local = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  return url.protocol === "https:" || local ? url.origin : undefined;
}

/** The origin of the configured space. */
export function spaceOrigin(settings: Pick<SignalWireSettings, "spaceUrl">): string {
  return originOf(settings.spaceUrl) as string;
}
