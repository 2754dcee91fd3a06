import { type FaxDocument, FaxError } from "@faxbot/core/transport";
import type { Halftone } from "./binarise.ts";
import { checkWord } from "./check-word.ts";
import { copyBytes } from "./copy-bytes.ts";
import { checkSize, readDocumentBytes } from "./document-bytes.ts";
import { type DocumentLimits, defaultDocumentLimits } from "./document-limits.ts";
import { type FaxPageSize, type FaxResolution, faxDotsPerInch, faxResolutions } from "./fax-page-layout.ts";
import { recogniseDocument, recognitionBytes } from "./inspect-document.ts";
import { inspectPdf } from "./pdf-inspector.ts";
import type { RenderedFaxPage } from "./pdf-renderer-worker.ts";
import { renderPdfByGhostscript } from "./pdf-to-tiff-by-ghostscript.ts";
import { renderPdf } from "./render-pdf.ts";
import { writeTiff } from "./tiff-writer.ts";

/** How {@link pdfToTiff} works. */
export interface PdfToTiffOptions {
  /** Default `fine`. */
  resolution?: FaxResolution;
  /** `g4` (T.6) or `g3` (T.4 1-D), which every machine takes, at half as many bytes again. Default `g4`. */
  compression?: "g4" | "g3";
  /** Default `source`: each fax page is as long as the page it is made of. */
  pageSize?: FaxPageSize;
  /** How grey and colour become black and white. Default `hybrid`. Ghostscript has its own way. */
  halftone?: Halftone;
  /**
   * `pdfium` comes with this package. `ghostscript` runs the program `gs`, which has to be installed. Default `pdfium`.
   */
  engine?: "pdfium" | "ghostscript";
  /** How long one page may take, in milliseconds. Default 10,000. */
  pageDeadlineMs?: number;
  /** Pages above which the document is refused. Default: that of {@link limits}. */
  maxPages?: number;
  /** What is refused as too large. */
  limits?: Partial<DocumentLimits>;
  /** Ends the work; the promise is then rejected with the signal's reason. */
  signal?: AbortSignal;
  /** Called after each page with how many are done, of how many. */
  onProgress?: (progress: { done: number; pages: number }) => void;
}

/** What became of one page of a PDF. */
export interface PdfToTiffPage {
  /** Pixels of the fax page: 1728 across. */
  width: number;
  height: number;
  /** Coded, which is what the line has to carry. */
  bytes: number;
  /** True for a landscape page, which is turned a quarter counter-clockwise. */
  turned: boolean;
  /** Size on the fax to size in the PDF, 1 at most. */
  scale: number;
}

const defaultPageDeadlineMs = 10_000;

/**
 * Refuses options that are none of their words.
 *
 * @throws FaxError `config_invalid`
 */
export function checkFaxStyle({
  resolution,
  compression,
  pageSize,
  halftone,
  engine,
}: PdfToTiffOptions): void {
  checkWord("resolution", resolution, Object.keys(faxResolutions));
  checkWord("compression", compression, ["g4", "g3"] satisfies PdfToTiffOptions["compression"][]);
  checkWord("pageSize", pageSize, ["source", "a4", "letter", "legal"] satisfies FaxPageSize[]);
  checkWord("halftone", halftone, ["hybrid", "threshold", "diffusion"] satisfies Halftone[]);
  checkWord("engine", engine, ["pdfium", "ghostscript"] satisfies PdfToTiffOptions["engine"][]);
}

/**
 * Renders a PDF as a fax: a TIFF of black and white pages, 1728 pixels across, which spandsp (Asterisk, FreeSWITCH)
 * sends as it is. Landscape pages are turned, pages that are too wide made smaller; filled-in forms are shown.
 *
 * The work is done in worker threads of bounded memory. A page that takes longer than the deadline ends the work, so
 * that no document can hold the application up.
 *
 * @param input a PDF. Its bytes are inspected first, see {@link inspectDocument}
 * @returns the file, and what became of each page
 * @throws FaxError `document_unsupported` when it is no PDF; `document_invalid` when it is damaged;
 * `document_encrypted` when it needs a password; `document_too_large` above a limit, for a page longer than two sheets
 * of A4 (unless `pageSize` makes it shorter) and past the deadline; `unsupported` when Ghostscript is not installed;
 * `config_invalid` for an option that is none of its words
 * @example
 * const { tiff, pages } = await pdfToTiff(await readFile("order.pdf"), { resolution: "standard" });
 * await writeFile("order.tif", tiff);
 * console.log(pages.length);
 */
export async function pdfToTiff(
  input: Uint8Array | Blob | FaxDocument,
  options: PdfToTiffOptions = {},
): Promise<{ tiff: Uint8Array; pages: PdfToTiffPage[] }> {
  const { resolution = "fine", compression = "g4", pageSize = "source", halftone = "hybrid" } = options;
  const { engine = "pdfium", pageDeadlineMs = defaultPageDeadlineMs, signal, onProgress } = options;
  const limits: DocumentLimits = { ...defaultDocumentLimits, ...options.limits };
  if (options.maxPages !== undefined) limits.pages = options.maxPages;
  checkFaxStyle(options);
  signal?.throwIfAborted();
  const isOurs = !(input instanceof Uint8Array);
  if (!isOurs) checkSize(input, limits.bytes);
  const bytes = isOurs ? await readDocumentBytes(input, limits.bytes) : input;
  if (recogniseDocument(bytes.subarray(0, recognitionBytes)) !== "application/pdf") {
    throw new FaxError("document_unsupported", "the document is not a PDF");
  }
  const info = await inspectPdf(bytes, limits);
  const rendered: RenderedFaxPage[] = [];
  const onPage = (page: RenderedFaxPage) => {
    rendered.push(page);
    onProgress?.({ done: rendered.length, pages: info.pages.length });
  };
  const request = {
    bytes,
    style: { resolution, compression, pageSize, halftone },
    pageDeadlineMs,
    ...(signal === undefined ? {} : { signal }),
  };
  if (engine === "ghostscript") {
    await renderPdfByGhostscript(request, info.pages, onPage);
  } else {
    const handedOver = isOurs ? bytes : await copyBytes([bytes]);
    const { pagePoints: maxPagePoints } = limits;
    await renderPdf({ ...request, bytes: handedOver, maxPagePoints }, info.pages.length, onPage);
  }
  const dpi = { xDpi: faxDotsPerInch, yDpi: faxResolutions[resolution] };
  const tiff = await writeTiff(
    rendered.map(({ width, height, data }) => ({ width, height, data, compression, ...dpi })),
  );
  return { tiff, pages: rendered.map(({ data, ...page }) => ({ ...page, bytes: data.length })) };
}
