import { FaxError } from "@faxbot/core/transport";
import type { ByteParts } from "./byte-parts.ts";
import { type CcittPage, convertCcittPage, isCcitt } from "./ccitt-page.ts";
import { checkSize, readDocumentBytes, readStreamBytes } from "./document-bytes.ts";
import { type DocumentLimits, defaultDocumentLimits } from "./document-limits.ts";
import { convertExoticPage, type ExoticTiffBudget, exoticTiffBudget } from "./exotic-tiff.ts";
import { ImagePdfWriter } from "./image-pdf-writer.ts";
import { bytesPerRow } from "./tiff-bands.ts";
import { convertImagePage } from "./tiff-image-page.ts";
import { readTiffInSlices, type TiffPage } from "./tiff-reader.ts";
import { tiffResolution } from "./tiff-resolution.ts";
import { TimeSlice } from "./time-slice.ts";

/** How {@link tiffToPdf} works. */
export interface TiffToPdfOptions {
  /**
   * Decodes each fax page, without painting it, to prove that every reader will show the same; damaged pages are
   * repaired. Default true; costs about a millisecond per page. With `false` a page in one strip is taken unseen.
   */
  verify?: boolean;
  /** Codes Group 3 pages as Group 4 where that is smaller, by a third mostly. Default false. */
  compact?: boolean;
  /** What is refused as too large. */
  limits?: Partial<DocumentLimits>;
  /** Called after each page with how many are done, of how many. */
  onProgress?: (progress: { done: number; pages: number }) => void;
}

/** What became of one page. */
export interface TiffPageReport {
  /**
   * `pass` the data is unchanged; `concat` and `stitch` strips were joined without decoding pixels; `reencode` fax data
   * was coded anew without loss; `repair` it was damaged and coded anew; `g4` other bilevel data was coded as fax data;
   * `image` grey or colour data.
   */
  method: "pass" | "concat" | "stitch" | "reencode" | "repair" | "g4" | "image";
  /** Damaged rows, each replaced by the row above. */
  badRows: number;
  /** The longest sequence of damaged rows. */
  maxConsecutiveBadRows: number;
  /** Rows that the file does not have, left white. */
  missingRows: number;
}

/** What became of a TIFF file. */
export interface TiffToPdfReport {
  /** One entry per page of the PDF. */
  pages: TiffPageReport[];
  /** What was wrong with the file as a whole and passed over; fixed texts. */
  warnings: string[];
}

// Decoding costs time per row, however few bytes a row takes: 20 million rows are 8,500 pages of A4 in fine mode.
const maxRows = 20_000_000;
const maxSegments = 2 ** 20;
// The strips or tiles of one page are listed in one go.
const maxSegmentsOfPage = 2 ** 15;
const maxUnpackedBytes = 2 ** 30;
// What is coded anew is held in memory, and may be many times the file: this many times the limit for files at most.
const maxGrowth = 5;

/**
 * Makes a PDF of a fax TIFF, page by page and without decoding what need not be decoded: fax data goes into the PDF as
 * it was received. The PDF refers to the bytes of the input, so do not change them while it is in use.
 *
 * Pages show at the size that their resolution says, so that standard-mode faxes are not squeezed.
 *
 * @param input a TIFF or BigTIFF file
 * @throws FaxError `document_invalid` when it is no TIFF file or no page can be read; `document_too_large` above a
 * limit; `document_unsupported` for a page whose coding is not known
 * @example
 * const { pdf, report } = await tiffToPdf(await readFile("fax.tif"));
 * await pdf.writeFile("fax.pdf");
 * console.log(report.pages.map((page) => page.badRows));
 */
export async function tiffToPdf(
  input: Uint8Array | Blob | ReadableStream<Uint8Array>,
  options: TiffToPdfOptions = {},
): Promise<{ pdf: ByteParts; report: TiffToPdfReport }> {
  const limits = { ...defaultDocumentLimits, ...options.limits };
  const { verify = true, compact = false } = options;
  const bytes = await readInput(input, limits.bytes);
  const slice = new TimeSlice();
  const { pages, warnings } = await readTiffInSlices(bytes, limits, slice);
  await checkWork(pages, bytes.length, slice);
  const writer = new ImagePdfWriter();
  const report: TiffToPdfReport = { pages: [], warnings };
  let newBytes = 0;
  const exotic = exoticTiffBudget();
  for (const page of pages) {
    if (slice.due()) await slice.pause();
    const { coding, data, ...about } = await convertPage(bytes, page, { verify, compact }, exotic, slice);
    for (const part of data) if (part.buffer !== bytes.buffer) newBytes += part.length;
    if (newBytes > maxGrowth * limits.bytes) throw tooLargeTogether();
    const { width, height, orientation } = page;
    writer.addPage({ width, height, ...tiffResolution(page), orientation, coding, data });
    report.pages.push(about);
    options.onProgress?.({ done: report.pages.length, pages: pages.length });
  }
  return { pdf: writer.finish(), report };
}

