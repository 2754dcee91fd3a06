import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PageInfo } from "@faxbot/core";
import { FaxError } from "@faxbot/core/transport";
import { BitWriter } from "./bit-writer.ts";
import { CcittDecoder } from "./ccitt-decoder.ts";
import {
  type ChangeList,
  encodeRow1D,
  encodeRow2D,
  rowsOfBitmap,
  whiteRow,
  writeEndOfBlock,
} from "./ccitt-encoder.ts";
import { endOfLineCode } from "./ccitt-tables.ts";
import {
  type FaxPageLayout,
  type FaxResolution,
  faxDotsPerInch,
  faxPageWidth,
  faxResolutions,
  layOutFaxPage,
} from "./fax-page-layout.ts";
import { paintRow } from "./paint-row.ts";
import type { FaxPageStyle, RenderedFaxPage } from "./pdf-renderer-worker.ts";
import { readTiff } from "./tiff-reader.ts";
import { TimeSlice } from "./time-slice.ts";

/** What a document is rendered with. */
export interface GhostscriptRequest {
  /** The PDF, already inspected. */
  bytes: Uint8Array;
  style: FaxPageStyle;
  /** How long each page may take, in milliseconds. */
  pageDeadlineMs: number;
  signal?: AbortSignal;
}

/** Pages in sequence of one size, which one run renders. */
interface PageGroup {
  first: number;
  count: number;
  layout: FaxPageLayout;
}

// Ghostscript's own limit, in kilobytes.
const memoryKilobytes = 1 << 20;
const faxPageStride = faxPageWidth / 8;
const devices = { g4: "tiffg4", g3: "tiffg3" } as const;

/**
 * Renders a PDF with Ghostscript, where it is installed. A process of its own without a shell, confined by `-dSAFER`
 * to its input and output in a folder that is removed afterwards, and killed when it takes too long.
 *
 * Grey becomes dots in Ghostscript's own way, coloured text too.
 *
 * @param pages what inspecting found: the sizes as they show
 * @param onPage called for each page in order
 * @throws FaxError `unsupported` when the program is not there; `document_invalid` when it fails;
 * `document_too_large` past the deadline and for pages that are too long
 */
