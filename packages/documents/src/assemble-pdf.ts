import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { FaxError } from "@faxbot/core/transport";
import { ByteParts } from "./byte-parts.ts";
import type { Paper, PdfJob, PdfJobResult } from "./pdf-job.ts";

/** How pages are made; for every function that makes some. */
export interface PageOptions {
  /** The size of new pages. Default `"a4"`. */
  paper?: Paper;
  /**
   * TrueType or OpenType fonts (their bytes) for characters that the own fonts, DejaVu Sans Mono and DejaVu Sans, do not
   * have, e.g. Chinese. They are tried in this order, and only what is used is embedded.
   */
  fonts?: readonly Uint8Array[];
}

/** What one job may use. */
export interface AssembleCaps {
  /** Wall clock, in milliseconds. */
  timeMs: number;
  /** V8's heap, in bytes. */
  heapBytes: number;
}

const defaultCaps: AssembleCaps = { timeMs: 60_000, heapBytes: 1024 << 20 };
const maxWorkers = 2;

let workers = 0;
const waiting: (() => void)[] = [];

/**
 * Makes one PDF of parts, in a thread that is ended when it takes too long or too much memory.
 *
 * @throws FaxError `document_invalid` when a PDF cannot be read by pdf-lib, `document_too_large` when it takes more than
 * the caps, `config_invalid` for a font or logo that cannot be read
 */
export async function assemblePdf(
  job: Pick<PdfJob, "parts" | "header">,
  { fonts = [], paper = "a4" }: PageOptions,
  caps: AssembleCaps = defaultCaps,
): Promise<ByteParts> {
  if (workers >= maxWorkers) await new Promise<void>((resolve) => waiting.push(resolve));
  workers += 1;
  try {
    const result = await run({ ...job, fonts, paper }, caps);
    if ("code" in result) throw new FaxError(result.code, result.message, { cause: result.cause });
    return new ByteParts([result.pdf]);
  } finally {
    workers -= 1;
    waiting.shift()?.();
  }
}

async function run(job: PdfJob, caps: AssembleCaps): Promise<PdfJobResult> {
  const source = import.meta.url.endsWith(".ts") ? "../dist/pdf-editor-worker.js" : "./pdf-editor-worker.js";
  const worker = new Worker(fileURLToPath(new URL(source, import.meta.url)), {
    workerData: job,
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: caps.heapBytes >>> 20 },
    // What pdf-lib has to say about a file is of no use to the host.
    stdout: true,
    stderr: true,
  });
  let deadline: NodeJS.Timeout | undefined;
  try {
    return await new Promise<PdfJobResult>((resolve, reject) => {
      const tooMuch = () => reject(new FaxError("document_too_large", "The document takes too much work."));
      deadline = setTimeout(tooMuch, caps.timeMs);
      worker.once("message", resolve);
      worker.once("error", (error: NodeJS.ErrnoException) => {
        if (error.code === "ERR_WORKER_OUT_OF_MEMORY") tooMuch();
        else reject(error);
      });
      worker.once("exit", () => reject(new Error("the thread ended without an answer")));
    });
  } finally {
    clearTimeout(deadline);
    await worker.terminate();
  }
}
