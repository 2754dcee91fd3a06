import { type FaxDocument, FaxError } from "@faxbot/core/transport";
import { copyBytes, copyInto } from "./copy-bytes.ts";
import { TimeSlice } from "./time-slice.ts";

const blobPieceBytes = 1 << 20;

/**
 * Reads a document whole, into one buffer of its size that nobody else has.
 *
 * @param maxBytes the most bytes to hold
 * @throws FaxError `document_too_large` when it is larger; `document_invalid` when it does not have the size it says
 */
export async function readDocumentBytes(
  document: FaxDocument | Blob,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  checkInput(document);
  checkSize(document, maxBytes);
  const { size } = document;
  const slice = new TimeSlice();
  const bytes = new Uint8Array(size);
  let at = 0;
  // Leaving the loop early cancels the stream.
  for await (const chunk of document instanceof Blob ? blobPieces(document) : await document.open()) {
    if (at + chunk.length > size) {
      throw new FaxError("document_invalid", "the document has more bytes than its size says");
    }
    await copyInto(bytes, at, chunk, slice);
    at += chunk.length;
  }
  if (at < size) throw new FaxError("document_invalid", "the document has fewer bytes than its size says");
  return bytes;
}

/** Neither its stream nor its `arrayBuffer()` divides what a Blob holds in memory. */
async function* blobPieces(blob: Blob): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < blob.size; at += blobPieceBytes) {
    yield new Uint8Array(await blob.slice(at, at + blobPieceBytes).arrayBuffer());
  }
}

/**
 * Reads a stream whole, into one buffer.
 *
 * @param maxBytes the most bytes to hold
 * @throws FaxError `document_too_large` when it has more; the stream is cancelled then
 */
export async function readStreamBytes(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array> {
  if (typeof stream === "string" || !(Symbol.asyncIterator in Object(stream))) throw noInput();
  const chunks: Uint8Array[] = [];
  const slice = new TimeSlice();
  let size = 0;
  for await (const chunk of stream) {
    // Chunks that are there already come without a turn of the event loop in between.
    if (slice.due()) await slice.pause();
    size += chunk.length;
    checkSize({ size }, maxBytes);
    chunks.push(chunk);
  }
  return copyBytes(chunks);
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

/**
 * Refuses what is no document: callers without types pass a path or an ArrayBuffer.
 *
 * @throws FaxError `request_invalid`
 */
export function checkInput(document: unknown): void {
  if (document instanceof Uint8Array || document instanceof Blob) return;
  if (typeof document === "object" && document !== null && "open" in document) return;
  throw noInput();
}

/** What is thrown for something else than a document. */
export function noInput(): FaxError {
  return new FaxError("request_invalid", "the document has to be given as its bytes, a Buffer or Uint8Array");
}

/** Refuses a document, or its bytes, that is larger than it may be. */
export function checkSize(document: { size: number } | Uint8Array, maxBytes: number): void {
  const size = document instanceof Uint8Array ? document.length : document.size;
  if (size > maxBytes) {
    throw new FaxError("document_too_large", `the document is larger than ${maxBytes} bytes`);
  }
}
