import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PageInfo } from "@faxbot/core";
import { FaxError } from "@faxbot/core/transport";
import {
  type FaxPageLayout,
  faxDotsPerInch,
  faxPageWidth,
  faxResolutions,
  layOutFaxPage,
} from "./fax-page-layout.ts";
import type { FaxPageStyle, RenderedFaxPage } from "./pdf-renderer-worker.ts";
import { readTiff } from "./tiff-reader.ts";

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
        const isExpected = page.width === faxPageWidth && page.height === group.layout.pageHeight;
        if (strip === undefined || more.length > 0 || !isExpected || page.fillOrder !== 1) throw failed();
        const data = tiff.slice(strip.offset, strip.offset + strip.length);
        const { turned, scale } = group.layout;
        onPage({ width: page.width, height: page.height, data, turned, scale });
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
      throw new FaxError("document_too_large", `page ${index + 1} is longer than two sheets of A4`);
    }
    const last = groups.at(-1);
    if (
      last !== undefined &&
      last.layout.pageHeight === layout.pageHeight &&
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

function ghostscriptArguments(
  { first, count, layout }: PageGroup,
  { resolution, compression }: FaxPageStyle,
  input: string,
  output: string,
): string[] {
  return [
    "-q",
    "-dSAFER",
    "-dBATCH",
    "-dNOPAUSE",
    `-K${memoryKilobytes}`,
    `-sDEVICE=${devices[compression]}`,
    `-r${faxDotsPerInch}x${faxResolutions[resolution]}`,
    // A page of exactly this size, onto which the PDF's page is fitted: turned, made smaller and centred.
    `-g${faxPageWidth}x${layout.pageHeight}`,
    "-dFIXEDMEDIA",
    "-dPDFFitPage",
    "-dUseCropBox",
    "-dMaxStripSize=0",
    `-dFirstPage=${first}`,
    `-dLastPage=${first + count - 1}`,
    `-sOutputFile=${output}`,
    "-f",
    input,
  ];
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