interface ConvertedPage extends TiffPageReport {
  coding: string;
  data: Uint8Array[];
}

async function convertPage(
  bytes: Uint8Array,
  page: TiffPage,
  options: { verify: boolean; compact: boolean },
  exotic: ExoticTiffBudget,
  slice: TimeSlice,
): Promise<ConvertedPage> {
  if (isCcitt(page.compression) && page.samplesPerPixel === 1 && page.tile === undefined) {
    const converted = await convertCcittPage(bytes, page, options, slice);
    const { method, badRows, maxConsecutiveBadRows, missingRows, data } = converted;
    return {
      method,
      badRows,
      maxConsecutiveBadRows,
      missingRows,
      coding: ccittFilter(page, converted),
      data,
    };
  }
  const converted = (await convertImagePage(bytes, page, slice)) ?? (await convertExoticPage(page, exotic));
  if (converted === undefined) {
    throw new FaxError("document_unsupported", "a page of the TIFF file is coded in a way that is not known");
  }
  return { badRows: 0, maxConsecutiveBadRows: 0, ...converted };
}

async function readInput(
  input: Uint8Array | Blob | ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<Uint8Array> {
  if (input instanceof Uint8Array) {
    checkSize(input, maxBytes);
    return input;
  }
  return input instanceof Blob ? readDocumentBytes(input, maxBytes) : readStreamBytes(input, maxBytes);
}

/** Pages that share their data, or pack it well, could ask for far more work than the file has bytes. */
async function checkWork(pages: readonly TiffPage[], fileBytes: number, slice: TimeSlice): Promise<void> {
  let rows = 0;
  let segments = 0;
  let unpacked = 0;
  for (const page of pages) {
    const { tile, segmentCount } = page;
    // Tiles reach beyond the page, as far as they like.
    const width = tile === undefined ? page.width : Math.ceil(page.width / tile.width) * tile.width;
    const height = tile === undefined ? page.height : Math.ceil(page.height / tile.height) * tile.height;
    if (segmentCount > maxSegmentsOfPage) {
      throw new FaxError("document_too_large", "a page of the TIFF file has too many strips or tiles");
    }
    segments += segmentCount;
    rows += tile === undefined ? height : (width / tile.width) * height;
    if (!isCcitt(page.compression) || tile !== undefined) unpacked += bytesPerRow(page, width) * height;
  }
  if (rows > maxRows || segments > maxSegments || unpacked > maxUnpackedBytes) throw tooLargeTogether();
  let dataBytes = 0;
  for (const page of pages) {
    if (slice.due()) await slice.pause();
    for (const segment of page.segments()) dataBytes += segment.length;
    if (dataBytes > 2 * fileBytes)
      throw new FaxError("document_invalid", "the pages of the TIFF file overlap");
  }
}

function tooLargeTogether(): FaxError {
  return new FaxError("document_too_large", "the pages are too large together");
}

/** ISO 32000-1, 7.4.6. */
function ccittFilter(page: TiffPage, { coding, hasEol }: CcittPage): string {
  const k = coding.scheme === "g4" ? -1 : coding.twoDimensional ? 4 : 0;
  return (
    "/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/CCITTFaxDecode" +
    `/DecodeParms<</K ${k}/Columns ${page.width}/Rows ${page.height}` +
    // Received pages have no RTC, and with Rows none is needed; a reader that waits for one spoils the last row.
    `/EndOfBlock false${hasEol ? "/EndOfLine true" : ""}` +
    `${coding.rowAlignment === 8 ? "/EncodedByteAlign true" : ""}${page.photometric === 1 ? "/BlackIs1 true" : ""}>>`
  );
}
