import type { FaxDocument } from "@faxbot/core/transport";
import { describe, expect, it } from "vitest";
import {
  ByteParts,
  documents,
  inspectDocument,
  mergeDocuments,
  pdfToTiff,
  stampHeader,
  textToPdf,
  tiffToPdf,
} from "../src/index.ts";
import { readTiff } from "../src/tiff-reader.ts";
import { writeTiff } from "../src/tiff-writer.ts";
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

function pdfOf(pageCount: number, unusedBytes = 0): Uint8Array {
  const builder = new PdfBuilder().object(1, "<</Type/Catalog/Pages 2 0 R>>");
  const kids = Array.from({ length: pageCount }, (_, index) => `${index + 3} 0 R`).join(" ");
  builder.object(2, `<</Type/Pages/Kids[${kids}]/Count ${pageCount}>>`);
  for (let i = 0; i < pageCount; i += 1) {
    builder.object(i + 3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<<>>>>");
  }
  if (unusedBytes > 0) builder.stream(pageCount + 3, "", new Uint8Array(unusedBytes).fill(0x41));
  return builder.endWithTable();
}

/** A document that gives its bytes in the pieces that a file or a socket gives. */
function inPieces(bytes: Uint8Array): FaxDocument {
  const open = async (): Promise<ReadableStream<Uint8Array>> =>
    new ReadableStream({
      start(controller) {
        for (let at = 0; at < bytes.length; at += 65_536) {
          controller.enqueue(bytes.subarray(at, at + 65_536));
        }
        controller.close();
      },
    });
  return { mediaType: "application/octet-stream", fileName: "a", size: bytes.length, sha256: "", open };
}

/** The longest turn at best: what else the machine does adds to it, and the first run also compiles the code. */
async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 4 && best >= longestMs; run += 1) {
    best = Math.min(best, (await turns(work)).longest);
  }
  return best;
}

describe.runIf(threadCpuUsage)("the event loop stays free (not here: needs Node 23.9)", () => {
  const tiffs: [string, Uint8Array][] = [
    ["G4 pages", buildTiff(pages("g4-fine-3p.tif", 100))],
    ["G3 pages with their bits in the other order", buildTiff(pages("g31d-lsb.tif", 20))],
    ["damaged pages", buildTiff(pages("damaged-g32d.tif", 8))],
    ["strips to stitch", buildTiff(pages("g4-strips128.tif", 60))],
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
    ["inspectDocument, 4,000 pages of PDF", () => inspectDocument(anyDocument(pdfOf(4000)))],
  ];

  it.each(work)("%s", async (_, run) => {
    expect(await longestTurn(run)).toBeLessThan(longestMs);
    // Done in one go it would have been held.
    expect((await turns(run)).all).toBeGreaterThan(longestMs);
  });

  // Copying this much in one go would hold it for 50 ms.
  const large = pdfOf(1, 45 << 20);
  const blob = new Blob([large as Uint8Array<ArrayBuffer>]);
  const document = inPieces(large);
  const smaller = inPieces(pdfOf(1, 10 << 20));
  const text = "a line of some words that are not all like the others, ż\n".repeat(2_000);
  const longText = anyDocument(text.repeat(25));
  const longLine = anyDocument("word ".repeat(1_000_000));
  const marks = anyDocument("\u0301".repeat(2_000_000));
  const faxPages = Array.from({ length: 3000 }, () => {
    const data = new Uint8Array(20_000);
    return { width: 1728, height: 2292, xDpi: 204, yDpi: 196, compression: "g4" as const, data };
  });

  const manyPages = buildTiff(
    Array.from({ length: 5000 }, () => ({
      tags: pageTags(1728, 8, [259, 3, [4]]),
      segments: [new Uint8Array(16)],
    })),
  );

  // A run that goes on and on, in a code that means 2,560 white pixels, and rows with a megabyte of fill behind each.
  const longRun = new Uint8Array(16 << 20).map((_, at) => [0x01, 0xf0, 0x1f][at % 3] as number);
  // The code for horizontal mode, and then the same.
  const longMode = longRun.slice();
  longMode.set([0x20, 0x3e, 0x03], 0);
  for (let at = 3; at < longMode.length; at += 1) longMode[at] = [0xe0, 0x3e, 0x03][at % 3] as number;
  const filled = new Uint8Array(40 << 20);
  for (let at = 0; at < filled.length; at += 1_000_000) filled.set([0x00, 0x14, 0xd9, 0xa8], at);
  const onePage = (compression: number, data: Uint8Array) =>
    buildTiff([{ tags: pageTags(1728, 1000, [259, 3, [compression]]), segments: [data] }]);
  const [endlessRle, endlessG4, filledG3] = [onePage(2, longRun), onePage(4, longMode), onePage(3, filled)];

  it.each<[string, () => Promise<unknown>]>([
    ["tiffToPdf, a run of a million codes in RLE", () => tiffToPdf(endlessRle)],
    ["tiffToPdf, a run of a million codes in Group 4", () => tiffToPdf(endlessG4)],
    ["tiffToPdf, megabytes of fill", () => tiffToPdf(filledG3)],
    ["tiffToPdf, 5,000 pages", () => tiffToPdf(manyPages, { verify: false })],
    ["inspectDocument, 5,000 pages of TIFF", () => inspectDocument(manyPages)],
    ["stampHeader, 45 MB", () => stampHeader(large, "a line")],
    ["mergeDocuments, 100 pages", () => mergeDocuments([pdfOf(100), fixtureBytes("g4-fine-3p.tif")])],
    ["textToPdf, 33 pages", () => textToPdf(text)],
    ["inspectDocument, 3 MB of text", () => inspectDocument(longText)],
    ["inspectDocument, a line of 5 MB", () => inspectDocument(longLine)],
    ["inspectDocument, 2 million marks without a letter", () => inspectDocument(marks)],
    ["inspectDocument, 45 MB", () => inspectDocument(document)],
    ["pdfToTiff, bytes", () => pdfToTiff(large)],
    ["pdfToTiff, a Blob", () => pdfToTiff(blob)],
    ["pdfToTiff, a document", () => pdfToTiff(document)],
    ["pdfToTiff, 3,000 rendered pages", () => writeTiff(faxPages)],
    ["documents().prepare, 10 MB", () => prepare(smaller)],
    ["bytes()", () => new ByteParts([large]).bytes()],
    ["blob()", () => new ByteParts([large]).blob()],
    ["document()", () => new ByteParts([large]).document({ mediaType: "application/pdf", fileName: "a" })],
  ])("%s", async (_, run) => expect(await longestTurn(run)).toBeLessThan(longestMs));
});

function prepare(document: FaxDocument): Promise<FaxDocument> {
  return documents().prepare(document, { accepts: ["image/tiff;profile=fax"], header: "a line" });
}
