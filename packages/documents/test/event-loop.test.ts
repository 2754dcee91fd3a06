import { describe, expect, it } from "vitest";
import { inspectDocument } from "../src/inspect-document.ts";
import { readTiff } from "../src/tiff-reader.ts";
import { tiffToPdf } from "../src/tiff-to-pdf.ts";
import { anyDocument, fixtureBytes } from "./fixture.ts";
import { PdfBuilder } from "./pdf-builder.ts";
import { buildTiff, pageTags, type TiffBuilderPage } from "./tiff-builder.ts";

// What any call may hold the event loop for.
const longestMs = 20;

/** Node 23.9 and later. A busy machine stops a process for any time, so only processor time tells what a turn took. */
const threadCpuUsage = (process as { threadCpuUsage?: typeof process.cpuUsage }).threadCpuUsage;

/** Does some work and gives the processor time, in milliseconds, of the longest turn of the event loop and of all. */
async function turns(work: () => Promise<unknown>): Promise<{ longest: number; all: number }> {
  if (threadCpuUsage === undefined) throw new Error("no processor time of a thread");
  const now = () => {
    const { user, system } = threadCpuUsage();
    return (user + system) / 1000;
  };
  let isOver = false;
  let longest = 0;
  const start = now();
  let last = start;
  const tick = () => {
    const current = now();
    longest = Math.max(longest, current - last);
    last = current;
    if (!isOver) setImmediate(tick);
  };
  setImmediate(tick);
  await work();
  tick();
  isOver = true;
  return { longest, all: last - start };
}

/** A page of a fixture, as often as asked. */
function pages(name: string, count: number): TiffBuilderPage[] {
  const bytes = fixtureBytes(name);
  const [page] = readTiff(bytes).pages;
  if (page === undefined) throw new Error("no page");
  const segments = page.segments().map(({ offset, length }) => bytes.slice(offset, offset + length));
  const tags = pageTags(
    page.width,
    page.height,
    [259, 3, [page.compression]],
    [278, 4, [page.rowsPerStrip]],
    [266, 3, [page.fillOrder]],
    [292, 4, [page.t4Options]],
  );
  return Array.from({ length: count }, () => ({ tags, segments }));
}

function largePdf(): Uint8Array {
  const builder = new PdfBuilder().object(1, "<</Type/Catalog/Pages 2 0 R>>");
  const kids = Array.from({ length: 4000 }, (_, index) => `${index + 3} 0 R`).join(" ");
  builder.object(2, `<</Type/Pages/Kids[${kids}]/Count 4000>>`);
  for (let i = 0; i < 4000; i += 1) {
    builder.object(
      i + 3,
      "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 9 0 R>>>>>>",
    );
  }
  return builder.endWithTable();
}

describe.runIf(threadCpuUsage)("the event loop stays free (not here: needs Node 23.9)", () => {
  const tiffs: [string, Uint8Array][] = [
    ["G4 pages", buildTiff(pages("g4-fine-3p.tif", 20))],
    ["G3 pages with their bits in the other order", buildTiff(pages("g31d-lsb.tif", 20))],
    ["damaged pages", buildTiff(pages("damaged-g32d.tif", 8))],
    ["strips to stitch", buildTiff(pages("g4-strips128.tif", 15))],
    ["LZW pages", buildTiff(pages("bilevel-lzw.tif", 20))],
    [
      "one large page",
      buildTiff([{ tags: pageTags(2_500, 2_500), segments: [new Uint8Array(313 * 2_500).fill(0x5a)] }]),
    ],
  ];
  const work: [string, () => Promise<unknown>][] = [
    ...tiffs.map(([name, bytes]): [string, () => Promise<unknown>] => [
      `tiffToPdf, ${name}`,
      async () => (await tiffToPdf(bytes, { compact: true })).pdf.sha256(),
    ]),
    ["inspectDocument, 4,000 pages of PDF", () => inspectDocument(anyDocument(largePdf()))],
  ];

  it.each(work)("%s", async (_, run) => {
    // Once before: the first run also compiles the code.
    await run();
    const { longest, all } = await turns(run);
    expect(longest).toBeLessThan(longestMs);
    // Done in one go it would have been held.
    expect(all).toBeGreaterThan(longestMs);
  });
});
