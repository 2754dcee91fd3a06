import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { FaxError } from "@faxbot/core/transport";
import { ownScript } from "./own-script.ts";
import type { ImagePage } from "./tiff-image-page.ts";
import type { TiffPage } from "./tiff-reader.ts";
import { WorkSlots } from "./work-slots.ts";

/** What a child process may use. */
export interface ExoticTiffCaps {
  /** Wall clock, in milliseconds. */
  timeMs: number;
  /** Resident memory, in bytes. Watched where the system tells (Linux); V8's heap is capped everywhere. */
  memoryBytes: number;
}

/** What all pages of a document may use together. */
export interface ExoticTiffBudget {
  /** Wall clock, in milliseconds; what a page took is taken off. */
  leftMs: number;
}

/** For one document: enough for some hundred pages, and little of the two places that there are for all. */
export function exoticTiffBudget(): ExoticTiffBudget {
  return { leftMs: 60_000 };
}

const defaultCaps: ExoticTiffCaps = { timeMs: 10_000, memoryBytes: 768 << 20 };
const heapMegabytes = 256;
const watchMs = 20;
// Four bytes per pixel and as much again while the page is decoded.
const maxPixels = 40_000_000;
const maxOutputBytes = 64 << 20;

const processes = new WorkSlots(2);

/**
 * Decodes a page of a kind that this package has no code for with utif, in a process that is killed when it takes too
 * long or too much memory.
 *
 * @returns undefined when the page is of no kind that utif decodes rightly, or when it fails
 * @throws FaxError `document_too_large` when the pages before it have used up the document's time
 */
export async function convertExoticPage(
  page: TiffPage,
  budget: ExoticTiffBudget,
  caps: ExoticTiffCaps = defaultCaps,
): Promise<ImagePage | undefined> {
  const file = isDecodedRightly(page) && page.width * page.height <= maxPixels ? page.alone() : undefined;
  if (file === undefined) return undefined;
  if (budget.leftMs <= 0) throw new FaxError("document_too_large", "the pages take too long to decode");
  const output = await processes.run(async () => {
    const startedAt = performance.now();
    try {
      return await run(file, page, { ...caps, timeMs: Math.min(caps.timeMs, budget.leftMs) });
    } finally {
      budget.leftMs -= performance.now() - startedAt;
    }
  });
  const [head, ...rest] = output ?? [];
  const samples = head?.[0];
  if (head === undefined || (samples !== 1 && samples !== 3)) return undefined;
  const colour = samples === 1 ? "DeviceGray" : "DeviceRGB";
  const coding = `/ColorSpace/${colour}/BitsPerComponent 8/Filter/FlateDecode`;
  return { method: "image", coding, data: [head.subarray(1), ...rest], missingRows: 0 };
}

/** What was compared with libtiff: deep and transparent samples, and JPEG in several parts. */
function isDecodedRightly(page: TiffPage): boolean {
  const { photometric, bitsPerSample, samplesPerPixel } = page;
  if (photometric === undefined || page.planarConfiguration !== 1 || page.fillOrder !== 1) return false;
  if (page.sampleFormat !== 1 || page.predictor > 2) return false;
  if (page.compression === 7) return bitsPerSample === 8 && [1, 2, 6].includes(photometric);
  if (![1, 5, 8, 32_773].includes(page.compression)) return false;
  if (bitsPerSample !== 8 && bitsPerSample !== 16) return false;
  if (photometric === 1) return samplesPerPixel === 1;
  return photometric === 2 && (samplesPerPixel === 3 || samplesPerPixel === 4);
}

async function run(
  file: readonly Uint8Array[],
  page: TiffPage,
  caps: ExoticTiffCaps,
): Promise<Uint8Array[] | undefined> {
  const script = fileURLToPath(ownScript("exotic-tiff-worker"));
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${heapMegabytes}`, script, String(page.width), String(page.height)],
    {
      stdio: ["pipe", "pipe", "ignore"],
      // Nothing of ours is its business; Windows needs its own folder to start a program.
      env: process.env.SystemRoot === undefined ? {} : { SystemRoot: process.env.SystemRoot },
      windowsHide: true,
    },
  );
  const deadline = setTimeout(() => child.kill("SIGKILL"), caps.timeMs);
  const watch = setInterval(() => void killAbove(child, caps.memoryBytes), watchMs);
  try {
    return await exchange(child, file);
  } finally {
    clearTimeout(deadline);
    clearInterval(watch);
    child.kill("SIGKILL");
  }
}

function exchange(
  child: ChildProcess & { stdin: NodeJS.WritableStream; stdout: NodeJS.ReadableStream },
  file: readonly Uint8Array[],
): Promise<Uint8Array[] | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    child.stdout.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxOutputBytes) child.kill("SIGKILL");
      else chunks.push(chunk);
    });
    child.on("error", () => resolve(undefined));
    child.on("close", (code) => resolve(code === 0 ? chunks : undefined));
    // It may be gone before it has read everything; its exit code tells the rest.
    child.stdin.on("error", () => {});
    for (const part of file) child.stdin.write(part);
    child.stdin.end();
  });
}

async function killAbove(child: ChildProcess, memoryBytes: number): Promise<void> {
  // The second number of statm is the resident pages, of 4 KiB on all systems that matter here.
  const statm = await readFile(`/proc/${child.pid}/statm`, "latin1").catch(() => "");
  if (Number(statm.split(" ")[1] ?? 0) * 4096 > memoryBytes) child.kill("SIGKILL");
}
