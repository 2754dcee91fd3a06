import {
  type BasicCredentials,
  documentFromBytes,
  type FaxDocument,
  FaxError,
  isFaxError,
  isPdf,
  normalizeNumber,
  readMultipart,
  spoolDocument,
  type TransportEvent,
  verifyBasicAuth,
  type WebhookRequest,
} from "@faxbot/core/transport";
import { z } from "zod";
import { type SinchFax, sinchFax } from "./sinch-api.ts";
import type { SinchSettings } from "./sinch-settings.ts";
import { statusReport } from "./sinch-status.ts";

/** The largest document to take, in bytes. */
export const largestDocument = 100 * 1024 * 1024;
/** A JSON webhook carries its document as base64 and has to be held in memory whole; multipart is streamed. */
const largestJson = 64 * 1024 * 1024;

/** A webhook as it came, before anything is made of it. */
export interface SinchWebhook {
  /** `INCOMING_FAX`, `FAX_COMPLETED`, or a word that is not documented. */
  event: string;
  fax: SinchFax;
  eventTime?: Date;
  /** The document, when it came along and is a PDF. */
  document?: FaxDocument;
}

/**
 * Which credentials a webhook may carry. Sinch knows no signature for faxes: a user and password in the configured URL
 * come back as HTTP Basic (vendor OpenAPI, `WebhookBasicAuth`; the Node SDK has no other check either).
 *
 * Whether Sinch decodes percent signs of the URL is not documented, so both spellings of a password with other
 * characters than `A-Z a-z 0-9 - . _ ~` count.
 */
export function webhookCredentials(settings: SinchSettings): BasicCredentials[] {
  const { webhookUser, webhookPass, previousWebhookUser = webhookUser, previousWebhookPass } = settings;
  const accepted: BasicCredentials[] = [];
  const accept = (user: string | undefined, pass: string | undefined) => {
    if (!user || !pass) return;
    accepted.push({ user, pass });
    const encoded = { user: encodeURIComponent(user), pass: encodeURIComponent(pass) };
    if (encoded.user !== user || encoded.pass !== pass) accepted.push(encoded);
  };
  accept(webhookUser, webhookPass);
  accept(previousWebhookUser, previousWebhookPass);
  return accepted;
}

/**
 * Refuses a webhook without the right credentials; reads nothing but its headers.
 *
 * @throws FaxError `webhook_unverified`, also when no credentials are configured
 */
export function verifyWebhook(headers: Headers, accepted: readonly BasicCredentials[]): void {
  if (accepted.length === 0 || !verifyBasicAuth(headers.get("authorization"), accepted)) {
    throw new FaxError("webhook_unverified", "the webhook's credentials are missing or wrong", {
      transportId: "sinch",
    });
  }
}

/** Whether an event's document is wanted; asked with `undefined` while the event is not known yet: the parts of a form have no promised order. */
export type Wanted = (event: string | undefined) => boolean;

/**
 * Reads a webhook's body: multipart (Sinch's default) or JSON.
 *
 * @param wanted whether the document is wanted for this event; without it the bytes are skipped
 * @throws FaxError `webhook_malformed`, `document_too_large` (JSON only)
 */
export async function readWebhook(request: WebhookRequest, wanted: Wanted): Promise<SinchWebhook> {
  const contentType = request.headers.get("content-type") ?? "";
  if (request.method !== "POST") throw malformed("a webhook must be a POST");
  if (/^multipart\/form-data\b/i.test(contentType)) return readForm(request, contentType, wanted);
  if (/^application\/json\b/i.test(contentType)) return readJson(request, wanted);
  throw malformed("a webhook must be multipart/form-data or application/json");
}

/** A text, or the first of a list. */
const oneText = z.union([z.string(), z.tuple([z.string()], z.unknown()).transform(([first]) => first)]);
/** A completed fax has its document in `files` (OpenAPI, .NET SDK) or in `file` (newer Node SDK). */
const jsonWebhook = z.object({
  event: oneText,
  eventTime: oneText.optional().catch(undefined),
  fax: z.unknown(),
  file: oneText.optional().catch(undefined),
  files: z
    .array(z.object({ file: z.string() }))
    .optional()
    .catch(undefined),
});

async function readJson(request: WebhookRequest, wanted: Wanted): Promise<SinchWebhook> {
  const bytes = await request.body.bytes(largestJson);
  const parsed = jsonWebhook.safeParse(parseJson(Buffer.from(bytes).toString("utf8")));
  if (!parsed.success) throw malformed("the webhook has no event");
  const { event, eventTime, fax, file, files } = parsed.data;
  const webhook = webhookOf(event, eventTime, typeof fax === "string" ? parseJson(fax) : fax);
  const base64 = file ?? files?.[0]?.file;
  if (base64 === undefined || !wanted(webhook.event)) return webhook;
  const document = documentFromBytes(Buffer.from(base64, "base64"), receivedPdf);
  return (await isPdf(document)) ? { ...webhook, document } : webhook;
}

