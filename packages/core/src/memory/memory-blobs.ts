import { createHash } from "node:crypto";
import { blobChunks } from "../blobs/blob-chunks.ts";
import { blobNotFound, checkBlobKey } from "../blobs/blob-key.ts";
import type { BlobStore } from "../ports/blob-store.ts";
import { streamBytes } from "../transport/fax-document.ts";

/**
 * Blobs in this process's memory, for tests and for trying things out: nothing survives the process.
 *
 * @example
 * const blobs = memoryBlobs();
 * await blobs.put("outbound/1.pdf", bytes);
 */
export function memoryBlobs(): BlobStore {
  const blobs = new Map<string, { bytes: Uint8Array<ArrayBuffer>; modifiedAt: Date }>();
  return {
    async put(key, content, options) {
      checkBlobKey(key);
      const chunks: Uint8Array[] = [];
      for await (const chunk of blobChunks(content, options?.signal)) chunks.push(chunk);
      const bytes = new Uint8Array(Buffer.concat(chunks));
      blobs.set(key, { bytes, modifiedAt: new Date() });
      return { size: bytes.byteLength, sha256: createHash("sha256").update(bytes).digest("hex") };
    },
    async open(key, range) {
      checkBlobKey(key);
      const blob = blobs.get(key);
      if (!blob) throw blobNotFound();
      const part = range ? blob.bytes.subarray(range.start, range.end + 1) : blob.bytes;
      return streamBytes(part);
    },
    async head(key) {
      checkBlobKey(key);
      const blob = blobs.get(key);
      return blob && { key, size: blob.bytes.byteLength, modifiedAt: new Date(blob.modifiedAt) };
    },
    async delete(key) {
      checkBlobKey(key);
      blobs.delete(key);
    },
    async *list(prefix) {
      for (const [key, { bytes, modifiedAt }] of [...blobs]) {
        if (key.startsWith(prefix)) yield { key, size: bytes.byteLength, modifiedAt: new Date(modifiedAt) };
      }
    },
  };
}
