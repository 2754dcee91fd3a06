// What this repository consists of, read from the package.json files.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The top folder of the repository. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/** All packages and examples: `{ name, folder, manifest }`, the folder relative to the root with forward slashes. */
export function readWorkspace() {
  const members = [];
  for (const group of ["packages", "examples"]) {
    for (const entry of readdirSync(join(root, group)).sort()) {
      const folder = `${group}/${entry}`;
      const file = join(root, folder, "package.json");
      if (!existsSync(file)) continue;
      const manifest = JSON.parse(readFileSync(file, "utf8"));
      members.push({ name: manifest.name, folder, manifest });
    }
  }
  return members;
}

/** The members that this one needs at run time, and therefore for its types. */
export function dependenciesOf(member, members) {
  const { dependencies, peerDependencies, optionalDependencies } = member.manifest;
  const names = new Set(Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies }));
  return members.filter((other) => names.has(other.name));
}
