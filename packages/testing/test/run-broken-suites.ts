import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** One test of a suite that was run on something broken. */
export interface BrokenResult {
  /** With all the names around it. */
  fullName: string;
  status: "passed" | "failed" | "skipped" | "pending" | "todo";
  failureMessages: string[];
}

/**
 * Runs the named tests of suite files in a vitest of its own, which may fail.
 *
 * @param files e.g. `broken-stores.suite.ts`, in `test/broken`
 * @param names parts of full names; only tests that match one are run
 */
export async function runBrokenSuites(
  files: readonly string[],
  names: readonly RegExp[],
): Promise<BrokenResult[]> {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
  const pattern = names.map((name) => name.source).join("|");
  const folder = await mkdtemp(join(tmpdir(), "faxbot-broken-"));
  try {
    const outputFile = join(folder, "report.json");
    const options = ["--config", "test/broken/vitest.config.ts", "-t", pattern];
    options.push("--reporter", "json", "--outputFile", outputFile);
    const said = await new Promise<string>((resolve) => {
      execFile(
        process.execPath,
        [vitest, "run", ...files.map((file) => `test/broken/${file}`), ...options],
        { cwd: root, env: { PATH: process.env.PATH, NO_COLOR: "1" } },
        // Failing tests are what is wanted; the exit code says nothing.
        (_error, stdout, stderr) => resolve(stdout + stderr),
      );
    });
    const report = await readFile(outputFile, "utf8").catch(() => {
      throw new Error(`The suite did not run:\n${said}`);
    });
    const { testResults } = JSON.parse(report) as { testResults: { assertionResults: BrokenResult[] }[] };
    return testResults.flatMap((result) => result.assertionResults);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A pattern for exactly this text. */
export function exactly(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
