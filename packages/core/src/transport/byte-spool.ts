import { createHash, randomBytes } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { ByteRange, FaxDocument } from "./fax-document.ts";
import { FaxError } from "./fax-error.ts";

/** How {@link spoolBytes} keeps what it reads. */
export interface SpoolOptions {
  /** The most bytes to take; past it the source is cancelled and `document_too_large` is thrown. */
  maxBytes: number;
  /** Bytes held in memory before a temporary file is used; default 1 MiB. */
  memoryBytes?: number;
  /** Stops the reading; nothing stays behind. */
  signal?: AbortSignal;
}

/** Bytes read once from a stream and kept, in memory or in a temporary file, so that they can be read again. */
export interface ByteSpool {
  /** Bytes. */
  readonly size: number;
  /** SHA-256, 64 lower-case hex digits. */
  readonly sha256: string;
  /** Opens the bytes from the start, or the given range. May be called any number of times, also at the same time. */
  open(range?: ByteRange): ReadableStream<Uint8Array>;
  /** Frees memory and file; a stream that is still open fails. Disposing twice is fine. */
  dispose(): Promise<void>;
}

const pieceBytes = 64 * 1024;

/**
 * Reads a stream to its end and keeps the bytes: up to `memoryBytes` in memory, more in a temporary file that nobody
 * else can open and that the system removes when this process ends, however it ends.
 *
 * @throws FaxError `document_too_large`; the stream's own error; the signal's reason
 * @example
 * const spool = await spoolBytes(response.body, { maxBytes: 50 * 1024 * 1024 });
 * try {
 *   for await (const chunk of spool.open()) console.log(chunk.byteLength);
 * } finally {
 *   await spool.dispose();
 * }
 */
export async function spoolBytes(
  source: ReadableStream<Uint8Array>,
  options: SpoolOptions,
): Promise<ByteSpool> {
  const memoryBytes = options.memoryBytes ?? 1024 * 1024;
  const hash = createHash("sha256");
  const chunks: Uint8Array[] = [];
  let file: FileHandle | undefined;
  let size = 0;
  const reader = source.getReader();
  const stop = () => void reader.cancel(options.signal?.reason).catch(() => {});
  options.signal?.addEventListener("abort", stop, { once: true });
  try {
    options.signal?.throwIfAborted();
    for (;;) {
      const { done, value } = await reader.read();
      options.signal?.throwIfAborted();
      if (done) break;
      size += value.byteLength;
      if (size > options.maxBytes) {
        throw new FaxError("document_too_large", `more than ${options.maxBytes} bytes`);
      }
      hash.update(value);
      if (file) {
        await writeAll(file, value, size - value.byteLength);
        continue;
      }
      chunks.push(value);
      if (size > memoryBytes) {
        file = await openUnnamedFile();
        await writeAll(file, Buffer.concat(chunks), 0);
        chunks.length = 0;
      }
    }
  } catch (error) {
    await reader.cancel(error).catch(() => {});
    await file?.close();
    throw error;
  } finally {
    options.signal?.removeEventListener("abort", stop);
  }
  const sha256 = hash.digest("hex");
  return file ? new FileSpool(file, size, sha256) : new MemorySpool(Buffer.concat(chunks), sha256);
}

/**
 * Reads a stream to its end and makes a {@link FaxDocument} of it; see {@link spoolBytes}. Whoever is done with the
 * document calls `dispose`.
 *
 * @throws FaxError `document_too_large`; the stream's own error; the signal's reason
 */
export async function spoolDocument(
  source: ReadableStream<Uint8Array>,
  about: { mediaType: string; fileName: string },
  options: SpoolOptions,
): Promise<FaxDocument & { dispose(): Promise<void> }> {
  const spool = await spoolBytes(source, options);
  return {
    mediaType: about.mediaType,
    fileName: basename(about.fileName),
    size: spool.size,
    sha256: spool.sha256,
    open: async (range) => spool.open(range),
    dispose: () => spool.dispose(),
  };
}

/**
 * A new file with mode 0600 that is unlinked as soon as it is open, so that nothing stays behind whatever kills the
 * process. (Windows 10 and later allow that too.)
 */
async function openUnnamedFile(): Promise<FileHandle> {
  const path = join(tmpdir(), `faxbot-${randomBytes(16).toString("hex")}`);
  const file = await open(path, "wx+", 0o600);
  try {
    await unlink(path);
  } catch (error) {
    await file.close();
    throw error;
  }
  return file;
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let offset = 0; offset < bytes.byteLength; ) {
    const { bytesWritten } = await file.write(bytes, offset, bytes.byteLength - offset, position + offset);
    offset += bytesWritten;
  }
}

class MemorySpool implements ByteSpool {
  readonly size: number;
  readonly sha256: string;
  #bytes: Uint8Array | undefined;

  constructor(bytes: Uint8Array, sha256: string) {
    this.#bytes = bytes;
    this.size = bytes.byteLength;
    this.sha256 = sha256;
  }

  open(range: ByteRange = { start: 0, end: this.size - 1 }): ReadableStream<Uint8Array> {
    if (!this.#bytes) throw disposed();
    const part = this.#bytes.subarray(range.start, range.end + 1);
    return new ReadableStream({
      start(controller) {
        if (part.byteLength > 0) controller.enqueue(part);
        controller.close();
      },
    });
  }

  async dispose(): Promise<void> {
    this.#bytes = undefined;
  }
}

class FileSpool implements ByteSpool {
  readonly size: number;
  readonly sha256: string;
  /** A handle closes only after its reads are done, so a disposed spool can never read a stranger's descriptor. */
  readonly #file: FileHandle;

  constructor(file: FileHandle, size: number, sha256: string) {
    this.#file = file;
    this.size = size;
    this.sha256 = sha256;
    forgotten.register(this, file, this);
  }

  open(range: ByteRange = { start: 0, end: this.size - 1 }): ReadableStream<Uint8Array> {
    if (this.#file.fd < 0) throw disposed();
    let position = range.start;
    const end = Math.min(range.end + 1, this.size);
    return new ReadableStream(
      {
        pull: async (controller) => {
          const length = Math.min(pieceBytes, end - position);
          if (length > 0) {
            if (this.#file.fd < 0) throw disposed();
            const { bytesRead, buffer } = await this.#file.read(new Uint8Array(length), 0, length, position);
            if (bytesRead === 0) throw new FaxError("service_unavailable", "a temporary file was cut short");
            position += bytesRead;
            controller.enqueue(buffer.subarray(0, bytesRead));
          }
          if (position >= end) controller.close();
        },
      },
      { highWaterMark: 0 },
    );
  }

  async dispose(): Promise<void> {
    forgotten.unregister(this);
    if (this.#file.fd >= 0) await this.#file.close();
  }
}

/** A spool that nobody disposed must not keep its file for the life of the process. Holding the handle here also keeps Node from closing it with a warning. */
const forgotten = new FinalizationRegistry<FileHandle>((file) => void file.close().catch(() => {}));

function disposed(): FaxError {
  return new FaxError("state_conflict", "the bytes were disposed");
}
