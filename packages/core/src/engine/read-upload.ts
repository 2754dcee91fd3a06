import type { DocumentInput } from "../faxbot.ts";
import type { StoredDocument } from "../records/fax.ts";
import { streamBytes } from "../transport/fax-document.ts";
import { FaxError } from "../transport/fax-error.ts";
import type { Engine } from "./engine.ts";
import { openStoredDocument } from "./stored-document.ts";

/**
 * Writes a caller's document to the blob store, whole or not at all, and finds out what it is by its content. The blob
 * stands before any row names it; what a crash leaves behind is collected later.
 *
 * @throws FaxError `document_too_large`, `document_invalid`, `document_encrypted`, `document_unsupported`,
 * `request_invalid`
 */
export async function readUpload<Trx>(
  engine: Engine<Trx>,
  blobKey: string,
  input: DocumentInput,
  accepts: readonly string[],
): Promise<StoredDocument> {
  const { content, fileName } = await contentOf(input);
  const head: Uint8Array[] = [];
  await engine.faultPoint("send.before-blob");
  const written = await engine.blobs.put(blobKey, limited(content, engine.maxDocumentBytes, head));
  await engine.faultPoint("send.after-blob");
  try {
    if (written.size === 0) throw new FaxError("document_invalid", "the document is empty");
    const stored: StoredDocument = {
      blobKey,
      mediaType: sniff(Buffer.concat(head)) ?? "application/octet-stream",
      fileName: safeFileName(fileName),
      ...written,
    };
    if (engine.documents) {
      const info = await engine.documents.inspect(openStoredDocument(engine.blobs, stored));
      stored.mediaType = info.mediaType;
      stored.pages = info.pages.length;
    } else if (!accepts.includes(stored.mediaType)) {
      throw new FaxError(
        "document_unsupported",
        `without a document engine only ${accepts.join(" or ")} can be sent over this transport`,
      );
    }
    return stored;
  } catch (error) {
    await engine.blobs.delete(blobKey).catch(() => {});
    throw error;
  }
}

async function contentOf(
  input: DocumentInput,
): Promise<{ content: ReadableStream<Uint8Array>; fileName: string }> {
  if (input instanceof Uint8Array) return { content: streamBytes(input), fileName: "document" };
  if (input instanceof Blob) {
    const name = "name" in input && typeof input.name === "string" ? input.name : "document";
    return { content: input.stream() as ReadableStream<Uint8Array>, fileName: name };
  }
  if (input instanceof ReadableStream) return { content: input, fileName: "document" };
  if (typeof input === "object" && input !== null && "open" in input && typeof input.open === "function") {
    return { content: await input.open(), fileName: input.fileName };
  }
  if (typeof input === "object" && input !== null && "content" in input) {
    const { content } = await contentOf(input.content);
    return { content, fileName: String(input.fileName ?? "document") };
  }
  throw new FaxError("request_invalid", "document must be bytes, a Blob, a stream or a FaxDocument");
}

/** Passes bytes on, keeps the first few, and breaks off past the limit: then the blob store keeps nothing. */
function limited(
  content: ReadableStream<Uint8Array>,
  maxBytes: number,
  head: Uint8Array[],
): ReadableStream<Uint8Array> {
  let size = 0;
  return content.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        if (size < 1024) head.push(chunk.slice(0, 1024));
        size += chunk.byteLength;
        if (size > maxBytes) {
          throw new FaxError("document_too_large", `the document is larger than ${maxBytes} bytes`);
        }
        controller.enqueue(chunk);
      },
    }),
  );
}

/** PDF and TIFF by their first bytes; ISO 32000 readers accept a PDF header within the first 1,024 bytes. */
function sniff(head: Buffer): string | undefined {
  const magic = head.subarray(0, 4).toString("latin1");
  if (["II*\0", "MM\0*", "II+\0", "MM\0+"].includes(magic)) return "image/tiff";
  return head.subarray(0, 1024).includes("%PDF-") ? "application/pdf" : undefined;
}

/** Only for people to read; never used as a path. */
function safeFileName(name: string): string {
  const base = name.split(/[/\\]/).at(-1) ?? "";
  const clean = Array.from(base)
    .filter((character) => character >= " " && character !== "\u007f" && !'"<>:|?*'.includes(character))
    .slice(0, 100)
    .join("");
  return clean === "" || /^\.+$/.test(clean) ? "document" : clean;
}
