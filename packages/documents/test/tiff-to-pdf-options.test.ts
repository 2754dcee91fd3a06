import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { encodeG3, encodeG4, rowsOfBitmap } from "../src/ccitt-encoder.ts";
import { inspectPdf } from "../src/pdf-inspector.ts";
import { tiffToPdf } from "../src/tiff-to-pdf.ts";
import { fixtureBytes, fixtures } from "./fixture.ts";
import { hasProgram } from "./has-program.ts";
import { decodeCcittImage, pdfImages, sha256 } from "./pdf-images.ts";
import { buildTiff, pageTags, type TiffTag } from "./tiff-builder.ts";

const folder = mkdtempSync(join(tmpdir(), "faxbot-tiff-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The bits of each byte in the other order. */
function reverse(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte) =>
    Number.parseInt(byte.toString(2).padStart(8, "0").split("").reverse().join(""), 2),
  );
}

const picture = { width: 24, height: 16, data: new Uint8Array(3 * 16) };
for (let row = 0; row < 16; row += 1) picture.data[row * 3] = 0xff >>> (row >>> 1);
picture.data[47] = 0x0f;

describe("tiffToPdf: input and output", () => {
  it("takes bytes, a Blob or a stream and gives bytes, a Blob, a stream or a file", async () => {
    const bytes = fixtureBytes("g4-fine-3p.tif");
    const { pdf } = await tiffToPdf(bytes);
    const expected = await pdf.bytes();
    expect(expected.length).toBe(pdf.size);
    const blob = new Blob([bytes as Uint8Array<ArrayBuffer>]);
    for (const input of [blob, blob.stream()]) {
      expect(Buffer.compare(await (await tiffToPdf(input)).pdf.bytes(), expected)).toBe(0);
    }
    expect(Buffer.compare(new Uint8Array(await (await pdf.blob()).arrayBuffer()), expected)).toBe(0);
    expect(Buffer.compare(new Uint8Array(await new Response(pdf.stream()).arrayBuffer()), expected)).toBe(0);
    await pdf.writeFile(join(folder, "out.pdf"));
    expect(Buffer.compare(new Uint8Array(readFileSync(join(folder, "out.pdf"))), expected)).toBe(0);
    expect(await pdf.sha256()).toBe(sha256(expected));
  });

  it("refers to the image data of the input and does not copy it", async () => {
    const bytes = fixtureBytes("g4-fine-3p.tif");
    const { pdf } = await tiffToPdf(bytes);
    const shared = pdf.parts.filter((part) => part.buffer === bytes.buffer);
    expect(shared.reduce((sum, part) => sum + part.length, 0)).toBeGreaterThan(bytes.length * 0.98);
  });

  it("refuses what is larger than the limit, also when its size is not known before", async () => {
    const bytes = fixtureBytes("g4-fine-3p.tif");
    const blob = new Blob([bytes as Uint8Array<ArrayBuffer>]);
    for (const input of [bytes, blob, blob.stream()]) {
      await expect(tiffToPdf(input, { limits: { bytes: 100_000 } })).rejects.toMatchObject({
        code: "document_too_large",
      });
    }
  });

  it("writes more parts than one system call takes", async () => {
    const data = encodeG4(rowsOfBitmap(picture), 24);
    const pages = Array.from({ length: 1100 }, () => ({
      tags: pageTags(24, 16, [259, 3, [4]]),
      segments: [data],
    }));
    const { pdf } = await tiffToPdf(buildTiff(pages));
    await pdf.writeFile(join(folder, "many.pdf"));
    const written = new Uint8Array(readFileSync(join(folder, "many.pdf")));
    expect(Buffer.compare(written, await pdf.bytes())).toBe(0);
    expect((await inspectPdf(written)).pages).toHaveLength(1100);
  });

  it.runIf(hasProgram("qpdf"))("writes PDF without a flaw (needs qpdf)", async () => {
    for (const name of ["g4-fine-3p.tif", "g32d-rtc-strips.tif", "bilevel-lzw.tif"]) {
      const file = join(folder, "check.pdf");
      await (await tiffToPdf(fixtureBytes(name))).pdf.writeFile(file);
      expect(execFileSync("qpdf", ["--check", file], { encoding: "latin1" })).toContain(
        "No syntax or stream",
      );
    }
  });
});

