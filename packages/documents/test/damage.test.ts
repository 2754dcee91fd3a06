import { describe, expect, it } from "vitest";
import { encodeG3, rowsOfBitmap } from "../src/ccitt-encoder.ts";
import { tiffToPdf } from "../src/tiff-to-pdf.ts";
import { fixtureBytes, fixtureNames, fixtures } from "./fixture.ts";
import { hasProgram } from "./has-program.ts";
import { decodeCcittImage, type PdfImage, pdfImages, popplerImages, sha256 } from "./pdf-images.ts";
import { buildTiff, pageTags } from "./tiff-builder.ts";

const hasPoppler = hasProgram("pdfimages");

/** Sound fixtures are the originals of the damaged ones: their pictures by hash. */
async function originals(): Promise<Map<string, Uint8Array>> {
  const pictures = new Map<string, Uint8Array>();
  for (const name of ["g4-fine-3p.tif", "g4-lsb-std.tif", "g31d-lsb.tif", "g32d.tif"]) {
    const { pdf } = await tiffToPdf(fixtureBytes(name));
    for (const image of pdfImages(await pdf.bytes())) {
      const bitmap = decodeCcittImage(image);
      pictures.set(sha256(bitmap), bitmap);
    }
  }
  return pictures;
}

/** Rows that are equal to no row of the original within 8 rows of their place. */
function unmatchedRows(bitmap: Uint8Array, original: Uint8Array, image: PdfImage): number {
  const stride = (image.width + 7) >>> 3;
  const row = (picture: Uint8Array, y: number) => picture.subarray(y * stride, (y + 1) * stride);
  let unmatched = 0;
  for (let y = 0; y < image.height; y += 1) {
    let found = false;
    for (let other = Math.max(0, y - 8); other <= Math.min(image.height - 1, y + 8) && !found; other += 1) {
      found = Buffer.compare(row(bitmap, y), row(original, other)) === 0;
    }
    if (!found) unmatched += 1;
  }
  return unmatched;
}

describe("tiffToPdf: damaged fax pages", () => {
  const pictures = originals();

  it.each(fixtureNames("damaged"))("%s: no worse than libtiff, and flawless as a stream", async (name) => {
    const { pdf, report } = await tiffToPdf(fixtureBytes(name));
    const pages = fixtures.get(name)?.pages ?? [];
    const images = pdfImages(await pdf.bytes());
    expect(images).toHaveLength(pages.length);
    for (const [index, image] of images.entries()) {
      const page = pages[index];
      const original = (await pictures).get(page?.sha256 ?? "");
      if (original === undefined || page === undefined) throw new Error("no original");
      // Throws when the data that we wrote is not flawless.
      const bitmap = decodeCcittImage(image);
      expect(unmatchedRows(bitmap, original, image)).toBeLessThanOrEqual(page.libtiffUnmatchedRows ?? 0);
      const about = report.pages[index];
      expect(about?.method).toBe("repair");
      expect((about?.badRows ?? 0) + (about?.missingRows ?? 0)).toBeGreaterThan(0);
      expect(about?.maxConsecutiveBadRows).toBeLessThanOrEqual(about?.badRows ?? 0);
    }
  });

  it.runIf(hasPoppler).each(fixtureNames("damaged"))(
    "%s: poppler shows what our own decoder shows (needs pdfimages)",
    async (name) => {
      const bytes = await (await tiffToPdf(fixtureBytes(name))).pdf.bytes();
      expect(popplerImages(bytes).map((image) => sha256(image.raster))).toEqual(
        pdfImages(bytes).map((image) => sha256(decodeCcittImage(image))),
      );
    },
  );

  it("keeps the rows below in their place when two rows are joined by damage", async () => {
    const height = 40;
    const data = new Uint8Array(27 * height);
    for (let row = 0; row < height; row += 1) {
      for (let at = 0; at < 27; at += 1) data[row * 27 + at] = (row * 7 + at * 13) & 0x7e;
    }
    const rows = rowsOfBitmap({ width: 216, height, data });
    const fax = encodeG3(rows, 216, { byteAlignedEol: true });
    const eols = [...fax.keys()].filter((at) => fax[at] === 1 && ((fax[at - 1] as number) & 15) === 0);
    // The EOL between the rows 19 and 20 and the first codes of row 20 become ones.
    const eol = eols[20] as number;
    fax.fill(0xff, eol - 1, eol + 4);
    const page = { tags: pageTags(216, height, [259, 3, [3]], [292, 4, [4]]), segments: [fax] };
    const { pdf, report } = await tiffToPdf(buildTiff([page]));
    expect(report.pages[0]).toMatchObject({ method: "repair", badRows: 2, missingRows: 0 });
    const [image] = pdfImages(await pdf.bytes());
    const bitmap = image === undefined ? new Uint8Array() : decodeCcittImage(image);
    const expected = data.slice();
    expected.copyWithin(19 * 27, 18 * 27, 19 * 27);
    expected.copyWithin(20 * 27, 18 * 27, 19 * 27);
    expect(Buffer.compare(bitmap, expected)).toBe(0);
  });

  it("counts what it repaired", async () => {
    const report = async (name: string) => (await tiffToPdf(fixtureBytes(name))).report.pages[0];
    expect(await report("damaged-g31d.tif")).toEqual({
      method: "repair",
      badRows: 3,
      maxConsecutiveBadRows: 1,
      missingRows: 0,
    });
    expect(await report("truncated-strip.tif")).toMatchObject({ badRows: 1, missingRows: 347 });
  });

  it.each(["truncated-ifd.tif", "ifd-loop.tif"])(
    "%s: keeps the pages that are there and says so",
    async (name) => {
      const { report } = await tiffToPdf(fixtureBytes(name));
      expect(report.pages.length).toBe(fixtures.get(name)?.pageCount ?? 1);
      expect(report.warnings).toHaveLength(1);
    },
  );

  it("refuses a page that declares more pixels than there can be", async () => {
    await expect(tiffToPdf(fixtureBytes("dimension-bomb.tif"))).rejects.toMatchObject({
      code: "document_too_large",
    });
  });
});
