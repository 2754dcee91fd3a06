import type { ByteRange } from "../transport/fax-document.ts";

/** What a store knows of one blob. */
export interface BlobInfo {
  key: string;
  /** Bytes. */
  size: number;
  modifiedAt: Date;
}

/**
 * Port: where documents are kept. Keys are relative paths of `[A-Za-z0-9._/-]` without `..`, made by us.
 * `put` resolves only when the bytes will survive a crash.
 */
export interface BlobStore {
  /**
   * Writes a blob whole or not at all. An existing key is replaced.
   *
   * @returns the size in bytes and the SHA-256 (hex) of what was written
   */
  put(
    key: string,
    content: ReadableStream<Uint8Array> | Uint8Array,
    options?: { mediaType?: string; signal?: AbortSignal },
  ): Promise<{ size: number; sha256: string }>;
  /** @throws FaxError `not_found` */
  open(key: string, range?: ByteRange): Promise<ReadableStream<Uint8Array>>;
  /** `undefined` when there is none. */
  head(key: string): Promise<BlobInfo | undefined>;
  /** Deleting what is not there is not an error. */
  delete(key: string): Promise<void>;
  /** All blobs whose key starts with the prefix, in no particular order. */
  list(prefix: string): AsyncIterable<BlobInfo>;
}
