import { createHash, randomBytes } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, mkdir, open, opendir, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { BlobInfo, BlobStore } from "../ports/blob-store.ts";
import type { ByteRange } from "../transport/fax-document.ts";
import { FaxError } from "../transport/fax-error.ts";
import { blobChunks } from "./blob-chunks.ts";
import { blobNotFound, checkBlobKey } from "./blob-key.ts";

/** No key can hold a `~`, so what is being written never meets a blob. */
const unfinishedFolder = "~unfinished";
const unfinishedMaxAgeMs = 24 * 60 * 60 * 1000;
const chunkBytes = 64 * 1024;

/**
 * Keeps blobs as files in a folder of this machine. A blob is written to a file of its own, flushed to the disk
 * and then renamed, so that a crash leaves the old content or the new and never half of one. Files are readable by
 * their owner only (0600, folders 0700). Encrypt the disk if documents must be encrypted at rest.
 *
 * Methods throw FaxError `request_invalid` for a malformed key and `store_unavailable` when the disk refuses.
 *
 * @param path the folder; it is made when the first blob is written
 * @example
 * const blobs = folderBlobs("/var/lib/faxbot");
 * const { size, sha256 } = await blobs.put("outbound/1.pdf", bytes);
 */
export function folderBlobs(path: string): BlobStore {
  const root = resolve(path);
  const unfinished = join(root, unfinishedFolder);
  const fileOf = (key: string) => {
    checkBlobKey(key);
    return join(root, ...key.split("/"));
  };
  let swept: Promise<void> | undefined;

  return {
    async put(key, content, options) {
      const file = fileOf(key);
      const temporary = join(unfinished, randomBytes(16).toString("hex"));
      const handle = await onDisk(async () => {
        await makeFolder(unfinished);
        await makeFolder(dirname(file));
        return open(temporary, "wx", 0o600);
      });
      // What a killed process left is cleared by the next one that writes.
      swept ??= sweep(unfinished);
      await swept;
      try {
        const written = await write(handle, blobChunks(content, options?.signal));
        await onDisk(() => rename(temporary, file));
        await onDisk(() => flushFolder(dirname(file)));
        return written;
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => {});
        throw error;
      }
    },

    async open(key, range) {
      return readFrom(await openForReading(fileOf(key)), range);
    },

    async head(key) {
      const stats = await statBlob(fileOf(key));
      return stats && blobInfo(key, stats);
    },

    async delete(key) {
      const file = fileOf(key);
      if ((await statBlob(file)) === undefined) return;
      await onDisk(async () => {
        await rm(file, { force: true });
        await flushFolder(dirname(file));
      });
    },

    async *list(prefix) {
      const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1);
      if (folder !== "") checkBlobKey(folder.slice(0, -1));
      yield* listFolder(root, folder, prefix);
    },
  };
}

/** Writes all chunks, flushes them to the disk and closes the file in any case. */
async function write(
  handle: FileHandle,
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ size: number; sha256: string }> {
  const hash = createHash("sha256");
  let size = 0;
  try {
    for await (const chunk of chunks) {
      hash.update(chunk);
      // writeFile on a handle goes on where the last one ended, and writes all of the chunk.
      await onDisk(() => handle.writeFile(chunk));
      size += chunk.byteLength;
    }
    await onDisk(() => handle.sync());
  } finally {
    await handle.close();
  }
  return { size, sha256: hash.digest("hex") };
}

/** Opens a plain file, never through a link. */
async function openForReading(file: string): Promise<FileHandle> {
  try {
    const handle = await open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
  } catch (error) {
    if (!isAbsence(error)) throw diskError(error);
    throw blobNotFound(error);
  }
  throw blobNotFound();
}

/** Reads a file or a part of it on demand; the file is closed at the end and when the stream is cancelled. */
function readFrom(handle: FileHandle, range: ByteRange | undefined): ReadableStream<Uint8Array> {
  let position = range?.start ?? 0;
  const end = range === undefined ? Number.POSITIVE_INFINITY : range.end + 1;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const buffer = new Uint8Array(Math.max(0, Math.min(chunkBytes, end - position)));
          const { bytesRead } =
            buffer.byteLength === 0
              ? { bytesRead: 0 }
              : await handle.read(buffer, 0, buffer.byteLength, position);
          position += bytesRead;
          if (bytesRead > 0) {
            controller.enqueue(buffer.subarray(0, bytesRead));
          } else {
            await handle.close();
            controller.close();
          }
        } catch (error) {
          await handle.close().catch(() => {});
          throw diskError(error);
        }
      },
      cancel: () => handle.close(),
    },
    { highWaterMark: 0 },
  );
}

async function* listFolder(root: string, folder: string, prefix: string): AsyncGenerator<BlobInfo> {
  let entries: Awaited<ReturnType<typeof opendir>>;
  try {
    entries = await opendir(join(root, folder));
  } catch (error) {
    if (isAbsence(error)) return;
    throw diskError(error);
  }
  for await (const entry of entries) {
    const key = folder + entry.name;
    if (entry.name === unfinishedFolder) continue;
    if (entry.isDirectory() && (key.startsWith(prefix) || prefix.startsWith(`${key}/`))) {
      yield* listFolder(root, `${key}/`, prefix);
    } else if (entry.isFile() && key.startsWith(prefix)) {
      const stats = await statBlob(join(root, key));
      if (stats) yield blobInfo(key, stats);
    }
  }
}

async function statBlob(file: string): Promise<Stats | undefined> {
  try {
    const stats = await lstat(file);
    return stats.isFile() ? stats : undefined;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw diskError(error);
  }
}

function blobInfo(key: string, stats: Stats): BlobInfo {
  return { key, size: stats.size, modifiedAt: stats.mtime };
}

/** Makes a folder and flushes the entries of all that were made, or a crash could lose them with what is in them. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = folder; ; made = dirname(made)) {
    await flushFolder(dirname(made));
    if (made === resolve(first)) return;
  }
}

/** Makes a rename durable. Windows has no such call: there NTFS's own journal keeps the order. */
async function flushFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes what a killed process began to write more than a day ago. */
async function sweep(folder: string): Promise<void> {
  try {
    for await (const entry of await opendir(folder)) {
      const file = join(folder, entry.name);
      const stats = await statBlob(file);
      if (stats && Date.now() - stats.mtimeMs > unfinishedMaxAgeMs) await rm(file, { force: true });
    }
  } catch {
    // Leftovers cost space only; the next process tries again.
  }
}

async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskError(error);
  }
}

function isAbsence(error: unknown): boolean {
  const code = errorCode(error);
  return code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP";
}

function diskError(error: unknown): FaxError {
  const code = errorCode(error);
  return new FaxError(
    "store_unavailable",
    `The blob folder cannot be used${code === undefined ? "" : ` (${code})`}.`,
    { cause: error },
  );
}

function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === "string" ? code : undefined;
}
