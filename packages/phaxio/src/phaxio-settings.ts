import { isE164 } from "@faxbot/core/transport";
import { z } from "zod";

const token = z.string().min(1);
/** Its user name ends at the first colon (RFC 7617). */
const basicUser = z
  .string()
  .min(1)
  .regex(/^[^:]+$/);

/** The settings of the Phaxio transport. */
export const phaxioSettings = z
  .strictObject({
    apiKey: basicUser.meta({
      env: "PHAXIO_API_KEY",
      secret: true,
      title: "API key",
      description: "From the console's API settings; the pair decides whether faxes are live or tests.",
    }),
    apiSecret: token.meta({
      env: "PHAXIO_API_SECRET",
      secret: true,
      title: "API secret",
      description: "The key's other half.",
    }),
    callbackToken: token.optional().meta({
      env: "PHAXIO_CALLBACK_TOKEN",
      secret: true,
      title: "Callback token",
      description:
        "Signs webhooks; not the API secret. Without it every webhook is refused and faxes are polled.",
    }),
    previousCallbackToken: token.optional().meta({
      env: "PHAXIO_PREVIOUS_CALLBACK_TOKEN",
      secret: true,
      title: "Previous callback token",
      description: "Accepted beside the new one during a rotation.",
    }),
    callbackUrl: z
      .url({ protocol: /^https?$/ })
      .regex(/^[^#]+$/)
      .optional()
      .meta({
        env: "PHAXIO_CALLBACK_URL",
        secret: false,
        title: "Callback URL",
        description:
          "Where Phaxio reports sent faxes, when that is not the public URL's `/callbacks/phaxio`; to the letter.",
      }),
    verifySignature: z.boolean().default(true).meta({
      env: "PHAXIO_VERIFY_SIGNATURE",
      secret: false,
      title: "Verify reports of sent faxes",
      description: "`false`: anybody may call; a webhook is then only a hint to ask Phaxio by id.",
    }),
    inboundVerifySignature: z.boolean().default(true).meta({
      env: "PHAXIO_INBOUND_VERIFY_SIGNATURE",
      secret: false,
      title: "Verify reports of received faxes",
      description: "The same for received faxes.",
    }),
    signatureMode: z.enum(["hmac-sha1", "hmac-sha256-body"]).default("hmac-sha1").meta({
      env: "PHAXIO_SIGNATURE_MODE",
      secret: false,
      title: "Signature",
      description:
        "`hmac-sha1` is what Phaxio does. `hmac-sha256-body` is for a proxy of yours that signs the raw body with the API secret.",
    }),
    previousApiSecret: token.optional().meta({
      env: "PHAXIO_PREVIOUS_API_SECRET",
      secret: true,
      title: "Previous API secret",
      description: "Accepted for `hmac-sha256-body` during a rotation; never sent.",
    }),
    from: z.string().refine(isE164, "must be a number in E.164 form").optional().meta({
      env: "PHAXIO_FROM_NUMBER",
      secret: false,
      title: "Sender number",
      description: "E.164, one of your Phaxio numbers. Without it Phaxio's own.",
    }),
    baseUrl: z
      .url({ protocol: /^https?$/ })
      .default("https://api.phaxio.com")
      .meta({
        env: "PHAXIO_BASE_URL",
        secret: false,
        title: "Base URL",
        description: "The API's address; `/v2.1` is added, and may stand at its end.",
      }),
  })
  .refine(
    (settings) => settings.previousCallbackToken === undefined || settings.callbackToken !== undefined,
    { path: ["previousCallbackToken"], error: "needs the new callback token beside it" },
  );

/** Settings of the Phaxio transport, as parsed. */
export type PhaxioSettings = z.output<typeof phaxioSettings>;

/**
 * The address of the API. Always v2.1: v2 differs in details and v1 is another API.
 */
export function apiUrl(settings: Pick<PhaxioSettings, "baseUrl">): string {
  const host = settings.baseUrl.replace(/\/+$/, "").replace(/\/v2(\.1)?$/, "");
  return `${host}/v2.1`;
}
