import { type FaxDocument, FaxError } from "@faxbot/core/transport";

/**
 * Reads a document whole, in one buffer of its size.
 *
 * @param maxBytes the most bytes to hold
 * @throws FaxError `document_too_large` when it is larger; `document_invalid` when it does not have the size it says
 */
export async function readDocumentBytes(document: FaxDocument, maxBytes: number): Promise<Uint8Array> {
  if (document.size > maxBytes) {
    throw new FaxError("document_too_large", `the document is larger than ${maxBytes} bytes`);
  }
  return readStreamBytes(await document.open(), document.size);
}

async function readStreamBytes(stream: ReadableStream<Uint8Array>, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let at = 0;
  // Leaving the loop early cancels the stream.
  for await (const chunk of stream) {
    if (at + chunk.length > size) {
      throw new FaxError("document_invalid", "the document has more bytes than its size says");
    }
    bytes.set(chunk, at);
    at += chunk.length;
  }
  if (at < size) throw new FaxError("document_invalid", "the document has fewer bytes than its size says");
  return bytes;
}

/**
 * Reads the first bytes of a document.
 *
 * @param count how many; fewer come when the document is shorter
 */
export async function readDocumentHead(document: FaxDocument, count: number): Promise<Uint8Array> {
  const size = Math.min(count, document.size);
  if (size === 0) return new Uint8Array();
  const bytes = new Uint8Array(size);
  let at = 0;
  for await (const chunk of await document.open({ start: 0, end: size - 1 })) {
    const part = chunk.subarray(0, size - at);
    bytes.set(part, at);
    at += part.length;
    if (at === size) break;
  }
  return bytes.subarray(0, at);
}
