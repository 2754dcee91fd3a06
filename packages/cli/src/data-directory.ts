import { randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { FaxError } from "@faxbot/core";

/** The folder that a single host keeps its files in. */
export interface DataDirectory {
  /** Absolute. */
  path: string;
  /**
   * A secret that is made at first use and kept in a file only this user can read.
   *
   * @param name the file's name
   * @param make makes the secret; default: 256 random bits as base64url
   * @returns the secret and its file's absolute path
   */
  secret(name: string, make?: () => string): Promise<{ value: string; file: string }>;
}

/**
 * Opens the data folder, and makes it (readable by this user alone) when it is not there.
 *
 * @throws FaxError `config_invalid` when it cannot be made
 */
export async function openDataDirectory(folder: string): Promise<DataDirectory> {
  const path = resolve(folder);
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw new FaxError("config_invalid", "FAX_DATA_DIR: the folder cannot be made", { cause });
  });
  return {
    path,
    async secret(name, make = () => randomBytes(32).toString("base64url")) {
      const file = join(path, name);
      const value = (await read(file)) ?? (await create(file, make()));
      if (value === "") throw new FaxError("config_invalid", `the file ${name} in FAX_DATA_DIR is empty`);
      return { value, file };
    },
  };
}

async function read(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new FaxError("config_invalid", "a secret in FAX_DATA_DIR cannot be read", { cause });
  }
}

/** Whole or not at all, and the first of several processes wins: the file is linked into place once it is on disk. */
async function create(file: string, value: string): Promise<string> {
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    const handle = await open(draft, "wx", 0o600);
    try {
      await handle.writeFile(`${value}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await link(draft, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  } catch (cause) {
    throw new FaxError("config_invalid", "a secret cannot be written to FAX_DATA_DIR", { cause });
  } finally {
    await rm(draft, { force: true });
  }
  return (await read(file)) ?? value;
}
