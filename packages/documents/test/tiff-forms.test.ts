import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { BitWriter } from "../src/bit-writer.ts";
import { encodeG3, encodeG4, rowsOfBitmap } from "../src/ccitt-encoder.ts";
import { blackRunCodes, whiteRunCodes } from "../src/ccitt-tables.ts";
import { tiffToPdf } from "../src/tiff-to-pdf.ts";
import { fixtureBytes, fixtures } from "./fixture.ts";
import { hasProgram } from "./has-program.ts";
import { decodeCcittImage, inflateImage, pdfImages, popplerImages, sha256 } from "./pdf-images.ts";
import { buildTiff, pageTags, type TiffBuilderPage } from "./tiff-builder.ts";

const folder = mkdtempSync(join(tmpdir(), "faxbot-forms-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** 24 by 16 pixels in which no row is like another. */
const picture = { width: 24, height: 16, data: new Uint8Array(3 * 16) };
for (let at = 0; at < picture.data.length; at += 1) picture.data[at] = (at * 37) ^ (at >>> 1);
const g4 = encodeG4(rowsOfBitmap(picture), 24);
const g3 = encodeG3(rowsOfBitmap(picture), 24);

/** The pixels of fax pages by our own decoder and, where it is installed, by poppler, which have to agree. */
async function pixels(tiff: Uint8Array): Promise<{ methods: string[]; pages: Uint8Array[]; pdf: string }> {
  const { pdf, report } = await tiffToPdf(tiff);
  const bytes = await pdf.bytes();
  const pages = pdfImages(bytes).map(decodeCcittImage);
  if (hasProgram("pdfimages")) {
    expect(popplerImages(bytes).map(({ raster }) => sha256(raster))).toEqual(pages.map(sha256));
  }
  return {
    methods: report.pages.map(({ method }) => method),
    pages,
    pdf: Buffer.from(bytes).toString("latin1"),
  };
}

describe("tiffToPdf: forms that TIFF files have", () => {
  it.runIf(hasProgram("tiffcp")).each([
    ["BigTIFF", ["-8"]],
    ["BigTIFF, most significant byte first", ["-8", "-B"]],
    ["most significant byte first, in strips", ["-B", "-c", "g3:2d", "-r", "100"]],
    [
      "BigTIFF, most significant byte first, bits in the other order",
      ["-8", "-B", "-f", "lsb2msb", "-r", "64"],
    ],
  ])("%s, as libtiff writes it (needs tiffcp)", async (_, options) => {
    const [from, to] = [join(folder, "from.tif"), join(folder, "to.tif")];
    writeFileSync(from, fixtureBytes("g4-fine-3p.tif"));
    execFileSync("tiffcp", [...options, from, to]);
    const { pages } = await pixels(new Uint8Array(readFileSync(to)));
    expect(pages.map(sha256)).toEqual(fixtures.get("g4-fine-3p.tif")?.pages?.map((page) => page.sha256));
  });

  it("pages of every kind in one file", async () => {
    const grey = Uint8Array.from({ length: 24 * 16 }, (_, at) => at & 255);
    const pages: TiffBuilderPage[] = [
      { tags: pageTags(24, 16, [259, 3, [4]]), segments: [g4] },
      { tags: pageTags(24, 16, [258, 3, [8]], [262, 3, [1]]), segments: [grey] },
      { tags: pageTags(24, 16, [259, 3, [3]], [283, 5, [98, 1]]), segments: [g3] },
      { tags: pageTags(24, 16), segments: [picture.data] },
    ];
    for (const order of ["II", "MM"] as const) {
      const { pdf, report } = await tiffToPdf(buildTiff(pages, order));
      expect(report.pages.map(({ method }) => method)).toEqual(["pass", "image", "pass", "g4"]);
      const images = pdfImages(await pdf.bytes());
      for (const index of [0, 2, 3]) {
        const image = images[index];
        expect(image && Buffer.compare(decodeCcittImage(image), picture.data)).toBe(0);
      }
      expect(images[1] && Buffer.compare(images[1].data, grey)).toBe(0);
      expect(images.map(({ page }) => Math.round(page.height * 100) / 100)).toEqual([
        5.88, 5.88, 11.76, 5.88,
      ]);
    }
  });

  it("pages made compact where they are not verified, too", async () => {
    const { report } = await tiffToPdf(fixtureBytes("g31d-lsb.tif"), { verify: false, compact: true });
    expect(report.pages.map(({ method }) => method)).toContain("reencode");
  });

  it("pages told one by one as they are done", async () => {
    const progress: string[] = [];
    await tiffToPdf(fixtureBytes("g4-fine-3p.tif"), {
      onProgress: ({ done, pages }) => progress.push(`${done}/${pages}`),
    });
    expect(progress).toEqual(["1/3", "2/3", "3/3"]);
  });

  it("strips that each end with a return to control", async () => {
    const strips = [0, 1].map((half) => {
      const data = picture.data.subarray(half * 24, half * 24 + 24);
      const coded = encodeG3(rowsOfBitmap({ width: 24, height: 8, data }), 24, { byteAlignedEol: true });
      // Six EOLs, the first of which starts on a byte here.
      return Buffer.concat([coded, Buffer.from("001001001001001001", "hex")]);
    });
    const page = { tags: pageTags(24, 16, [259, 3, [3]], [278, 4, [8]]), segments: strips };
    const { methods, pages, pdf } = await pixels(buildTiff([page]));
    expect(methods).toEqual(["concat"]);
    expect(pages).toEqual([picture.data]);
    // Received pages have no end of block, and a reader that waits for one spoils the last row.
    expect(pdf).toContain("/K 0/Columns 24/Rows 16/EndOfBlock false/EndOfLine true>>");
  });

  it("runs of no length inside a row, which readers take differently: coded anew without a loss", async () => {
    const writer = new BitWriter();
    writer.reserve(100);
    // Horizontal: 8 white, 0 black; horizontal: 0 white, 8 black; and the rest white, twice.
    for (let row = 0; row < 2; row += 1) {
      for (const [white, black] of [
        [8, 0],
        [0, 8],
        [8, 0],
      ] as const) {
        writer.writeBits(1, 3);
        writer.write(whiteRunCodes[white] as number);
        writer.write(blackRunCodes[black] as number);
      }
    }
    const page = { tags: pageTags(24, 2, [259, 3, [4]]), segments: [writer.finish()] };
    const { methods, pages } = await pixels(buildTiff([page]));
    expect(methods).toEqual(["reencode"]);
    expect(pages).toEqual([Uint8Array.of(0, 255, 0, 0, 255, 0)]);
  });

  it("bits in the other order under another compression", async () => {
    const reversed = picture.data.map((byte) =>
      Number.parseInt(byte.toString(2).padStart(8, "0").split("").reverse().join(""), 2),
    );
    const bilevel = { tags: pageTags(24, 16, [266, 3, [2]]), segments: [reversed] };
    expect((await pixels(buildTiff([bilevel]))).pages).toEqual([picture.data]);
    const grey = {
      tags: pageTags(3, 16, [266, 3, [2]], [258, 3, [8]], [262, 3, [1]]),
      segments: [reversed],
    };
    const [image] = pdfImages(await (await tiffToPdf(buildTiff([grey]))).pdf.bytes());
    expect(image && Buffer.compare(image.data, picture.data)).toBe(0);
  });

  it("strips whose lengths were never filled in", async () => {
    const bytes = buildTiff([
      {
        tags: pageTags(24, 16, [259, 3, [3]], [278, 4, [8]]),
        segments: [0, 1].map((half) =>
          encodeG3(
            rowsOfBitmap({ width: 24, height: 8, data: picture.data.subarray(half * 24, half * 24 + 24) }),
            24,
          ),
        ),
      },
    ]);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const directory = view.getUint32(4, true);
    for (let at = directory + 2; at < directory + 2 + view.getUint16(directory, true) * 12; at += 12) {
      if (view.getUint16(at, true) !== 279) continue;
      const lengths = view.getUint32(at + 8, true);
      view.setUint32(lengths, 0, true);
      view.setUint32(lengths + 4, 0, true);
    }
    expect((await pixels(bytes)).pages).toEqual([picture.data]);
  });

  it("thumbnails and masks are left out, unless there is nothing else", async () => {
    const page = (type: number): TiffBuilderPage => ({
      tags: pageTags(24, 16, [254, 4, [type]], [259, 3, [4]]),
      segments: [g4],
    });
    expect((await pixels(buildTiff([page(2), page(1), page(2), page(4)]))).methods).toHaveLength(2);
    expect((await pixels(buildTiff([page(1)]))).methods).toHaveLength(1);
  });

  it("CMYK keeps its four samples", async () => {
    const cmyk = Uint8Array.from({ length: 6 * 4 * 4 }, (_, at) => (at * 11) & 255);
    const tags = pageTags(6, 4, [258, 3, [8, 8, 8, 8]], [262, 3, [5]], [277, 3, [4]], [278, 4, [2]]);
    const { pdf } = await tiffToPdf(
      buildTiff([{ tags, segments: [cmyk.subarray(0, 48), cmyk.subarray(48)] }]),
    );
    const [image] = pdfImages(await pdf.bytes());
    expect(image?.dictionary).toContain("/DeviceCMYK");
    expect(image && Buffer.compare(inflateImage(image), cmyk)).toBe(0);
  });

  it("LZW as it was before TIFF 6.0 is refused, not taken for noise", async () => {
    const page = { tags: pageTags(24, 16, [259, 3, [5]]), segments: [Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7)] };
    await expect(tiffToPdf(buildTiff([page]))).rejects.toMatchObject({ code: "document_unsupported" });
  });

  it.each([
    [
      "more thumbnails than pages may be",
      Array.from({ length: 12 }, () => pageTags(24, 16, [254, 4, [1]], [259, 3, [4]])),
    ],
    [
      "a tile of more pixels than a page may have",
      [pageTags(24, 16, [259, 3, [4]], [322, 4, [60_000]], [323, 4, [60_000]])],
    ],
    [
      "pages that unpack to more than a gigabyte together",
      Array.from({ length: 5 }, () =>
        pageTags(9_900, 9_900, [258, 3, [8, 8, 8]], [262, 3, [2]], [277, 3, [3]], [259, 3, [8]]),
      ),
    ],
  ])("too large: %s", async (name, pages) => {
    const tiled = name.startsWith("a tile");
    const bytes = buildTiff(pages.map((tags) => ({ tags, segments: [g4], tiled })));
    await expect(tiffToPdf(bytes, { limits: { pages: 5 } })).rejects.toMatchObject({
      code: "document_too_large",
    });
  });
});
