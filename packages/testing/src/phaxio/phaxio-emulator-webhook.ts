import { writeMultipart } from "../multipart-form.ts";
import { type WebhookSender, webhookSender } from "../webhook-sender.ts";
import { asVersion1, numbersAsText, type PhaxioFax } from "./phaxio-emulator-fax.ts";
import type { PhaxioConsole, PhaxioEvent, PhaxioQuirks } from "./phaxio-emulator-options.ts";
import { type PhaxioSignedPart, phaxioSignature } from "./phaxio-signature.ts";

/** What to deliver. */
export interface PhaxioWebhook {
  event: PhaxioEvent;
  faxId: string;
  url: string;
  /** As it is at the time of the event. */
  fax: PhaxioFax;
  document: Buffer | undefined;
  /** Further form fields: `page`, `retry_count`, `recipient_phone_number`. */
  extra?: Readonly<Record<string, string>>;
}

/** Minutes before each of the vendor's 16 retries: 5, 10, 20, 30, then every six hours (vendor docs, "Webhooks"). */
export const phaxioRetryMinutes: readonly number[] = [5, 10, 20, 30, ...Array<number>(12).fill(360)];

/** Makes the sender of webhooks: always a multipart POST, in the form that the account has chosen. */
export function phaxioWebhooks(options: {
  console: PhaxioConsole;
  quirks: PhaxioQuirks;
  retryMinutes: readonly number[];
  minuteMs: number;
  timeoutMs: number;
}): WebhookSender<PhaxioEvent, PhaxioWebhook> {
  return webhookSender<PhaxioEvent, PhaxioWebhook>({
    retryMinutes: options.retryMinutes,
    minuteMs: options.minuteMs,
    timeoutMs: options.timeoutMs,
    encode(webhook, { signature, withDocument, change }) {
      const document = withDocument ? webhook.document : undefined;
      const parts = webhookParts({ ...webhook, document }, options, change);
      const { contentType, body } = writeMultipart(
        parts.map(({ name, content }) =>
          typeof content === "string"
            ? { name, content }
            : { name, content, fileName: `fax-${webhook.faxId}.pdf`, contentType: "application/pdf" },
        ),
      );
      const headers: Record<string, string> = { "content-type": contentType };
      const { callbackToken } = options.console;
      if (callbackToken && signature !== "none") {
        const url = options.quirks.signUserInfo
          ? webhook.url
          : webhook.url.replace(/^(https?:\/\/)[^/?#@]*@/i, "$1");
        const key = signature === "right" ? callbackToken : `another ${callbackToken}`;
        headers["x-phaxio-signature"] = phaxioSignature(key, url, parts);
      }
      return { method: "POST", url: webhook.url, headers, body };
    },
  });
}

function webhookParts(
  webhook: PhaxioWebhook,
  { console, quirks }: { console: PhaxioConsole; quirks: PhaxioQuirks },
  change: (content: Record<string, unknown>) => Readonly<Record<string, unknown>>,
): PhaxioSignedPart[] {
  const { event, fax } = webhook;
  const version = console.webhookVersion;
  const shape: Record<string, unknown> = version === "v1" ? asVersion1(fax) : { ...fax };
  const shown = change(quirks.numbersAsStrings ? (numbersAsText(shape) as Record<string, unknown>) : shape);
  const fields: Record<string, string> = {
    ...(version === "v2.1" ? { event_type: event } : {}),
    fax: JSON.stringify(shown),
    ...webhook.extra,
  };
  if (event === "fax_completed") {
    fields.success = String(fax.status === "success");
    fields.is_test = String(fax.is_test);
    fields.direction = fax.direction;
    if (version !== "v2.1" && fax.error_message !== null) fields.message = fax.error_message;
  }
  const parts: PhaxioSignedPart[] = Object.entries(fields).map(([name, content]) => ({ name, content }));
  if (webhook.document) {
    parts.push({ name: version === "v1" ? "filename" : "file", content: webhook.document });
  }
  return parts;
}
