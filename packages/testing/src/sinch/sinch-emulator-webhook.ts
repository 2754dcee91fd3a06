import { type FormPart, writeMultipart } from "../multipart-form.ts";
import { type WebhookSender, webhookSender } from "../webhook-sender.ts";
import type { SinchQuirks } from "./sinch-emulator-options.ts";

/** The two documented events; the word of a page's notification is not documented, so the emulator's may be chosen. */
export type SinchEvent = "FAX_COMPLETED" | "INCOMING_FAX" | (string & {});

/** What to deliver. */
export interface SinchWebhook {
  event: SinchEvent;
  faxId: string;
  /** With credentials in it, as it was configured. */
  url: string;
  contentType: "multipart/form-data" | "application/json";
  /** As it is shown at the time of the event. */
  fax: Readonly<Record<string, unknown>>;
  document: Buffer | undefined;
}

/** Minutes before each of the vendor's 16 retries: 5, 10, 20, 30, then every six hours (vendor docs, "Callbacks"). */
export const sinchRetryMinutes: readonly number[] = [5, 10, 20, 30, ...Array<number>(12).fill(360)];

/** Makes the sender of webhooks: HTTP Basic from the URL's user info, which is all the proof that they have. */
export function sinchWebhooks(options: {
  quirks: Pick<SinchQuirks, "completedJson" | "quotedEvent">;
  retryMinutes: readonly number[];
  minuteMs: number;
  timeoutMs: number;
}): WebhookSender<SinchEvent, SinchWebhook> {
  return webhookSender<SinchEvent, SinchWebhook>({
    retryMinutes: options.retryMinutes,
    minuteMs: options.minuteMs,
    timeoutMs: options.timeoutMs,
    encode(webhook, { signature, withDocument, change }) {
      const url = new URL(webhook.url);
      if (signature === "none") url.username = url.password = "";
      if (signature === "wrong")
        url.password = encodeURIComponent(anotherEnd(decodeURIComponent(url.password)));
      const fax = change({ ...webhook.fax });
      const document = withDocument ? webhook.document : undefined;
      const { contentType, body } = content({ ...webhook, fax, document }, options.quirks);
      return { method: "POST", url: url.href, headers: { "content-type": contentType }, body };
    },
  });
}

/** With another last character. */
function anotherEnd(password: string): string {
  return `${password.slice(0, -1)}${password.endsWith("x") ? "y" : "x"}`;
}

function content(
  { event, faxId, contentType, fax, document }: SinchWebhook,
  quirks: Pick<SinchQuirks, "completedJson" | "quotedEvent">,
): { contentType: string; body: Buffer } {
  const eventTime = new Date().toISOString();
  if (contentType === "application/json") {
    const file = document && { file: document.toString("base64"), fileType: "PDF" };
    const files = file && event === "FAX_COMPLETED" && quirks.completedJson === "files";
    const body = JSON.stringify({ event, eventTime, fax, ...(files ? { files: [file] } : file) });
    return { contentType, body: Buffer.from(body) };
  }
  const parts: FormPart[] = [
    quirks.quotedEvent
      ? { name: "event", contentType: "application/json", content: JSON.stringify(event) }
      : { name: "event", content: event },
    { name: "eventTime", content: eventTime },
    { name: "fax", contentType: "application/json", content: JSON.stringify(fax) },
  ];
  if (document) {
    parts.push({ name: "file", fileName: `${faxId}.pdf`, contentType: "application/pdf", content: document });
  }
  return writeMultipart(parts);
}
