import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { repositoryRoot } from "./repository-files.ts";

// A workspace of three packages, a ← b ← c, whose "build" copies src to dist; index.d.ts stands for the declarations.
describe("scripts/build.mjs", () => {
  const copy = "node -e \"require('fs').cpSync('src', 'dist', { recursive: true })\"";
  let workspace = "";

  const write = (path: string, text: string) => {
    mkdirSync(join(workspace, path, ".."), { recursive: true });
    writeFileSync(join(workspace, path), text);
  };
  const addPackage = (name: string, dependencies: Record<string, string>, build = copy) =>
    write(`packages/${name}/package.json`, JSON.stringify({ name, dependencies, scripts: { build } }));
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["scripts/build.mjs", ...args], {
      cwd: workspace,
      encoding: "utf8",
    });
    return { status, built: [...stdout.matchAll(/^built (\S+)/gm)].map((match) => match[1]), stderr };
  };

  beforeEach(() => {
    workspace = mkdtempSync(join(tmpdir(), "faxbot build "));
    cpSync(join(repositoryRoot, "scripts"), join(workspace, "scripts"), { recursive: true });
    write("pnpm-lock.yaml", "");
    write("tsconfig.json", "{}");
    mkdirSync(join(workspace, "examples"));
    addPackage("c", { b: "workspace:^" });
    addPackage("b", { a: "workspace:^" });
    addPackage("a", {});
    for (const name of ["a", "b", "c"]) {
      write(`packages/${name}/src/index.js`, "1");
      write(`packages/${name}/src/index.d.ts`, "1");
    }
  });
  afterEach(() => rmSync(workspace, { recursive: true, force: true }));

  it("builds in the order of the imports, and nothing twice", () => {
    expect(run()).toEqual({ status: 0, built: ["a", "b", "c"], stderr: "" });
    expect(run().built).toEqual([]);
    expect(run("--force").built).toEqual(["a", "b", "c"]);
  });

  it("builds what changed, and its importers only when its declarations changed", () => {
    run();
    write("packages/b/src/index.js", "2");
    expect(run().built).toEqual(["b"]);
    write("packages/b/src/index.d.ts", "2");
    expect(run().built).toEqual(["b", "c"]);
    write("packages/a/src/index.d.ts", "2"); // b's own declarations stay, c's may still change
    expect(run().built).toEqual(["a", "b", "c"]);
  });

  it("builds again what was damaged or left half-done", () => {
    run();
    rmSync(join(workspace, "packages/a/dist/index.js"));
    expect(run().built).toEqual(["a"]);
    addPackage("a", {}, 'node -e "process.exit(1)"');
    expect(run().status).toBe(1);
    addPackage("a", {});
    expect(run().built).toEqual(["a"]);
  });

  it("builds again when settings, tools or dependencies changed", () => {
    run();
    write("tsconfig.json", '{ "extends": "x" }');
    expect(run().built).toEqual(["a", "b", "c"]);
    write("pnpm-lock.yaml", "tsup: 10.0.0");
    expect(run().built).toEqual(["a", "b", "c"]);
  });

  it("says what failed, leaves out what needs it, and builds the rest", () => {
    addPackage("b", { a: "workspace:^" }, "node -e \"console.log('no such thing'); process.exit(1)\"");
    const { status, built, stderr } = run();
    expect({ status, built }).toEqual({ status: 1, built: ["a"] });
    expect(stderr).toContain("Building b (packages/b) failed:\nno such thing");
    expect(stderr).toContain("c was not built");
  });

  it("waits for a build that is running, not for one that was killed", async () => {
    const first = spawn(process.execPath, ["scripts/build.mjs"], { cwd: workspace, stdio: "ignore" });
    const lock = join(workspace, "node_modules/.cache/faxbot/build/running");
    while (!existsSync(lock)) await setTimeout(5);
    const ended = once(first, "close");
    expect(run().built).toEqual([]);
    expect(await ended).toEqual([0, null]);
    writeFileSync(lock, String(first.pid));
    expect(run("--force").built).toEqual(["a", "b", "c"]);
  });

  it("refuses packages that import each other", () => {
    addPackage("a", { c: "workspace:^" });
    const { status, stderr } = run();
    expect(status).toBe(1);
    expect(stderr).toContain("import each other in a circle");
  });
});
