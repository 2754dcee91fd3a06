import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { findBlunders } from "./find-blunders.ts";
import { readRepositoryFile, repositoryFiles, repositoryRoot } from "./repository-files.ts";

interface Manifest {
  name: string;
  version?: string;
  description?: string;
  license?: string;
  type?: string;
  private?: boolean;
  files?: string[];
  sideEffects?: boolean;
  engines?: Record<string, string>;
  keywords?: string[];
  bin?: Record<string, string>;
  scripts?: Record<string, string>;
  exports?: Record<string, string | Record<string, string>>;
  publishConfig?: { access?: string; provenance?: boolean; exports?: Manifest["exports"] };
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const files = repositoryFiles();
const manifests = files
  .filter((path) => /^((packages|examples)\/[^/]+\/)?package\.json$/.test(path))
  .map((path) => ({
    path,
    folder: dirname(path),
    manifest: JSON.parse(readRepositoryFile(path)) as Manifest,
  }));
const published = manifests.filter(({ path }) => path.startsWith("packages/"));
const exists = (...parts: string[]) => existsSync(join(repositoryRoot, ...parts));
const sourceOf = (built: string) => built.replace("./dist/", "./src/").replace(/\.js$/, ".ts");

describe("texts", () => {
  const binary = /\.(pdf|tiff?|png|jpe?g|gif|ttf|otf|woff2?|wasm|bin|gz|zip|ico)$/i;
  const texts = files.filter((path) => !binary.test(path) && !/\/(fixtures|recordings)\//.test(path));

  it("hold nothing that has no place here", () => {
    const programs = published.flatMap(({ folder, manifest }) =>
      Object.values(manifest.bin ?? {}).map((file) => join(folder, sourceOf(file))),
    );
    expect(texts.flatMap((path) => findBlunders(path, readRepositoryFile(path), programs))).toEqual([]);
  });

  it("end with one line break and have none of Windows", () => {
    const odd = texts.filter((path) => /\r|[^\n]$|\n\n$/.test(readRepositoryFile(path)));
    expect(odd).toEqual([]);
  });
});

describe("findBlunders", () => {
  it.each([
    ["docs/a.md", `see /${"home"}/me/faxbot`, "a path of one machine"],
    ["docs/a.md", `from ${"registry"}.example.org`, "the host of a package registry"],
    ["packages/core/src/a.ts", `// ${"TO"}DO later`, "an unfinished thing"],
    ["packages/core/src/a.ts", `// @ts-${"ignore"}`, "a switched-off type check"],
    ["packages/core/test/a.test.ts", 'it.skip("works", () => {});', "a test that is left out, or alone"],
    ["packages/core/test/a.test.ts", 'describe.only("all", () => {});', "a test that is left out, or alone"],
    ["packages/core/src/a.ts", 'console.log("hello");', "output from a library"],
    ["packages/core/src/a.ts", "export const a = process.env.A;", "the environment, read by a library"],
  ])("finds in %s: %s", (path, text, what) => {
    expect(findBlunders(path, `\n${text}\n`)).toEqual([`${path}:2: ${what}`]);
  });

  it("leaves comments, programs and tests that name their reason alone", () => {
    const example = "/* console.log(process.env.A) */\n";
    expect(findBlunders("packages/core/src/a.ts", example)).toEqual([]);
    expect(findBlunders("packages/core/src/a.ts", "console.log(1);\n", ["packages/core/src/a.ts"])).toEqual(
      [],
    );
    expect(
      findBlunders("packages/core/test/a.test.ts", 'it.skipIf(!has("gs"))("draws", () => {});\n'),
    ).toEqual([]);
  });
});

describe.each(published)("$folder", ({ folder, manifest }) => {
  it("has a README and the licence", () => {
    expect(exists(folder, "README.md")).toBe(true);
    expect(readRepositoryFile(`${folder}/LICENSE`)).toBe(readRepositoryFile("LICENSE"));
  });

  it("says what every package says", () => {
    expect(manifest).toMatchObject({
      license: "MIT",
      type: "module",
      files: expect.arrayContaining(["dist"]),
      sideEffects: false,
      engines: { node: ">=22.14.0" },
      publishConfig: { access: "public", provenance: true },
    });
    expect(manifest.description).toMatch(/^.{20,}\.$/);
    expect(manifest.keywords).toContain("fax");
    expect(manifest.private).toBeUndefined();
  });

  it("publishes what it exports here, without the private condition", () => {
    const entries = Object.entries(manifest.exports ?? {});
    const withoutPrivate = entries.map(([entry, target]) => {
      if (typeof target === "string") return [entry, target];
      const { "@faxbot/source": _source, ...conditions } = target;
      return [entry, conditions];
    });
    expect(manifest.publishConfig?.exports).toEqual(Object.fromEntries(withoutPrivate));
    for (const [, target] of entries) {
      if (typeof target === "string") continue;
      // The order matters: the first condition that fits wins.
      expect(Object.keys(target)).toEqual(["@faxbot/source", "types", "default"]);
      const source = target["@faxbot/source"] ?? "";
      expect(exists(folder, source)).toBe(true);
      expect(target.types).toBe(source.replace("./src/", "./dist/").replace(/\.ts$/, ".d.ts"));
      expect(target.default).toBe(source.replace("./src/", "./dist/").replace(/\.ts$/, ".js"));
    }
  });

  it("builds its programs", () => {
    for (const file of Object.values(manifest.bin ?? {})) {
      expect(exists(folder, sourceOf(file))).toBe(true);
      expect(readRepositoryFile(join(folder, sourceOf(file)))).toMatch(/^#!\/usr\/bin\/env node\n/);
    }
  });
});

describe("changesets", () => {
  it("announce every package that was never released", () => {
    const announced = files
      .filter((path) => /^\.changeset\/.+\.md$/.test(path))
      .flatMap((path) => [
        ...readRepositoryFile(path).matchAll(/^"(@faxbot\/[^"]+)": (?:patch|minor|major)$/gm),
      ])
      .map((match) => match[1]);
    const unreleased = published.filter(({ manifest }) => manifest.version === "0.0.0");
    expect(
      unreleased.map(({ manifest }) => manifest.name).filter((name) => !announced.includes(name)),
    ).toEqual([]);
  });
});

describe("dependencies", () => {
  it("have one version across all packages", () => {
    const versions = new Map<string, Map<string, string[]>>();
    for (const { path, manifest } of manifests) {
      const { dependencies, devDependencies, optionalDependencies } = manifest;
      for (const [name, range] of Object.entries({
        ...dependencies,
        ...devDependencies,
        ...optionalDependencies,
      })) {
        const version = range.replace(/^[\^~]/, "");
        const users = versions.get(name) ?? new Map<string, string[]>();
        users.set(version, [...(users.get(version) ?? []), path]);
        versions.set(name, users);
      }
    }
    const disagreeing = [...versions]
      .filter(([, users]) => users.size > 1)
      .map(([name, users]) => ({ name, users: Object.fromEntries(users) }));
    expect(disagreeing).toEqual([]);
  });

  it("want the same Node everywhere", () => {
    const engines = manifests.flatMap(({ path, manifest }) =>
      path === "package.json" || !manifest.private ? [manifest.engines?.node] : [],
    );
    expect(new Set(engines)).toEqual(new Set([">=22.14.0"]));
  });
});
