import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const folder = fileURLToPath(new URL("..", import.meta.url));

interface Manifest {
  license?: string;
  files?: string[];
  dependencies?: Record<string, string>;
}

const readManifest = (place: string) =>
  JSON.parse(readFileSync(join(place, "package.json"), "utf8")) as Manifest;

/** Where Node finds a dependency of a package. */
function placeOf(name: string, from: string): string {
  for (let at = from; ; at = dirname(at)) {
    const place = join(at, "node_modules", name);
    if (existsSync(place)) return realpathSync(place);
    if (dirname(at) === at) throw new Error(`${name} is not installed`);
  }
}

/** The licences of all that is installed with the package. */
function licences(place: string, found = new Map<string, string>()): Map<string, string> {
  for (const name of Object.keys(readManifest(place).dependencies ?? {})) {
    const dependency = placeOf(name, place);
    if (found.has(name) || name.startsWith("@faxbot/")) continue;
    found.set(name, readManifest(dependency).license ?? "none");
    licences(dependency, found);
  }
  return found;
}

it("ships nothing under a licence that asks for more than its notice", () => {
  const found = licences(folder);
  // Its own file names them: Bitstream Vera and Arev, free to use and to embed.
  expect(found.get("dejavu-fonts-ttf")).toContain("LICENSE");
  found.delete("dejavu-fonts-ttf");
  expect(found.size).toBeGreaterThan(5);
  for (const [name, licence] of found)
    expect(licence, name).toMatch(/^\(?(MIT|ISC|0BSD|BSD-[23]-Clause|Apache-2\.0)( AND Zlib\))?$/);
});

it("carries the notices of PDFium", () => {
  const { files } = readManifest(folder);
  expect(files).toContain("THIRD-PARTY-NOTICES.md");
  const notices = readFileSync(join(folder, "THIRD-PARTY-NOTICES.md"), "utf8");
  for (const holder of [
    "The PDFium Authors",
    "Apache License",
    "FreeType Project",
    "Independent JPEG Group",
    "Anti-Grain Geometry",
    "Universite catholique de Louvain",
    "Jean-loup Gailly",
    "Marti Maria",
    "Scott Chacon",
    "Bitstream",
  ]) {
    expect(notices).toContain(holder);
  }
});
