import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The top folder of the repository. */
export const repositoryRoot: string = fileURLToPath(new URL("..", import.meta.url));

/** Folders that .gitignore names. Git itself is not asked: an unpacked archive has none. */
const notOurs = new Set([
  ".git",
  "node_modules",
  "dist",
  "coverage",
  ".cache",
  ".vitest",
  ".demo-data",
  "faxbot-data",
]);

/**
 * The repository's own files.
 *
 * @returns paths from the top, sorted, with forward slashes
 */
export function repositoryFiles(folder = ""): string[] {
  return readdirSync(join(repositoryRoot, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) return notOurs.has(entry.name) ? [] : repositoryFiles(path);
      return entry.isFile() ? [path] : [];
    })
    .sort();
}

/** Reads a file of the repository as text. */
export function readRepositoryFile(path: string): string {
  return readFileSync(join(repositoryRoot, path), "utf8");
}
