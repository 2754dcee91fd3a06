import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readDocument } from "@faxbot/core/transport";
import { onTestFinished } from "vitest";
import type { FreeSwitchTiming } from "../src/freeswitch-timing.ts";
import { faxTiff } from "./fax-tiff.ts";

/** Says what is to be done when a test is over; tests that run at the same time each have their own. */
export type Cleanup = (work: () => Promise<void>) => void;

/** A new folder for temporary files. */
export function newFolder(name: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `faxbot-freeswitch-${name}-`));
}

/** Two folders of their own for one test. */
export async function exchangeFolders(
  cleanup: Cleanup = onTestFinished,
): Promise<{ spoolOut: string; spoolIn: string }> {
  const folders = await Promise.all(["out", "in"].map((name) => newFolder(name)));
  cleanup(async () => {
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  });
  const [spoolOut, spoolIn] = folders as [string, string];
  return { spoolOut, spoolIn };
}

/** Puts a received fax into a folder, as rxfax does. */
export async function receivedFile(folder: string, id: string, pages = 1): Promise<void> {
  await writeFile(join(folder, `${id}.tif`), await readDocument(faxTiff(pages)));
}

/** Nothing that a test waits for takes seconds. */
export const quickTiming: FreeSwitchTiming = {
  connectMs: 2_000,
  replyMs: 10_000,
  keepAliveMs: 60_000,
  earlyMs: 5_000,
  lateMs: 100,
  settleMs: 300,
  tickMs: 20,
  verifyMs: 60_000,
  scanMs: 60_000,
  quietMs: 60_000,
  reconnectMs: () => 10,
  refusedMs: 60_000,
  callGraceMs: 30_000,
  leftoverMs: 60_000,
};

/** Settings that fit the recordings, with folders of their own. */
export function exchangeSettings(folders: { spoolOut: string; spoolIn: string }) {
  return {
    host: "127.0.0.1",
    password: "synthetic-password",
    gateway: "trunk",
    callerIdNumber: "+12125550100",
    inboundSecret: "synthetic-internal-secret",
    ...folders,
  };
}
