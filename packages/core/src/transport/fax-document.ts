import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { Readable } from "node:stream";

/** A part of a document in bytes: `start` and `end` are both inclusive, as in an HTTP `Range`. */
export interface ByteRange {
  start: number;
  end: number;
}

/** A document that can be read more than once, so that a renewed credential can resend it. */
export interface FaxDocument {
  /** e.g. `application/pdf`, `image/tiff`, `text/plain`. */
  readonly mediaType: string;
  /** A safe base name: never a path. */
  readonly fileName: string;
  /** Size in bytes. */
  readonly size: number;
  /** SHA-256 of the bytes, 64 lower-case hex digits. */
  readonly sha256: string;
  /** Opens the bytes from the start, or the given range. May be called any number of times. */
  open(range?: ByteRange): Promise<ReadableStream<Uint8Array>>;
  /**
   * Frees what the document holds (a temporary file), when it holds something. Whoever asked for the document calls it
   * once the bytes are stored elsewhere; a forgotten one is freed when the document is garbage.
   */
  dispose?(): Promise<void>;
}

const chunkBytes = 64 * 1024;

/**
 * Makes a {@link FaxDocument} of bytes in memory.
 *
 * @param bytes the whole document; not copied, so do not change it afterwards
 * @example
 * const document = documentFromBytes(await readFile("order.pdf"), { mediaType: "application/pdf", fileName: "order.pdf" });
 */
export function documentFromBytes(
  bytes: Uint8Array,
  about: { mediaType: string; fileName: string },
): FaxDocument {
  return {
    mediaType: about.mediaType,
    fileName: basename(about.fileName),
    size: bytes.byteLength,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    open: async (range) => streamBytes(range ? bytes.subarray(range.start, range.end + 1) : bytes),
  };
}

/**
 * Streams bytes in memory, a small copy at a time: a document of 50 MB is never copied in one go, and whoever reads may
 * keep or hand over what it reads.
 */
export function streamBytes(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let position = 0;
  return new ReadableStream(
    {
      pull(controller) {
        if (position >= bytes.byteLength) return controller.close();
        // A Buffer's own slice would not copy.
        controller.enqueue(new Uint8Array(bytes.subarray(position, position + chunkBytes)));
        position += chunkBytes;
      },
    },
    { highWaterMark: 0 },
  );
}

/**
 * Makes a {@link FaxDocument} of a file. The file is read once for its hash and again whenever it is opened; it must
 * not change in between.
 *
 * @throws the file system's error when the file cannot be read
 */
export async function documentFromFile(
  path: string,
  about: { mediaType: string; fileName?: string },
): Promise<FaxDocument> {
  const { size } = await stat(path);
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return {
    mediaType: about.mediaType,
    fileName: basename(about.fileName ?? path),
    size,
    sha256: hash.digest("hex"),
    open: async (range) =>
      Readable.toWeb(createReadStream(path, range ?? {})) as unknown as ReadableStream<Uint8Array>,
  };
}

/**
 * Reads a document whole.
 *
 * @param document the document to read
 * @param maxBytes refuses to hold more than this many bytes; default: the document's own size
 * @throws RangeError when more bytes come than allowed
 */
export async function readDocument(document: FaxDocument, maxBytes = document.size): Promise<Uint8Array> {
  return readAll(await document.open(), maxBytes);
}

/**
 * Reads a stream whole, up to a limit.
 *
 * @throws RangeError when more than `maxBytes` bytes come; the stream is cancelled then
 */
export async function readAll(stream: ReadableStream<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > maxBytes) {
      await reader.cancel().catch(() => {});
      throw new RangeError(`more than ${maxBytes} bytes`);
    }
    chunks.push(value);
  }
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
}