describe("tiffToPdf: options", () => {
  it("verify: false takes a page unseen, damage and all", async () => {
    const { report } = await tiffToPdf(fixtureBytes("damaged-g4.tif"), { verify: false });
    expect(report.pages.map((page) => page.method)).toEqual(["pass", "pass"]);
    const joined = await tiffToPdf(fixtureBytes("g4-strips128.tif"), { verify: false });
    expect(joined.report.pages[0]?.method).toBe("stitch");
  });

  it("compact makes Group 3 smaller without changing a pixel", async () => {
    for (const name of ["g31d-lsb.tif", "g32d.tif", "rle.tif", "g31d-strips64.tif"]) {
      const plain = await tiffToPdf(fixtureBytes(name));
      const { pdf, report } = await tiffToPdf(fixtureBytes(name), { compact: true });
      expect(pdf.size).toBeLessThan(plain.pdf.size);
      expect(report.pages.some((page) => page.method === "reencode")).toBe(true);
      expect(pdfImages(await pdf.bytes()).map((image) => sha256(decodeCcittImage(image)))).toEqual(
        fixtures.get(name)?.pages?.map((page) => page.sha256),
      );
    }
    const g4 = await tiffToPdf(fixtureBytes("g4-sfine.tif"), { compact: true });
    expect(g4.report.pages[0]?.method).toBe("pass");
  });
});

describe("tiffToPdf: pages", () => {
  const sizes = async (name: string) =>
    (await inspectPdf(await (await tiffToPdf(fixtureBytes(name))).pdf.bytes())).pages.map(
      ({ width, height }) => [Math.round(width * 100) / 100, Math.round(height * 100) / 100],
    );

  it("have the size that the resolution says, standard mode not squeezed", async () => {
    expect((await sizes("g4-lsb-std.tif"))[0]).toEqual([609.88, 661.22]);
    expect((await sizes("g4-fine-3p.tif"))[0]).toEqual([609.88, 551.02]);
    expect((await sizes("g4-sfine.tif"))[0]).toEqual([609.88, 184.14]);
    expect((await sizes("g4-cm.tif"))[0]).toEqual([353.29, 73.47]);
    expect((await sizes("g4-nores.tif"))[0]).toEqual([609.88, 661.22]);
    expect((await sizes("g4-a3.tif"))[0]).toEqual([858.35, 146.94]);
  });

  it("never grow past the largest page of PDF", async () => {
    const tags = pageTags(20_000, 10, [282, 5, [30, 1]], [283, 5, [30, 1]]);
    const { pdf } = await tiffToPdf(buildTiff([{ tags, segments: [new Uint8Array(25_000)] }]));
    expect((await inspectPdf(await pdf.bytes())).pages).toEqual([{ width: 14_400, height: 7.2 }]);
  });

  // TIFF 6.0: where row 0 and column 0 of the picture are on the page.
  const turns: [number, (x: number, y: number) => [number, number]][] = [
    [1, (x, y) => [x, y]],
    [2, (x, y) => [23 - x, y]],
    [3, (x, y) => [23 - x, 15 - y]],
    [4, (x, y) => [x, 15 - y]],
    [5, (x, y) => [y, x]],
    [6, (x, y) => [15 - y, x]],
    [7, (x, y) => [15 - y, 23 - x]],
    [8, (x, y) => [y, 23 - x]],
  ];
  it.runIf(hasProgram("pdftoppm")).each(turns)(
    "are turned as Orientation %i says (needs pdftoppm)",
    async (orientation, place) => {
      const resolution: TiffTag[] = [
        [282, 5, [72, 1]],
        [283, 5, [72, 1]],
        [274, 3, [orientation]],
      ];
      const { pdf } = await tiffToPdf(
        buildTiff([{ tags: pageTags(24, 16, ...resolution), segments: [picture.data] }]),
      );
      const file = join(folder, "turned.pdf");
      await pdf.writeFile(file);
      const pgm = execFileSync("pdftoppm", ["-gray", "-r", "720", file]);
      const [head = "", size = ""] = /^P5\s(\d+ \d+)\s255\s/.exec(pgm.toString("latin1", 0, 30)) ?? [];
      const isTurned = orientation > 4;
      expect(size).toBe(isTurned ? "160 240" : "240 160");
      const raster = pgm.subarray(head.length);
      for (let y = 0; y < 16; y += 1) {
        for (let x = 0; x < 24; x += 1) {
          const black = (((picture.data[y * 3 + (x >>> 3)] as number) >>> (7 - (x & 7))) & 1) === 1;
          const [atX, atY] = place(x, y);
          // The middle of a pixel that is ten wide and high.
          expect(raster[(atY * 10 + 5) * (isTurned ? 160 : 240) + atX * 10 + 5]).toBe(black ? 0 : 255);
        }
      }
    },
  );
});

