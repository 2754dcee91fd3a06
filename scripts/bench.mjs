// Runs the benchmarks of the packages one after the other and writes what they print into docs/benchmarks.md.
// `npm run bench` runs all, `npm run bench -- documents` those whose path contains a word.
//
// A benchmark is a script `packages/<package>/bench/<name>.mjs`. It imports built packages, prints Markdown (a sentence
// and a table) to its standard output and progress to its standard error, and exits with an error when it misses a
// figure that it promises; the page then says so.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { readWorkspace, root } from "./workspace.mjs";

const page = join(root, "docs", "benchmarks.md");

function benchmarks() {
  return readWorkspace().flatMap(({ folder }) => {
    const bench = join(root, folder, "bench");
    if (!existsSync(bench)) return [];
    const scripts = readdirSync(bench).filter((file) => file.endsWith(".mjs"));
    return scripts.sort().map((file) => `${folder}/bench/${file}`);
  });
}

function machine() {
  const memory = Math.round(totalmem() / 1024 ** 3);
  const date = new Date().toISOString().slice(0, 10);
  // What else the machine did: more than one for each core makes all times longer.
  const load = `load ${loadavg()[1].toFixed(1)}`;
  const name = cpus()[0]?.model.trim() ?? process.arch;
  return `${name}, ${cpus().length} cores, ${memory} GB, ${load}, Node ${process.versions.node}, ${date}`;
}

/** Puts a section into the page, in place of the one that the same script wrote before. */
function withSection(text, script, section) {
  const begin = `<!-- begin ${script} -->`;
  const end = `<!-- end ${script} -->`;
  const block = `${begin}\n\n${section.trim()}\n\n${end}`;
  const from = text.indexOf(begin);
  if (from < 0) return `${text.trimEnd()}\n\n${block}\n`;
  return text.slice(0, from) + block + text.slice(text.indexOf(end) + end.length);
}

const word = process.argv[2] ?? "";
const chosen = benchmarks().filter((script) => script.includes(word));
if (chosen.length === 0) {
  console.error(`there is no benchmark${word ? ` with "${word}" in its path` : ""}`);
  process.exitCode = 1;
}
for (const script of chosen) {
  console.error(`running ${script} …`);
  const { status, stdout } = spawnSync(process.execPath, [script], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  process.stdout.write(stdout ?? "");
  if (status !== 0) {
    console.error(`${script} failed`);
    process.exitCode = 1;
    if (!stdout?.includes("|")) continue;
  }
  const [, name, file] = /^packages\/(.+)\/bench\/(.+)\.mjs$/.exec(script);
  // A figure that is missed stands on the page as well: the page is no place for good runs only.
  const missed = status === 0 ? "" : "**This run missed a figure that is promised.**\n\n";
  const section = `## ${name}: ${file.replaceAll("-", " ")}\n\n${stdout.trim()}\n\n${missed}_${machine()}_`;
  writeFileSync(page, withSection(readFileSync(page, "utf8"), script, section));
}
spawnSync("biome", ["format", "--write", page], { stdio: "inherit", shell: process.platform === "win32" });