export async function renderPdfByGhostscript(
  request: GhostscriptRequest,
  pages: readonly PageInfo[],
  onPage: (page: RenderedFaxPage) => void,
): Promise<void> {
  const groups = groupPages(pages, request.style);
  const slice = new TimeSlice();
  const folder = await mkdtemp(join(tmpdir(), "faxbot-gs-"));
  try {
    const input = join(folder, "in.pdf");
    const output = join(folder, "out.tif");
    await writeFile(input, request.bytes, { mode: 0o600 });
    for (const group of groups) {
      await run(ghostscriptArguments(group, request.style, input, output), folder, group.count, request);
      const tiff = new Uint8Array(await readFile(output));
      const rendered = readTiff(tiff).pages;
      if (rendered.length !== group.count) throw failed();
      for (const page of rendered) {
        const [strip, ...more] = page.segments();
        const { layout } = group;
        const [width, height] = pictureSize(layout);
        const isExpected = page.width === width && page.height === height;
        if (strip === undefined || more.length > 0 || !isExpected || page.fillOrder !== 1) throw failed();
        const picture = tiff.subarray(strip.offset, strip.offset + strip.length);
        const data = await placeOnPage(picture, layout, request.style.compression, slice);
        const { turned, scale, pageHeight } = layout;
        onPage({ width: faxPageWidth, height: pageHeight, data, turned, scale });
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function failed(): FaxError {
  return new FaxError("document_invalid", "Ghostscript could not render the PDF");
}

function groupPages(pages: readonly PageInfo[], style: FaxPageStyle): PageGroup[] {
  const groups: PageGroup[] = [];
  for (const [index, page] of pages.entries()) {
    const layout = layOutFaxPage(page.width, page.height, style.resolution, style.pageSize);
    if (layout === undefined) {
      throw new FaxError(
        "document_too_large",
        `page ${index + 1} is longer than two sheets of A4, which a page size would change`,
      );
    }
    const last = groups.at(-1);
    if (
      last !== undefined &&
      last.layout.width === layout.width &&
      last.layout.height === layout.height &&
      last.layout.turned === layout.turned &&
      last.layout.scale === layout.scale
    ) {
      last.count += 1;
    } else {
      groups.push({ first: index + 1, count: 1, layout });
    }
  }
  return groups;
}

/** Dots per inch of the rendered picture, the way that {@link pictureSize} counts. */
function pictureResolution(
  { turned, scale }: FaxPageLayout,
  resolution: FaxResolution,
): [across: number, down: number] {
  const across = faxDotsPerInch * scale;
  const down = faxResolutions[resolution] * scale;
  return turned ? [down, across] : [across, down];
}

function ghostscriptArguments(
  { first, count, layout }: PageGroup,
  { resolution, compression }: FaxPageStyle,
  input: string,
  output: string,
): string[] {
  const [width, height] = pictureSize(layout);
  const [across, down] = pictureResolution(layout, resolution);
  return [
    "-q",
    "-dSAFER",
    "-dBATCH",
    "-dNOPAUSE",
    `-K${memoryKilobytes}`,
    `-sDEVICE=${devices[compression]}`,
    `-r${across}x${down}`,
    // Just the picture, made smaller by its resolution and turned by us: what Ghostscript fits to a page (-dPDFFitPage)
    // it also makes larger, turns to fill the page, and shows upside down where the PDF has it turned.
    `-g${width}x${height}`,
    // Widths near that of a fax are not to become it.
    "-dAdjustWidth=0",
    "-dFIXEDMEDIA",
    "-dUseCropBox",
    "-dMaxStripSize=0",
    `-dFirstPage=${first}`,
    `-dLastPage=${first + count - 1}`,
    `-sOutputFile=${output}`,
    "-f",
    input,
  ];
}

/** The picture as Ghostscript renders it, which is as the page is seen. */
function pictureSize({ turned, width, height }: FaxPageLayout): [width: number, height: number] {
  return turned ? [height, width] : [width, height];
}

/** Turns a picture if need be, and sets it on a page of the fax: white to its left and right, and below it. */
async function placeOnPage(
  picture: Uint8Array,
  layout: FaxPageLayout,
  compression: FaxPageStyle["compression"],
  slice: TimeSlice,
): Promise<Uint8Array> {
  const { turned, left, pageHeight } = layout;
  const [width, height] = pictureSize(layout);
  if (!turned && width === faxPageWidth && height === pageHeight) return picture.slice();
  const data = new Uint8Array(faxPageStride * pageHeight);
  const decoder = new CcittDecoder(picture, { scheme: compression }, width);
  for (let y = 0; y < height; y += 1) {
    if ((y & 15) === 15 && slice.due()) await slice.pause();
    if (!decoder.nextRow()) throw failed();
    if (turned) paintColumn(decoder.row, width, data, left + y);
    else paintRow(decoder.row, width, data, y * faxPageStride + (left >>> 3));
  }
  const writer = new BitWriter();
  let above = whiteRow(faxPageWidth);
  let y = 0;
  for (const row of rowsOfBitmap({ width: faxPageWidth, height: pageHeight, data })) {
    if ((y & 15) === 15 && slice.due()) await slice.pause();
    if (compression === "g4") encodeRow2D(writer, above, row, faxPageWidth);
    else {
      writer.reserve(4);
      writer.write(endOfLineCode);
      encodeRow1D(writer, row, faxPageWidth);
    }
    above = row;
    y += 1;
  }
  if (compression === "g4") writeEndOfBlock(writer);
  return writer.finish().slice();
}

/** Paints a row as a column, its right end at the top. */
function paintColumn(row: ChangeList, width: number, data: Uint8Array, column: number): void {
  const bit = 0x80 >>> (column & 7);
  const first = column >>> 3;
  for (let i = 0; (row[i] as number) < width; i += 2) {
    for (let x = row[i] as number; x < (row[i + 1] as number); x += 1) {
      const at = (width - 1 - x) * faxPageStride + first;
      data[at] = (data[at] as number) | bit;
    }
  }
}

async function run(
  args: string[],
  folder: string,
  pages: number,
  { pageDeadlineMs, signal }: GhostscriptRequest,
): Promise<void> {
  signal?.throwIfAborted();
  const child = spawn("gs", args, {
    cwd: folder,
    stdio: "ignore",
    // Where the program and its libraries are, and nothing of ours.
    env: { PATH: process.env.PATH, TMPDIR: folder },
    windowsHide: true,
  });
  let isLate = false;
  const kill = () => void child.kill("SIGKILL");
  const timer = setTimeout(() => {
    isLate = true;
    kill();
  }, pageDeadlineMs * pages);
  signal?.addEventListener("abort", kill, { once: true });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on("error", (cause) =>
        reject(new FaxError("unsupported", "the program gs is not installed", { cause })),
      );
      child.on("close", resolve);
    });
    signal?.throwIfAborted();
    if (isLate) {
      throw new FaxError("document_too_large", `the PDF takes longer than ${pageDeadlineMs} ms per page`);
    }
    if (code !== 0) throw failed();
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", kill);
  }
}