describe("tiffToPdf: fax data that does not fit its tags", () => {
  const g4 = encodeG4(rowsOfBitmap(picture), 24);
  const g3 = encodeG3(rowsOfBitmap(picture), 24);
  const g32d = encodeG3(rowsOfBitmap(picture), 24, { k: 4 });
  const cases: [string, TiffTag[], Uint8Array][] = [
    ["G4 with the bits in the other order", [[259, 3, [4]]], reverse(g4)],
    ["G3 with the bits in the other order", [[259, 3, [3]]], reverse(g3)],
    ["two-dimensional G3 declared as one-dimensional", [[259, 3, [3]]], g32d],
    [
      "one-dimensional G3 declared as two-dimensional",
      [
        [259, 3, [3]],
        [292, 4, [1]],
      ],
      g3,
    ],
    ["G3 declared as G4", [[259, 3, [4]]], g3],
    ["G4 declared as G3", [[259, 3, [3]]], g4],
    ["G3 declared as RLE", [[259, 3, [2]]], g3],
  ];
  it.each(cases)("%s: is taken for what it is", async (_, tags, data) => {
    const { pdf, report } = await tiffToPdf(
      buildTiff([{ tags: pageTags(24, 16, ...tags), segments: [data] }]),
    );
    expect(report.pages[0]).toMatchObject({ method: "pass", badRows: 0, missingRows: 0 });
    const [image] = pdfImages(await pdf.bytes());
    expect(image && Buffer.compare(decodeCcittImage(image), picture.data)).toBe(0);
  });
});

describe("tiffToPdf: hostile files", () => {
  const blank = encodeG4(rowsOfBitmap({ width: 8, height: 8, data: new Uint8Array(8) }), 8);

  it.each([
    ["nothing", new Uint8Array(), "document_invalid"],
    ["a header alone", Uint8Array.of(0x49, 0x49, 42, 0, 8, 0, 0, 0), "document_invalid"],
    ["no page", Uint8Array.of(0x49, 0x49, 42, 0, 0, 0, 0, 0), "document_invalid"],
    ["a PDF", fixtureBytes("letter-1p.pdf"), "document_invalid"],
  ])("%s", async (_, bytes, code) => {
    await expect(tiffToPdf(bytes)).rejects.toMatchObject({ code });
  });

  it("pages that share their data, page after page", async () => {
    const data = new Uint8Array(10_000);
    const one = buildTiff([{ tags: pageTags(1728, 1, [259, 3, [4]]), segments: [data] }]);
    const view = new DataView(one.buffer, one.byteOffset);
    const first = view.getUint32(4, true);
    const directory = one.slice(first);
    const bytes = new Uint8Array(one.length + directory.length * 20);
    bytes.set(one);
    const all = new DataView(bytes.buffer);
    let next = first + directory.length - 4;
    for (let i = 0; i < 20; i += 1) {
      const at = one.length + i * directory.length;
      bytes.set(directory, at);
      all.setUint32(next, at, true);
      next = at + directory.length - 4;
    }
    await expect(tiffToPdf(bytes)).rejects.toMatchObject({ code: "document_invalid" });
  });

  it("more rows than anybody faxes, for a few bytes", async () => {
    const page = { tags: pageTags(8, 200_000, [259, 3, [4]]), segments: [blank] };
    const pages = Array.from({ length: 101 }, () => page);
    await expect(tiffToPdf(buildTiff(pages))).rejects.toMatchObject({ code: "document_too_large" });
  });

  it("strips without data, and fewer strips than the page has", async () => {
    const page = { tags: pageTags(8, 24, [259, 3, [4]], [278, 4, [8]]), segments: [blank, new Uint8Array()] };
    const { pdf, report } = await tiffToPdf(buildTiff([page]));
    expect(report.pages[0]).toMatchObject({ method: "repair", badRows: 0, missingRows: 16 });
    const [image] = pdfImages(await pdf.bytes());
    expect(image && decodeCcittImage(image)).toEqual(new Uint8Array(24));
  });
});
