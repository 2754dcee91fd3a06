// How long each call holds the event loop at most, with documents near the limits, measured with monitorEventLoopDelay
// and, where Node tells it, as processor time of one turn.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { documents, inspectDocument, pdfToTiff, stampHeader, textToPdf, tiffToPdf } from "../dist/index.js";
import { pdfOf } from "./support/pdf-of.mjs";
import { promise } from "./support/processes.mjs";

const rounds = 5;
const most = 20;

const folder = mkdtempSync(join(tmpdir(), "faxbot-bench-"));
const fixture = (name) =>
  new Uint8Array(readFileSync(fileURLToPath(new URL(`../test/fixtures/${name}`, import.meta.url))));

/** A PDF of empty pages with a stream that nothing uses. */
function emptyPages(count, unusedBytes) {
  const kids = Array.from({ length: count }, (_, index) => `${index + 3} 0 R`).join(" ");
  const page = { dictionary: "/Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>" };
  return new Uint8Array(
    pdfOf([
      { dictionary: "/Type/Catalog/Pages 2 0 R" },
      { dictionary: `/Type/Pages/Count ${count}/Kids[${kids}]` },
      ...Array.from({ length: count }, () => page),
      { dictionary: "", stream: "A".repeat(unusedBytes) },
    ]),
  );
}

/** A document that comes in pieces, as from a file or a socket. */
function inPieces(bytes) {
  const open = async (range) => {
    const part = range ? bytes.subarray(range.start, range.end + 1) : bytes;
    let at = 0;
    return new ReadableStream({
      pull(controller) {
        if (at >= part.length) return controller.close();
        controller.enqueue(part.subarray(at, at + 65_536));
        at += 65_536;
      },
    });
  };
  return { mediaType: "application/octet-stream", fileName: "a", size: bytes.length, sha256: "", open };
}

const processorTime = () => {
  const { user, system } = process.threadCpuUsage?.() ?? { user: 0, system: 0 };
  return (user + system) / 1000;
};

/** The longest delay of the event loop and the longest turn, in milliseconds. */
async function delays(work) {
  let isOver = false;
  let turn = 0;
  let last = processorTime();
  const tick = () => {
    const now = processorTime();
    turn = Math.max(turn, now - last);
    last = now;
    if (!isOver) setImmediate(tick);
  };
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  await sleep(20);
  histogram.reset();
  setImmediate(tick);
  await work();
  await sleep(5);
  isOver = true;
  histogram.disable();
  return { delay: histogram.max / 1e6, turn };
}

const large = emptyPages(1, 45 << 20);
const many = emptyPages(2_000, 1);
const fax = fixture("g4-fine-3p.tif");
const blob = new Blob([large]);
const text = "a line of some words, and with żółć in it, that is long enough for a page\n".repeat(12_000);
const { pdf } = await tiffToPdf(fixture("bilevel-none.tif"));
const work = {
  "nothing, for two seconds": () => sleep(2_000),
  "inspectDocument, PDF of 45 MB": () => inspectDocument(inPieces(large)),
  "inspectDocument, PDF of 2,000 pages": () => inspectDocument(inPieces(many)),
  "tiffToPdf, G4, verified": () => tiffToPdf(fax),
  "tiffToPdf, LZW, and writeFile": async () =>
    (await tiffToPdf(fixture("bilevel-lzw.tif"))).pdf.writeFile(join(folder, "a")),
  "the PDF's bytes(), blob() and sha256()": () => Promise.all([pdf.bytes(), pdf.blob(), pdf.sha256()]),
  "pdfToTiff, 45 MB as bytes": () => pdfToTiff(large),
  "pdfToTiff, 45 MB as Blob": () => pdfToTiff(blob),
  "textToPdf, 200 pages": () => textToPdf(text),
  "stampHeader, 45 MB": () => stampHeader(large, "page {page} of {pages}"),
  "documents().prepare, 45 MB, with cover and header": () =>
    documents().prepare(inPieces(large), {
      accepts: ["image/tiff;profile=fax"],
      cover: { to: "Dr. Weiß" },
      header: "page {page} of {pages}",
    }),
};

console.log(
  `The longest that each call holds the event loop, in milliseconds: by \`monitorEventLoopDelay\`, which on a busy machine` +
    " mostly counts what others do (see the first row), and as processor time of one turn. The best of" +
    ` ${rounds} runs; promised are ${most} ms.\n`,
);
console.log("| call | longest delay | longest turn |");
console.log("| --- | --- | --- |");
try {
  for (const [name, run] of Object.entries(work)) {
    console.error(name);
    const found = [];
    for (let round = 0; round < rounds; round += 1) found.push(await delays(run));
    const best = (key) => Math.min(...found.map((each) => each[key]));
    console.log(`| ${name} | ${best("delay").toFixed(1)} | ${best("turn").toFixed(1)} |`);
    promise(name, Math.min(best("delay"), best("turn") || Number.POSITIVE_INFINITY), most);
  }
} finally {
  rmSync(folder, { recursive: true });
}
