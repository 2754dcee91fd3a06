import { randomBytes } from "node:crypto";
import type { FaxDocument } from "./fax-document.ts";
import { FaxError } from "./fax-error.ts";
import type { RequestBody } from "./request-body.ts";

/** One part of a form: a text, or a document under the file name that the provider is to see. */
export type FormPart =
  | { name: string; value: string }
  | { name: string; document: FaxDocument; fileName?: string };

/**
 * Encodes a form as `multipart/form-data` (RFC 7578). Parts keep their order. Documents are streamed: none of them is
 * held in memory, and still the body's length is exact, because a document knows its size.
 *
 * Node's `fetch` sends a body that is a stream with `Transfer-Encoding: chunked`, which some providers refuse, unless
 * the request states its `content-length`; then it sends exactly that and fails when another number of bytes comes
 * (checked on Node 22.14 and 24.21; a test pins it).
 *
 * @throws FaxError `document_invalid` from the stream when a document yields another number of bytes than its `size`
 * @example
 * const body = multipartBody([{ name: "to", value: "+12025550123" }, { name: "file", document }]);
 * await client.json({ method: "POST", path: "/faxes", body, intent: "send" }, replySchema, call);
 */
export function multipartBody(parts: readonly FormPart[]): RequestBody {
  const boundary = `faxbot-${randomBytes(16).toString("hex")}`;
  const encoder = new TextEncoder();
  const end = encoder.encode(`--${boundary}--\r\n`);
  const heads = parts.map((part) => encoder.encode(headOf(part, boundary)));
  let contentLength = end.byteLength;
  for (const [index, part] of parts.entries()) {
    contentLength +=
      (heads[index] as Uint8Array).byteLength + ("document" in part ? part.document.size + 2 : 0);
  }
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    contentLength,
    open: async () => {
      const documents = await openAll(parts);
      const chunks = bytesOf(parts, heads, documents, end);
      return new ReadableStream(
        {
          async pull(controller) {
            const { done, value } = await chunks.next();
            if (done) controller.close();
            else controller.enqueue(value);
          },
          async cancel(reason) {
            await chunks.return(undefined);
            // A generator that never ran has no `finally`; its documents are open all the same.
            await cancelAll(documents, reason);
          },
        },
        { highWaterMark: 0 },
      );
    },
  };
}

/** A text part is all head; a document's bytes follow its head. */
function headOf(part: FormPart, boundary: string): string {
  const start = `--${boundary}\r\nContent-Disposition: form-data; name="${quotable(part.name)}"`;
  if ("value" in part) return `${start}\r\n\r\n${part.value}\r\n`;
  const { mediaType } = part.document;
  const safeType = /^[\w.+-]+\/[\w.+-]+(;\s*[\w-]+=[\w.-]+)*$/.test(mediaType)
    ? mediaType
    : "application/octet-stream";
  // A base name only: the path on our disk is nobody's business.
  const fileName = (part.fileName ?? part.document.fileName).replace(/^.*[/\\]/s, "");
  return `${start}; filename="${quotable(fileName || "document")}"\r\nContent-Type: ${safeType}\r\n\r\n`;
}

/** The escapes of the WHATWG form encoding: a quote or a line break could end the header and begin another. */
function quotable(text: string): string {
  return text.replaceAll('"', "%22").replaceAll("\r", "%0D").replaceAll("\n", "%0A").replaceAll("\0", "");
}

/** All documents are opened before the first byte is sent: one that cannot be opened then proves that nothing was. */
async function openAll(parts: readonly FormPart[]): Promise<Map<FormPart, ReadableStream<Uint8Array>>> {
  const opened = new Map<FormPart, ReadableStream<Uint8Array>>();
  try {
    for (const part of parts) if ("document" in part) opened.set(part, await part.document.open());
  } catch (error) {
    await cancelAll(opened, error);
    throw error;
  }
  return opened;
}

async function* bytesOf(
  parts: readonly FormPart[],
  heads: readonly Uint8Array[],
  documents: Map<FormPart, ReadableStream<Uint8Array>>,
  end: Uint8Array,
): AsyncGenerator<Uint8Array> {
  const lineBreak = Uint8Array.of(13, 10);
  try {
    for (const [index, part] of parts.entries()) {
      yield heads[index] as Uint8Array;
      const stream = documents.get(part);
      if (!stream || !("document" in part)) continue;
      let left = part.document.size;
      for await (const chunk of stream) {
        left -= chunk.byteLength;
        if (left < 0) break;
        yield chunk;
      }
      if (left !== 0) throw new FaxError("document_invalid", "a document's bytes do not match its size");
      documents.delete(part);
      yield lineBreak;
    }
    yield end;
  } finally {
    await cancelAll(documents);
  }
}

async function cancelAll(
  streams: Map<FormPart, ReadableStream<Uint8Array>>,
  reason?: unknown,
): Promise<void> {
  for (const stream of streams.values()) {
    if (!stream.locked) await stream.cancel(reason).catch(() => {});
  }
}
