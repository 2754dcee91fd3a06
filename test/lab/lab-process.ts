import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Attempt, FaultPointName, Fax } from "@faxbot/core";
import type { LabSettings } from "./lab-house.ts";

const script = fileURLToPath(new URL("lab-child.mjs", import.meta.url));

/** What the child is told. */
export interface LabPlan {
  /** Where its database and documents are; they outlive it. */
  folder: string;
  settings: LabSettings;
  to: string;
  /** A TIFF file. */
  tiff: string;
  killAt?: FaultPointName;
}

/** A child that sends one fax, or goes on with it. */
export interface LabProcess {
  /** What the fax and its calls were at the end. */
  settled: Promise<{ fax: Fax; attempts: Attempt[] }>;
  /** The signal that ended it, or null. */
  ended: Promise<NodeJS.Signals | null>;
  kill(): void;
}

/** Starts a child. */
export function startLabProcess(plan: LabPlan): LabProcess {
  const child: ChildProcess = spawn(process.execPath, [script, JSON.stringify(plan)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once("close", (_code, signal) => resolve(signal)),
  );
  const settled = new Promise<{ fax: Fax; attempts: Attempt[] }>((resolve, reject) => {
    if (child.stdout)
      createInterface({ input: child.stdout }).on("line", (line) => {
        const message = JSON.parse(line) as { type: string; fax: Fax; attempts: Attempt[] };
        if (message.type === "settled") resolve(message);
      });
    void ended.then((signal) => reject(new Error(`the child ended (${signal}) too early: ${errors}`)));
  });
  settled.catch(() => {});
  return { settled, ended, kill: () => void child.kill("SIGKILL") };
}
