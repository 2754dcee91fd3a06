import { spawnSync } from "node:child_process";

/** Tells whether a program that a test compares with is installed. */
export function hasProgram(name: string): boolean {
  return spawnSync(name, ["--version"], { stdio: "ignore" }).error === undefined;
}
