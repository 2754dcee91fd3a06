import { FaxError } from "@faxbot/core/transport";
import { ByteParts } from "./byte-parts.ts";
import { checkWord } from "./check-word.ts";
import { copyBytes } from "./copy-bytes.ts";
import { type Paper, type PdfJob, type PdfJobResult, type PdfPart, paperSizes } from "./pdf-job.ts";
import { WorkerPool } from "./worker-pool.ts";

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

/**
 * Refuses a size of paper that is not known.
 *
 * @throws FaxError `config_invalid`
 */
export function checkPaper(paper: Paper | undefined): void {
  checkWord("paper", paper, Object.keys(paperSizes));
}

const editors = new WorkerPool<PdfJob, PdfJobResult>({
  script: "pdf-editor-worker",
  heapBytes: 1024 << 20,
  size: 2,
  // Starting a thread and loading pdf-lib takes longer than most jobs.
  idleMs: 10_000,
  usesPerThread: 50,
});
const defaultDeadlineMs = 60_000;
/** A thread that has seen this much is not kept: its heap is large by then. */
const spentBytes = 8 << 20;

/**
 * Makes one PDF of parts, in a thread that is ended when it takes too long or too much memory.
 *
 * @param deadlineMs how long it may take, in milliseconds
 * @throws FaxError `document_invalid` when a PDF cannot be read by pdf-lib, `document_too_large` when it takes too long
 * or too much memory, `config_invalid` for a font or logo that cannot be read, and for paper of an unknown size
 */
export async function assemblePdf(
  job: Pick<PdfJob, "parts" | "header">,
  { fonts = [], paper = "a4" }: PageOptions,
  deadlineMs = defaultDeadlineMs,
): Promise<ByteParts> {
  checkPaper(paper);
  return editors.use(async (editor) => {
    // Copies that the thread is given for its own: what a message copies, it copies in one go.
    const handedOver: Uint8Array<ArrayBuffer>[] = [];
    const copyOf = async (bytes: Uint8Array) => {
      const copy = await copyBytes([bytes]);
      handedOver.push(copy);
      return copy;
    };
    const parts: PdfPart[] = [];
    for (const part of job.parts) {
      parts.push(part.kind === "cover" ? part : { ...part, bytes: await copyOf(part.bytes) });
    }
    const fontCopies: Uint8Array[] = [];
    for (const font of fonts) fontCopies.push(await copyOf(font));
    const size = handedOver.reduce((sum, bytes) => sum + bytes.length, 0);
    const result = await editor.ask(
      { ...job, parts, fonts: fontCopies, paper },
      { subject: "the document", deadlineMs, transfer: handedOver.map(({ buffer }) => buffer) },
    );
    if (size > spentBytes) editor.retire();
    if ("code" in result) throw new FaxError(result.code, result.message, { cause: result.cause });
    return new ByteParts([result.pdf]);
  });
}
