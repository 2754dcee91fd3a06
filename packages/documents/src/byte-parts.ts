import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import type { ByteRange, FaxDocument } from "@faxbot/core/transport";
import { copyBytes } from "./copy-bytes.ts";
import { TimeSlice } from "./time-slice.ts";

// The most buffers that one system call takes (IOV_MAX).
const writeGroup = 1024;
const pieceBytes = 1 << 20;

/**
 * Bytes as a list of parts that are never joined unless asked for: a PDF around image data that stays where it was
 * read to.
 */
export class ByteParts {
  /** The parts in order. Do not change their contents. */
  readonly parts: readonly Uint8Array[];
  /** Bytes of all parts together. */
  readonly size: number;

  constructor(parts: readonly Uint8Array[]) {
    this.parts = parts;
    this.size = parts.reduce((sum, part) => sum + part.length, 0);
  }

  /** All bytes in one buffer: a copy. */
  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return copyBytes(this.parts);
  }

  /** The bytes as a Blob, which keeps a copy of its own. */
  async blob(type = "application/pdf"): Promise<Blob> {
    const blobs: Blob[] = [];
    for await (const piece of this.#pieces()) blobs.push(new Blob([piece as Uint8Array<ArrayBuffer>]));
    return new Blob(blobs, { type });
  }

  /**
   * The bytes as a stream of the parts themselves.
   *
   * @param range `start` and `end` are both inclusive; default: all
   */
  stream(range: ByteRange = { start: 0, end: this.size - 1 }): ReadableStream<Uint8Array> {
    const parts = this.#slices(range);
    return new ReadableStream({
      pull(controller) {
        const { value, done } = parts.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    });
  }

  /** Writes the bytes to a file, replacing what is there. */
  async writeFile(path: string): Promise<void> {
    const file = await open(path, "w");
    try {
      for (let at = 0; at < this.parts.length; at += writeGroup) {
        await writeAll(file, this.parts.slice(at, at + writeGroup));
      }
    } finally {
      await file.close();
    }
  }

  /** SHA-256 of the bytes, 64 lower-case hex digits. */
  async sha256(): Promise<string> {
    const hash = createHash("sha256");
    for await (const piece of this.#pieces()) hash.update(piece);
    return hash.digest("hex");
  }

  /** The bytes as a document that can be opened any number of times. */
  async document(about: { mediaType: string; fileName: string }): Promise<FaxDocument> {
    return {
      ...about,
      size: this.size,
      sha256: await this.sha256(),
      open: async (range) => this.stream(range),
    };
  }

  /** All bytes in pieces that are quickly worked on, with pauses in between. */
  async *#pieces(): AsyncGenerator<Uint8Array> {
    const slice = new TimeSlice();
    for (const part of this.parts) {
      for (let at = 0; at < part.length; at += pieceBytes) {
        if (slice.due()) await slice.pause();
        yield part.subarray(at, at + pieceBytes);
      }
    }
  }

  *#slices({ start, end }: ByteRange): Generator<Uint8Array, undefined> {
    let at = 0;
    for (const part of this.parts) {
      const from = Math.max(0, start - at);
      const to = Math.min(part.length, end + 1 - at);
      if (from < to) yield part.subarray(from, to);
      at += part.length;
      if (at > end) return;
    }
  }
}

/** Writes parts whole: one call may take fewer bytes than it is given. */
async function writeAll(
  file: { writev(parts: Uint8Array[]): Promise<{ bytesWritten: number }> },
  parts: readonly Uint8Array[],
): Promise<void> {
  let rest = parts.filter((part) => part.length > 0);
  while (rest.length > 0) {
    let { bytesWritten } = await file.writev(rest);
    rest = rest.flatMap((part) => {
      const written = Math.min(bytesWritten, part.length);
      bytesWritten -= written;
      return written === part.length ? [] : [part.subarray(written)];
    });
  }
}
