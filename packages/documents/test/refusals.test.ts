import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { deflateSync } from "node:zlib";
import { expect, it } from "vitest";
import { fixtureBytes, fixtureNames } from "./fixture.ts";
import { PdfBuilder } from "./pdf-builder.ts";

/** Inspects files in a process of its own; tells of each how it was refused, after how long, and the memory of all. */
const script = `
import { readFileSync } from "node:fs";
import { documentFromFile } from "@faxbot/core/transport";
import { inspectDocument, tiffToPdf } from "@faxbot/documents";
const peak = () => Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync("/proc/self/status", "latin1"))[1]) / 1024;
const before = peak();
const files = [];
for (const path of process.argv.slice(1)) {
  const start = process.cpuUsage();
  let code = "";
  try {
    await inspectDocument(await documentFromFile(path, { mediaType: "application/octet-stream" }));
    if (path.endsWith(".tif")) await tiffToPdf(readFileSync(path));
  } catch (error) {
    code = error.code;
  }
  const { user, system } = process.cpuUsage(start);
  files.push({ path, code, milliseconds: (user + system) / 1000 });
}
console.log(JSON.stringify({ files, megabytes: peak() - before }));
`;

interface Outcome {
  files: { path: string; code: string; milliseconds: number }[];
  megabytes: number;
}

async function inspected(paths: readonly string[]): Promise<Outcome> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "-e", script, "--", ...paths],
    { cwd: new URL("..", import.meta.url) },
  );
  return JSON.parse(stdout) as Outcome;
}

// Only there a process tells the most memory that it had.
const isLinux = existsSync("/proc/self/status");

it.skipIf(!isLinux)(
  "bombs and broken files are refused within a second and 64 MB (needs Linux)",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "faxbot-refusals-"));
    try {
      const bomb = new PdfBuilder()
        .object(1, "<</Type/Catalog/Pages 2 0 R>>")
        .stream(4, "/Type/ObjStm/N 3/First 20/Filter/FlateDecode", deflateSync(Buffer.alloc(64 << 20, 32)))
        .endWithStream(5, 1, { 2: [4, 0], 3: [4, 1] });
      await writeFile(join(folder, "inflating.pdf"), bomb);
      // One that opens and never ends when it is rendered is not for inspection.
      const names = fixtureNames("invalid", "pdf-invalid").filter((name) => name !== "bomb-forms.pdf");
      for (const name of names) await writeFile(join(folder, name), fixtureBytes(name));
      const paths = [...names, "inflating.pdf"].map((name) => join(folder, name));
      const { files, megabytes } = await inspected(paths);
      expect(files.length).toBeGreaterThan(8);
      for (const { path, code, milliseconds } of files) {
        expect(code, path).toMatch(/^document_(invalid|too_large)$/);
        expect(milliseconds, path).toBeLessThan(1000);
      }
      expect(megabytes).toBeLessThan(64);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

it.skipIf(!isLinux)("a long text is refused within 64 MB besides the text itself (needs Linux)", async () => {
  const folder = await mkdtemp(join(tmpdir(), "faxbot-refusals-"));
  try {
    const path = join(folder, "long.txt");
    const size = 45;
    await writeFile(path, Buffer.alloc(size << 20, 0xe9).fill("\n", 0, 400_000));
    const { files, megabytes } = await inspected([path]);
    expect(files).toMatchObject([{ path, code: "document_too_large" }]);
    expect(megabytes).toBeLessThan(size + 64);
  } finally {
    await rm(folder, { recursive: true });
  }
});
