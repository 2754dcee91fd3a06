import { createHash, randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, lstat, open, opendir, realpath, rename, rm } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { z } from "zod";
import type { ByteRange, FaxDocument } from "../fax-document.ts";
import { FaxError } from "../fax-error.ts";

/** Names are generated, by us or by the exchange's dialplan; nothing that a caller chose is ever part of one. */
const spoolName = /^[0-9a-f-]{8,64}\.tif$/;

/**
 * The path of a spool's folder. It becomes part of what an exchange reads as a command or a variable: no blanks, quotes,
 * commas, brackets or dollar signs, and no step upwards.
 */
export const spoolFolderSchema: z.ZodString = z
  .string()
  .max(200)
  .regex(/^(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$/, "must be an absolute path of letters, digits and ._- only");

/** What a write that was killed leaves behind; nobody takes it for a document. */
const unfinishedName = /^[0-9a-f-]{8,64}\.tif\.[0-9a-f]{16}$/;
const unfinishedMaxAgeMs = 24 * 60 * 60 * 1000;

/** A file that nobody writes any more. */
export interface SettledFile {
  name: string;
  /** In bytes. */
  size: number;
  modifiedAt: Date;
}

/**
 * The folder that a telephone exchange and Faxbot share: TIFF files under generated names, and nothing else of it is
 * ever touched. A path from outside leads only to plain files that lie in it; links are refused.
 */
export interface FaxSpool {
  /**
   * Writes a document whole (a crash leaves no half file under the name) with mode 0640, so that the exchange reads it
   * by its group.
   *
   * @returns the absolute path
   * @throws FaxError `request_invalid` for a name that is not generated, `transport_unavailable` when the disk refuses
   */
  write(name: string, document: FaxDocument): Promise<string>;
  /**
   * Finds a file by its name or by the path that an exchange told.
   *
   * @returns its name in the spool
   * @throws FaxError `request_invalid` for a path that leads elsewhere, a link or what is no file; `not_found`
   */
  locate(nameOrPath: string): Promise<string>;
  /** @throws FaxError `not_found`, `request_invalid` */
  document(name: string): Promise<FaxDocument>;
  /** Removes a file; one that is gone is fine. */
  remove(name: string): Promise<void>;
  /** The files that did not change for this many ms, oldest first. An absent folder has none. */
  settled(quietMs: number, now: Date): Promise<SettledFile[]>;
}

/**
 * Makes a {@link FaxSpool} of a folder that exists and belongs to a group of both programs. Nothing is touched yet.
 *
 * @param folder absolute path
 * @example
 * const spool = faxSpool("/var/spool/fax/out");
 * const path = await spool.write(`${randomUUID()}.tif`, job.document);
 */
export function faxSpool(folder: string): FaxSpool {
  const root = resolve(folder);
  const pathOf = (name: string) => join(root, checked(name));
  let swept: Promise<void> | undefined;

  return {
    async write(name, document) {
      const path = pathOf(name);
      // The exchange takes only names that end in .tif, so it never meets a half-written one.
      const temporary = join(root, `${checked(name)}.${randomBytes(8).toString("hex")}`);
      swept ??= sweep(root);
      await swept;
      try {
        const handle = await open(temporary, "wx", 0o640);
        await copy(document, handle);
        await rename(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => {});
        throw unavailable(error);
      }
      return path;
    },

    async locate(nameOrPath) {
      if (nameOrPath.includes("\0")) throw notOurs();
      const path = isAbsolute(nameOrPath) ? nameOrPath : join(root, nameOrPath);
      const name = basename(path);
      const own = await onDisk(() => realpath(root));
      // Both folders as they really are: the spool itself may be reached by a link (/var/run), a file in it may not.
      const given = await realpath(dirname(path)).catch(() => undefined);
      if (given !== own) throw notOurs();
      const handle = await openFile(pathOf(name));
      await handle.close();
      return name;
    },

    async document(name) {
      const path = pathOf(name);
      const handle = await openFile(path);
      const hash = createHash("sha256");
      let size = 0;
      await onDisk(async () => {
        for await (const chunk of handle.createReadStream()) {
          hash.update(chunk as Buffer);
          size += (chunk as Buffer).byteLength;
        }
      });
      return {
        mediaType: "image/tiff",
        fileName: name,
        size,
        sha256: hash.digest("hex"),
        open: async (range) => readFile(path, range),
      };
    },

    async remove(name) {
      await onDisk(() => rm(pathOf(name), { force: true }));
    },

    async settled(quietMs, now) {
      const files: SettledFile[] = [];
      try {
        for await (const entry of await opendir(root)) {
          if (!entry.isFile() || !spoolName.test(entry.name)) continue;
          const stats = await lstat(join(root, entry.name)).catch(() => undefined);
          if (stats?.isFile() && now.getTime() - stats.mtimeMs >= quietMs)
            files.push({ name: entry.name, size: stats.size, modifiedAt: stats.mtime });
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
        throw diskError(error);
      }
      return files.sort((a, b) => a.modifiedAt.getTime() - b.modifiedAt.getTime());
    },
  };
}

/** Opens a plain file, never through a link; a pipe is not waited for. */
async function openFile(path: string): Promise<FileHandle> {
  const handle = await onDisk(() =>
    open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)),
  );
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw notOurs();
}

async function readFile(path: string, range: ByteRange | undefined): Promise<ReadableStream<Uint8Array>> {
  const handle = await openFile(path);
  return Readable.toWeb(handle.createReadStream(range ?? {})) as unknown as ReadableStream<Uint8Array>;
}

/** Removes what a killed process began to write more than a day ago. */
async function sweep(root: string): Promise<void> {
  try {
    for await (const { name } of await opendir(root)) {
      if (!unfinishedName.test(name)) continue;
      const path = join(root, name);
      if (Date.now() - (await lstat(path)).mtimeMs > unfinishedMaxAgeMs) await rm(path, { force: true });
    }
  } catch {
    // Leftovers cost space only; the next process tries again.
  }
}

function checked(name: string): string {
  if (!spoolName.test(name) || name.includes("\n")) throw notOurs();
  return name;
}

function notOurs(): FaxError {
  return new FaxError("request_invalid", "this is no file of the fax spool");
}

async function copy(document: FaxDocument, handle: FileHandle): Promise<void> {
  try {
    // The mode that open takes is cut down by the process's umask; the exchange has to read the file.
    await handle.chmod(0o640);
    for await (const chunk of Readable.fromWeb((await document.open()) as never)) {
      await handle.writeFile(chunk as Buffer);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof FaxError) throw error;
    throw diskError(error);
  }
}

function diskError(error: unknown): FaxError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT" || code === "ENOTDIR")
    return new FaxError("not_found", "the fax spool has no such file", { cause: error });
  if (code === "ELOOP") return notOurs();
  return unavailable(error);
}

/** Nothing was dialled yet, or nothing is lost: the same can be done later. */
function unavailable(error: unknown): FaxError {
  const { code } = error as NodeJS.ErrnoException;
  return new FaxError("transport_unavailable", `the fax spool cannot be used (${code ?? "unknown"})`, {
    cause: error,
  });
}
