import { mkdtempSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The folder of received faxes. */
export interface ReceivedFiles {
  readonly folder: string;
  /** Where the fax of this name goes. */
  path(name: string): string;
  /** Writes what has come so far: half of the file while pages are coming, all of it at the end. */
  write(name: string, bytes: Uint8Array, part: "half" | "whole"): Promise<void>;
  /** Removes the folder when it was made here. */
  remove(): Promise<void>;
}

/** @param folder default: a new one, for temporary files */
export function receivedFiles(folder?: string): ReceivedFiles {
  const own = folder ?? mkdtempSync(join(tmpdir(), "faxbot-received-"));
  return {
    folder: own,
    path: (name) => join(own, `${name}.tif`),
    async write(name, bytes, part) {
      await mkdir(own, { recursive: true });
      const some = part === "half" ? bytes.subarray(0, bytes.length >> 1) : bytes;
      await writeFile(join(own, `${name}.tif`), some, { mode: 0o640 });
    },
    remove: async () => {
      if (folder === undefined) await rm(own, { recursive: true, force: true });
    },
  };
}
