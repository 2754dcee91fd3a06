import { createHash } from "node:crypto";
import {
  type FaxDocument,
  FaxError,
  isFaxError,
  isPdf,
  readMultipart,
  spoolDocument,
  type WebhookRequest,
} from "@faxbot/core/transport";

/** The largest document to keep, in bytes. */
export const largestDocument = 100 * 1024 * 1024;
/** The largest text of a webhook, in bytes. */
const largestField = 1024 * 1024;

/** A webhook's form as its signature covers it: texts as they came, and of each file only its hash. */
export interface PhaxioForm {
  fields: [name: string, value: string][];
  files: { name: string; sha1: string }[];
}

/**
 * Reads a webhook's form. Files are hashed on their way and not kept: nobody has proven yet that they are wanted.
 * Phaxio always sends `multipart/form-data` (documents, "Webhooks"); a URL-encoded form, as a proxy may make of one
 * without files, is read as well.
 *
 * @throws FaxError `webhook_malformed` when the call is no form at all; `webhook_unverified` when it is one that
 * cannot be read to its end: then there is nothing that a signature could fit
 */
export async function readForm(request: WebhookRequest): Promise<PhaxioForm> {
  const contentType = request.headers.get("content-type") ?? "";
  if (request.method !== "POST") throw malformed("a webhook must be a POST");
  if (/^application\/x-www-form-urlencoded\b/i.test(contentType)) {
    const text = Buffer.from(await request.body.bytes(largestField)).toString("utf8");
    return { fields: [...new URLSearchParams(text)], files: [] };
  }
  if (!/^multipart\/form-data\b/i.test(contentType)) throw malformed("a webhook must be a form");
  const form: PhaxioForm = { fields: [], files: [] };
  try {
    for await (const part of readParts(request, contentType)) {
      if (part.kind === "field") {
        form.fields.push([part.name, part.value]);
        continue;
      }
      const hash = createHash("sha1");
      for await (const chunk of part.stream) hash.update(chunk);
      form.files.push({ name: part.name, sha1: hash.digest("hex") });
    }
  } catch (error) {
    if (!isFaxError(error, "webhook_malformed")) throw error;
    throw new FaxError("webhook_unverified", "the webhook's form cannot be read, so nothing is proven", {
      transportId: "phaxio",
      cause: error,
    });
  }
  return form;
}

/**
 * Reads the received fax's document out of a webhook: the part `file` (v2, v2.1) or `filename` (v1). A separate, second
 * pass over the body, which is spooled already: so only what was verified is kept.
 *
 * @returns `undefined` when there is none, when it is no PDF, or when it is too large; then it is fetched by id
 */
export async function readFormDocument(request: WebhookRequest): Promise<FaxDocument | undefined> {
  const contentType = request.headers.get("content-type") ?? "";
  for await (const part of readParts(request, contentType)) {
    if (part.kind === "field" || !documentParts.includes(part.name)) continue;
    let document: FaxDocument & { dispose(): Promise<void> };
    try {
      document = await spoolDocument(part.stream, receivedPdf, { maxBytes: largestDocument });
    } catch (error) {
      // What becomes of it is decided when it is fetched; it must not cost the event.
      if (isFaxError(error, "document_too_large")) return undefined;
      throw error;
    }
    if (await isPdf(document)) return document;
    await document.dispose();
    return undefined;
  }
  return undefined;
}

const documentParts: readonly string[] = ["file", "filename"];
const receivedPdf = { mediaType: "application/pdf", fileName: "fax.pdf" };

async function* readParts(request: WebhookRequest, contentType: string) {
  // The host limits the body as a whole. A limit for one file would leave an event that can never be verified.
  const limits = { fieldBytes: largestField, fileBytes: Number.MAX_SAFE_INTEGER };
  yield* readMultipart(await request.body.stream(), contentType, limits);
}

function malformed(message: string): FaxError {
  return new FaxError("webhook_malformed", message, { transportId: "phaxio" });
}
