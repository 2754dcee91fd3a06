import { isFaxError } from "@faxbot/core/transport";
import { describe, expect, it } from "vitest";
import { inspectDocument, mergeDocuments, pdfToTiff, stampHeader, tiffToPdf } from "../src/index.ts";
import { anyDocument, fixtureBytes, fixtureNames } from "./fixture.ts";
import { decodeCcittImage, pdfImages } from "./pdf-images.ts";

// FAXBOT_FUZZ=full runs the 10,000 of each kind that a release needs, 1,000 where each is rendered and edited;
// otherwise the first few of the same inputs.
const isFull = process.env.FAXBOT_FUZZ === "full";
const tiffRuns = isFull ? 10_000 : 200;
const otherRuns = isFull ? 10_000 : 300;
const renderedRuns = isFull ? 1_000 : 30;
const timeout = isFull ? 3_600_000 : 60_000;
const longest = 2_000;
/** How far the memory of the process may rise above what it is at the start: what is too large is refused before. */
const mostMegabytes = 256;
/** The threads that render and edit have caps of their own. */
const mostMegabytesWithThreads = 1_024;

const refusals = new Set([
  "document_invalid",
  "document_encrypted",
  "document_unsupported",
  "document_too_large",
]);

/** A generator of numbers that gives the same ones on every machine (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * below);
  };
}

/** Bytes that are numbers of another size, bounds and magic words to parsers. */
const interesting = [0, 1, 2, 4, 0x7f, 0x80, 0xfe, 0xff, 0x28, 0x3c, 0x5b, 0x3e, 0x0a, 0x20, 0x30, 0x39];

function mutate(source: Uint8Array, random: (below: number) => number): Uint8Array {
  let bytes = source.slice();
  const steps = 1 + random(4);
  for (let step = 0; step < steps; step += 1) {
    const at = random(bytes.length);
    // Directories and trailers stand near the ends, so these are hit more often.
    const near =
      random(2) === 0 ? at : random(2) === 0 ? at % 64 : Math.max(0, bytes.length - 1 - (at % 400));
    switch (random(7)) {
      case 0:
        bytes[near] = random(256);
        break;
      case 1:
        bytes[near] = interesting[random(interesting.length)] as number;
        break;
      case 2:
        bytes[near] = (bytes[near] as number) ^ (1 << random(8));
        break;
      case 3:
        bytes = bytes.slice(0, Math.max(1, at));
        break;
      case 4:
        bytes.copyWithin(at, random(bytes.length), Math.min(bytes.length, at + 1 + random(64)));
        break;
      case 5:
        bytes.fill(random(2) * 255, near, near + 1 + random(16));
        break;
      default:
        bytes = new Uint8Array(
          Buffer.concat([bytes.subarray(0, at), source.subarray(random(source.length), at)]),
        );
    }
    if (bytes.length === 0) bytes = new Uint8Array(1);
  }
  return bytes;
}

/** Runs many inputs; the most memory of the process meanwhile stays within a cap. */
async function withinMemory(megabytes: number, run: () => Promise<void>): Promise<void> {
  const peak = () => process.resourceUsage().maxRSS / 1024;
  const before = peak();
  await run();
  expect(peak() - before).toBeLessThan(megabytes);
}

/** Runs one input; it may be refused, but in no other way than with an error of ours, and in time. */
async function attempt(seed: number, run: () => Promise<void>): Promise<void> {
  // Processor time: a busy machine stops a process for any time. A real hang runs into the test's own limit.
  const start = process.cpuUsage();
  try {
    await run();
  } catch (error) {
    if (!isFaxError(error) || !refusals.has(error.code)) throw new Error(`input ${seed}`, { cause: error });
  }
  const { user, system } = process.cpuUsage(start);
  const took = Math.round((user + system) / 1000);
  if (took > longest) throw new Error(`input ${seed} took ${took} ms`);
}

