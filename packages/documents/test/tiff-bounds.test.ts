import { deflateSync } from "node:zlib";
import { expect, it } from "vitest";
import { convertImagePage } from "../src/tiff-image-page.ts";
import { readTiff } from "../src/tiff-reader.ts";
import { tiffToPdf } from "../src/tiff-to-pdf.ts";
import { TimeSlice } from "../src/time-slice.ts";
import { buildTiff, pageTags, type TiffBuilderPage } from "./tiff-builder.ts";

const tooLarge = { code: "document_too_large" };
const shared = new Uint8Array(2000).fill(0xff);

/** A page of 8 by 8 pixels in one tile, however large. */
function tile(width: number, height: number, compression: number): TiffBuilderPage {
  const tags = pageTags(8, 8, [259, 3, [compression]], [322, 4, [width]], [323, 4, [height]]);
  return { tags, segments: [shared], tiled: true };
}

it("refuses a page of more strips than anybody makes", async () => {
  const page = (strips: number) => {
    const tags = pageTags(16, strips, [259, 3, [4]], [278, 4, [1]]);
    return buildTiff([{ tags, segments: Array.from({ length: strips }, () => shared.subarray(0, 1)) }]);
  };
  await expect(tiffToPdf(page(2 ** 15 + 1))).rejects.toMatchObject(tooLarge);
  expect((await tiffToPdf(page(2 ** 12))).report.pages).toMatchObject([
    { method: "reencode", missingRows: 0 },
  ]);
});

it("counts the rows and the bytes of tiles beyond the page", async () => {
  const tall = buildTiff(Array.from({ length: 3 }, () => tile(8, 10_000_000, 4)));
  await expect(tiffToPdf(tall)).rejects.toMatchObject(tooLarge);
  const large = buildTiff(Array.from({ length: 100 }, () => tile(65_528, 1500, 8)));
  await expect(tiffToPdf(large)).rejects.toMatchObject(tooLarge);
  const usual = await tiffToPdf(buildTiff([tile(256, 256, 1)]));
  expect(usual.report.pages).toMatchObject([{ method: "g4" }]);
});

it("keeps no more of a page than its data", async () => {
  const bytes = buildTiff([
    { tags: pageTags(64, 64, [259, 3, [1]]), segments: [new Uint8Array(512).fill(0x0f)] },
  ]);
  const [page] = readTiff(bytes).pages;
  const image = page && (await convertImagePage(bytes, page, new TimeSlice()));
  expect(image?.data.map(({ length }) => length)).toEqual(image?.data.map(({ buffer }) => buffer.byteLength));
});

it("refuses pages that become much larger than the file may be", async () => {
  const raw = new Uint8Array(200 * 800);
  for (let row = 0; row < 800; row += 2) raw.fill(0x55, row * 200, (row + 1) * 200);
  const page = { tags: pageTags(1600, 800, [259, 3, [8]]), segments: [deflateSync(raw)] };
  const bytes = buildTiff([page, page, page]);
  expect(bytes.length).toBeLessThan(20_000);
  const { pdf } = await tiffToPdf(bytes);
  expect(pdf.size).toBeGreaterThan(1_000_000);
  await expect(tiffToPdf(bytes, { limits: { bytes: 200_000 } })).rejects.toMatchObject(tooLarge);
});
