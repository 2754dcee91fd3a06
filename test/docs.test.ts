import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, posix } from "node:path";
import { parseSync } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findUnknownCommands, type KnownCommands } from "./find-unknown-commands.ts";
import { type CodeBlock, readMarkdown } from "./read-markdown.ts";
import { readRepositoryFile, repositoryFiles, repositoryRoot } from "./repository-files.ts";

const documents = repositoryFiles()
  .filter((path) => path.endsWith(".md") && !/^\.changeset\/|CHANGELOG\.md$|\/fixtures\//.test(path))
  .map((path) => ({ path, ...readMarkdown(readRepositoryFile(path)) }));

function blocksIn(...languages: string[]): Array<CodeBlock & { path: string }> {
  return documents
    .flatMap(({ path, blocks }) => blocks.map((block) => ({ path, ...block })))
    .filter(({ language }) => languages.includes(language));
}

describe("links", () => {
  it("lead to files and headings that are there", () => {
    const anchors = new Map(documents.map((document) => [document.path, document.anchors]));
    const broken = documents.flatMap(({ path, links }) =>
      links
        .filter(({ target }) => !/^(https?|mailto):/.test(target))
        .filter(({ target }) => {
          const [file = "", anchor] = target.split("#");
          const full = file === "" ? path : posix.join(posix.dirname(path), decodeURI(file));
          if (!existsSync(join(repositoryRoot, full))) return true;
          return anchor !== undefined && anchors.has(full) && !anchors.get(full)?.includes(anchor);
        })
        .map(({ target, line }) => `${path}:${line}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it("from the index reach every page under docs", () => {
    const index = documents.find(({ path }) => path === "docs/README.md");
    const linked = index?.links.map(({ target }) => posix.join("docs", target.split("#")[0] ?? "")) ?? [];
    const pages = documents
      .map(({ path }) => path)
      .filter((path) => /^docs\//.test(path) && path !== "docs/README.md");
    expect(pages.filter((path) => !linked.includes(path))).toEqual([]);
  });
});

describe("README.md", () => {
  it("lists every package", () => {
    const readme = documents.find(({ path }) => path === "README.md");
    const packages = manifests().filter(({ manifest }) => !manifest.private);
    const linked = readme?.links.map(({ target }) => target) ?? [];
    expect(packages.map(({ folder }) => folder).filter((folder) => !linked.includes(folder))).toEqual([]);
  });
});

describe("code blocks", () => {
  let known: KnownCommands | undefined;

  it("have a language", () => {
    const bare = blocksIn("").map(({ path, line }) => `${path}:${line}`);
    expect(bare).toEqual([]);
  });

  it("are equal to the file that they are a copy of", () => {
    const copies = documents.flatMap(({ blocks }) => blocks.filter(({ copyOf }) => copyOf !== undefined));
    for (const { text, copyOf } of copies) expect(text.trim()).toBe(readRepositoryFile(copyOf ?? "").trim());
  });

  it.each(blocksIn("json"))("hold valid JSON in $path:$line", ({ text }) => {
    expect(JSON.parse(text)).toBeDefined();
  });

  it.each(blocksIn("js", "javascript", "mjs"))("hold valid JavaScript in $path:$line", ({ text }) => {
    expect(parseSync("block.js", text, { sourceType: "module" }).errors).toEqual([]);
  });

  it.each(blocksIn("sh", "bash", "shell", "console"))(
    "name commands that exist in $path:$line",
    ({ text }) => {
      known ??= knownCommands();
      expect(findUnknownCommands(text, known)).toEqual([]);
    },
  );
});

describe("TypeScript blocks", () => {
  // A block that is marked `continues` belongs to the one before it. A copy is compiled where its original is.
  const modules: Array<{ file: string; blocks: Array<CodeBlock & { path: string }> }> = [];
  for (const block of blocksIn("ts", "typescript")) {
    if (block.copyOf !== undefined) continue;
    if (block.marks.includes("continues")) modules.at(-1)?.blocks.push(block);
    else modules.push({ file: `${block.path}-${block.line}`, blocks: [block] });
  }
  const runnable = modules.filter(({ blocks }) => blocks[0]?.marks.includes("run"));
  let folder = "";

  beforeAll(() => {
    mkdirSync(join(repositoryRoot, "node_modules", ".cache"), { recursive: true });
    folder = mkdtempSync(join(repositoryRoot, "node_modules", ".cache", "docs-"));
    linkPackages(join(folder, "node_modules"));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: join(repositoryRoot, "tsconfig.json"),
        compilerOptions: {
          noEmit: false,
          declaration: false,
          rootDir: "blocks",
          outDir: "out",
          customConditions: [],
        },
        include: ["blocks"],
      }),
    );
    for (const { file, blocks: parts } of modules) {
      const path = join(folder, "blocks", `${file}.ts`);
      mkdirSync(dirname(path), { recursive: true });
      // Pushed down, so that the lines of tsc's messages are those of the Markdown file.
      const text = parts.reduce(
        (all, part) => all + "\n".repeat(part.line - all.split("\n").length) + part.text,
        "",
      );
      writeFileSync(path, `${text}\nexport {};\n`);
    }
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("compile against the built packages", { timeout: 60_000 }, () => {
    expect(modules.length).toBeGreaterThan(0);
    const tsc = join(repositoryRoot, "node_modules", ".bin", "tsc");
    const { stdout, stderr } = spawnSync(tsc, ["-p", "tsconfig.json", "--pretty", "false"], {
      cwd: folder,
      encoding: "utf8",
      shell: process.platform === "win32",
    });
    expect(stdout + stderr).toBe("");
  });

  it.runIf(runnable.length > 0).each(runnable)("run: $file", { timeout: 60_000 }, ({ file, blocks }) => {
    const script = join(folder, "out", `${file}.js`);
    const work = mkdtempSync(join(folder, "run-"));
    const { status, stdout, stderr } = spawnSync(process.execPath, [script], { cwd: work, encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    // `console.log(…); // text` promises that text.
    const lines = stdout.split("\n");
    const code = blocks.map(({ text }) => text).join("");
    for (const [, promised] of code.matchAll(/^\s*console\.log\(.*\); \/\/ (.+)$/gm)) {
      expect(lines).toContain(promised);
    }
  });
});

describe("readMarkdown", () => {
  it("reads blocks, links and headings", () => {
    const text = [
      "# The `fax` & you",
      "See [a](./a.md#b) and ![i](i.png), not `[x](y)`.",
      "<!-- file: a/b.ts -->",
      "",
      "```ts run",
      "const a = 1; // [no](link)",
      "# no heading",
      "```",
      "- in a list",
      "  ```sh",
      "  npm test",
      "  ```",
      "## The fax you",
      "## the-fax--you",
    ].join("\n");
    expect(readMarkdown(text)).toEqual({
      blocks: [
        {
          language: "ts",
          marks: ["run"],
          text: "const a = 1; // [no](link)\n# no heading\n",
          line: 6,
          copyOf: "a/b.ts",
        },
        { language: "sh", marks: [], text: "npm test\n", line: 11 },
      ],
      links: [
        { target: "./a.md#b", line: 2 },
        { target: "i.png", line: 2 },
      ],
      anchors: ["the-fax--you", "the-fax-you", "the-fax--you-1"],
    });
  });

  it("refuses a block that is never closed", () => {
    expect(() => readMarkdown("a\n```ts\nb")).toThrow("line 2");
  });
});

describe("findUnknownCommands", () => {
  const known: KnownCommands = {
    scripts: ["test", "demo"],
    packages: ["@faxbot/core"],
    programs: { faxbot: ["send", "keys"] },
    fileExists: (path) => path === "scripts/demo.mjs",
  };

  it("knows what exists", () => {
    const shell = [
      "$ git clone https://example.com/faxbot && cd faxbot",
      "npm install @faxbot/core zod   # both",
      "CI=1 npm run demo -- --once",
      "npm test",
      "npx faxbot send \\",
      "  --to +12025550123",
      "node scripts/demo.mjs | tail -n 1",
    ].join("\n");
    expect(findUnknownCommands(shell, known)).toEqual([]);
  });

  it.each([
    ["npm run nothing", 'there is no script "nothing"'],
    ["npm start", "there is no such script"],
    ["npm insatll", 'there is no command "insatll"'],
    ["npm install @faxbot/cor", "there is no package @faxbot/cor"],
    ["faxbot fly", "faxbot has no command fly"],
    ["npx --yes faxbot fly", "faxbot has no command fly"],
    ["node scripts/none.mjs", "there is no scripts/none.mjs"],
    ["frobnicate", "unknown program"],
  ])("finds %s", (command, reason) => {
    expect(findUnknownCommands(command, known)).toEqual([`${command}: ${reason}`]);
  });
});

interface Manifest {
  name: string;
  private?: boolean;
  bin?: Record<string, string>;
  scripts?: Record<string, string>;
}

function manifests(): Array<{ folder: string; manifest: Manifest }> {
  return repositoryFiles()
    .filter((path) => /^(packages|examples)\/[^/]+\/package\.json$/.test(path))
    .map((path) => ({ folder: dirname(path), manifest: JSON.parse(readRepositoryFile(path)) as Manifest }));
}

/** Makes every package of ours, and everything that any of them depends on, importable from one folder. */
function linkPackages(target: string): void {
  const link = (name: string, path: string) => {
    const place = join(target, name);
    if (existsSync(place)) return;
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(realpathSync(path), place, "junction");
  };
  for (const { folder, manifest } of manifests()) link(manifest.name, join(repositoryRoot, folder));
  for (const folder of [...manifests().map((member) => member.folder), "."]) {
    const installed = join(repositoryRoot, folder, "node_modules");
    for (const name of existsSync(installed) ? packagesIn(installed) : []) link(name, join(installed, name));
  }
}

function packagesIn(installed: string): string[] {
  return readdirSync(installed)
    .filter((name) => !name.startsWith("."))
    .flatMap((name) =>
      name.startsWith("@") ? readdirSync(join(installed, name)).map((part) => `${name}/${part}`) : [name],
    );
}

function knownCommands(): KnownCommands {
  const root = JSON.parse(readRepositoryFile("package.json")) as Manifest;
  const published = manifests().filter(({ manifest }) => !manifest.private);
  return {
    scripts: Object.keys(root.scripts ?? {}),
    packages: published.map(({ manifest }) => manifest.name),
    programs: Object.fromEntries(
      published.flatMap(({ folder, manifest }) =>
        Object.entries(manifest.bin ?? {}).map(([name, file]) => [
          name,
          subCommandsOf(join(repositoryRoot, folder, file)),
        ]),
      ),
    ),
    fileExists: (path) => existsSync(join(repositoryRoot, path)),
  };
}

/** Reads the commands that a program lists in its `--help`; empty for a program without any. */
function subCommandsOf(program: string): string[] {
  const { stdout } = spawnSync(process.execPath, [program, "--help"], { encoding: "utf8" });
  const [, list = ""] = /^Commands:\n((?: +.*\n?)*)/m.exec(stdout) ?? [];
  return [...list.matchAll(/^ {2}([a-z][\w:-]*)/gm)].map((match) => match[1] ?? "");
}