describe("mutated files are refused with a typed error or handled, and never hang", () => {
  it(
    "TIFF",
    () =>
      withinMemory(mostMegabytes, async () => {
        const sources = fixtureNames("ccitt", "ccitt-nonstd", "other", "damaged", "invalid").map(
          fixtureBytes,
        );
        let handled = 0;
        for (let seed = 0; seed < tiffRuns; seed += 1) {
          const random = randomFrom(seed);
          const bytes = mutate(sources[seed % sources.length] as Uint8Array, random);
          await attempt(seed, async () => {
            const { pdf, report } = await tiffToPdf(bytes, { compact: seed % 5 === 0 });
            const out = await pdf.bytes();
            const images = pdfImages(out);
            expect(images).toHaveLength(report.pages.length);
            for (const image of images) {
              // What we write is flawless, whatever came in.
              if (image.dictionary.includes("CCITTFaxDecode")) decodeCcittImage(image);
            }
            expect((await inspectDocument(anyDocument(out))).pages).toHaveLength(report.pages.length);
            handled += 1;
          });
          await attempt(seed, async () => void (await inspectDocument(anyDocument(bytes))));
        }
        // Otherwise the inputs test nothing but the header.
        expect(handled).toBeGreaterThan(tiffRuns / 3);
      }),
    timeout,
  );

  it(
    "PDF",
    () =>
      withinMemory(mostMegabytes, async () => {
        const sources = fixtureNames("pdf", "pdf-odd", "pdf-invalid").map(fixtureBytes);
        let handled = 0;
        for (let seed = 0; seed < otherRuns; seed += 1) {
          const bytes = mutate(sources[seed % sources.length] as Uint8Array, randomFrom(seed));
          await attempt(seed, async () => {
            await inspectDocument(anyDocument(bytes));
            handled += 1;
          });
        }
        expect(handled).toBeGreaterThan(otherRuns / 10);
      }),
    timeout,
  );

  it(
    "PDF that is rendered, edited and merged (needs a build)",
    () =>
      withinMemory(mostMegabytesWithThreads, async () => {
        // The one that never ends has tests of its own; here it would take its deadline each time.
        const names = fixtureNames("pdf", "pdf-odd").filter((name) => name !== "bomb-forms.pdf");
        const sources = names.map(fixtureBytes);
        let handled = 0;
        for (let seed = 0; seed < renderedRuns; seed += 1) {
          const bytes = mutate(sources[seed % sources.length] as Uint8Array, randomFrom(seed));
          const options = { resolution: "standard", pageDeadlineMs: 1_000 } as const;
          await attempt(seed, async () => {
            const { tiff, pages } = await pdfToTiff(bytes, options);
            expect((await inspectDocument(anyDocument(tiff))).pages).toHaveLength(pages.length);
            handled += 1;
          });
          await attempt(seed, async () => {
            const stamped = await stampHeader(bytes, "page {page} of {pages}");
            const merged = await mergeDocuments([await stamped.bytes(), bytes]);
            expect((await inspectDocument(anyDocument(await merged.bytes()))).pages.length).toBeGreaterThan(
              1,
            );
          });
        }
        expect(handled).toBeGreaterThan(renderedRuns / 10);
      }),
    timeout,
  );

  it(
    "text and noise",
    () =>
      withinMemory(mostMegabytes, async () => {
        const text = new TextEncoder().encode(
          "Dear Sir,\n\n\tthe order — 12 × 30 — is late.\r\n\fYours, Zażółć\n",
        );
        for (let seed = 0; seed < otherRuns; seed += 1) {
          const random = randomFrom(seed);
          const noise = Uint8Array.from({ length: 1 + random(2000) }, () => random(256));
          const magic = ["II*\0", "MM\0*", "II+\0", "%PDF-1.4\n", ""][random(5)] as string;
          for (const bytes of [
            mutate(text, random),
            new Uint8Array(Buffer.concat([Buffer.from(magic), noise])),
          ]) {
            await attempt(seed, async () => void (await inspectDocument(anyDocument(bytes))));
            await attempt(seed, async () => void (await tiffToPdf(bytes)));
          }
        }
      }),
    timeout,
  );
});
