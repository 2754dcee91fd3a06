#!/usr/bin/env node
import { readFile } from "node:fs/promises";
import { runProgram } from "./program.ts";

async function main(): Promise<number> {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    // Once: the second signal ends the process at once, as people expect of Ctrl-C twice.
    process.once(name, () => stop.abort());
  }
  const { version } = JSON.parse(await readFile(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return runProgram(process.argv.slice(2), version, {
    env: process.env,
    print: (line) => void process.stdout.write(`${line}\n`),
    say: (line) => void process.stderr.write(`${line}\n`),
    signal: stop.signal,
  });
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(
      `faxbot: failed unexpectedly (${error instanceof Error ? error.name : typeof error})\n`,
    );
    process.exitCode = 1;
  },
);