async function readForm(request: WebhookRequest, contentType: string, wanted: Wanted): Promise<SinchWebhook> {
  const form: ReadForm = { fields: new Map(), document: undefined };
  try {
    await readParts(request, contentType, wanted, form);
    const event = eventOf(form);
    if (event === undefined) throw malformed("the webhook has no event");
    const webhook = webhookOf(event, form.fields.get("eventTime"), parseJson(form.fields.get("fax") ?? ""));
    const { document } = form;
    if (document && wanted(webhook.event) && (await isPdf(document))) return { ...webhook, document };
    await document?.dispose();
    return webhook;
  } catch (error) {
    await form.document?.dispose();
    throw error;
  }
}

interface ReadForm {
  fields: Map<string, string>;
  document: (FaxDocument & { dispose(): Promise<void> }) | undefined;
}

async function readParts(
  request: WebhookRequest,
  contentType: string,
  wanted: Wanted,
  form: ReadForm,
): Promise<void> {
  const parts = readMultipart(await request.body.stream(), contentType, { fileBytes: largestDocument });
  try {
    for await (const part of parts) {
      if (part.kind === "field") form.fields.set(part.name, part.value);
      else if (!form.document && /^files?\b/.test(part.name) && wanted(eventOf(form))) {
        form.document = await spoolDocument(part.stream, receivedPdf, { maxBytes: largestDocument });
      }
    }
  } catch (error) {
    // A document that is too large for us must not cost the event: what becomes of it is decided when it is fetched.
    if (!isFaxError(error, "document_too_large") || !form.fields.has("fax")) throw error;
  }
}

function webhookOf(event: string, eventTime: string | undefined, fax: unknown): SinchWebhook {
  const parsed = sinchFax.safeParse(fax);
  if (!parsed.success) throw malformed("the webhook has no fax with an id");
  const time = new Date(eventTime ?? Number.NaN);
  return {
    event,
    fax: parsed.data,
    ...(Number.isNaN(time.getTime()) ? {} : { eventTime: time }),
  };
}

/** The vendor's OpenAPI declares the form's `event` as JSON, so it may come with quotes. */
function eventOf(form: ReadForm): string | undefined {
  return form.fields
    .get("event")
    ?.trim()
    .replace(/^"(.*)"$/s, "$1");
}

const receivedPdf = { mediaType: "application/pdf", fileName: "fax.pdf" };

/**
 * What a verified webhook says happened. Events that are not documented, such as those of `inProgressNotifications`,
 * say nothing.
 *
 * The key is the same when Sinch delivers the same event again (up to 16 times): its kind, the fax and, for a report,
 * the status, for Sinch gives events no id.
 */
export function eventsOf(webhook: SinchWebhook): TransportEvent[] {
  const { event, fax } = webhook;
  if (event !== "INCOMING_FAX" && event !== "FAX_COMPLETED") return [];
  // A received fax that is reported as completed is the same fact again, under the same key.
  if ((fax.direction ?? directionOf[event]) === "INBOUND") return receivedEvents(webhook);
  if (event === "INCOMING_FAX") return [];
  const report = statusReport(fax);
  const occurredAt = report.occurredAt ?? webhook.eventTime;
  return [
    {
      type: "status",
      key: `FAX_COMPLETED:${fax.id}:${report.providerStatus}`,
      report: { ...report, ...(occurredAt ? { occurredAt } : {}) },
    },
  ];
}

/** `direction` is optional in the vendor's OpenAPI. */
const directionOf = { INCOMING_FAX: "INBOUND", FAX_COMPLETED: "OUTBOUND" } as const;

function receivedEvents({ fax, eventTime, document }: SinchWebhook): TransportEvent[] {
  const failed = fax.status === "FAILURE";
  const pages = fax.numberOfPages ?? fax.pagesSentSuccessfully;
  // A call that broke before its first page left nothing to fetch.
  if (failed && !document && fax.hasFile !== true && !pages) return [];
  const occurredAt = fax.completedTime ?? eventTime ?? fax.createTime;
  const from = fax.from === undefined ? undefined : normalizeNumber(fax.from);
  const to = fax.to === undefined ? undefined : normalizeNumber(fax.to);
  return [
    {
      type: "received",
      key: `INCOMING_FAX:${fax.id}`,
      providerId: fax.id,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ...(pages === undefined ? {} : { pages }),
      ...(failed ? { partial: true } : {}),
      ...(document ? { document } : {}),
      ...(occurredAt ? { occurredAt } : {}),
    },
  ];
}

function malformed(message: string): FaxError {
  return new FaxError("webhook_malformed", message, { transportId: "sinch" });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed("a webhook's JSON cannot be read");
  }
}
