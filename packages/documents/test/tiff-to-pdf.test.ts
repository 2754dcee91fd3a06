import { describe, expect, it } from "vitest";
import { tiffToPdf } from "../src/tiff-to-pdf.ts";
import { type FixturePage, fixtureBytes, fixtureNames, fixtures } from "./fixture.ts";
import { hasProgram } from "./has-program.ts";
import { decodeCcittImage, pdfImages, popplerImages, sha256 } from "./pdf-images.ts";

const hasPoppler = hasProgram("pdfimages");

function pagesOf(name: string): FixturePage[] {
  return fixtures.get(name)?.pages ?? [];
}

describe("tiffToPdf: sound fax pages", () => {
  const names = fixtureNames("ccitt", "ccitt-nonstd");

  it.each(names)("%s: the same pixels by our own decoder", async (name) => {
    const { pdf, report } = await tiffToPdf(fixtureBytes(name));
    expect(pdfImages(await pdf.bytes()).map((image) => sha256(decodeCcittImage(image)))).toEqual(
      pagesOf(name).map((page) => page.sha256),
    );
    for (const page of report.pages) {
      expect(page).toMatchObject({ badRows: 0, maxConsecutiveBadRows: 0, missingRows: 0 });
    }
  });

  it.runIf(hasPoppler).each(names)("%s: the same pixels by poppler (needs pdfimages)", async (name) => {
    const { pdf } = await tiffToPdf(fixtureBytes(name));
    expect(popplerImages(await pdf.bytes()).map((image) => sha256(image.raster))).toEqual(
      pagesOf(name).map((page) => page.sha256),
    );
  });

  it.each(names)("%s: taken over by the cheapest way that is exact", async (name) => {
    const { report } = await tiffToPdf(fixtureBytes(name));
    // Rows without EOL that are aligned to bytes have a PDF filter of their own.
    const expected = name === "g31d-noeol-aligned.tif" ? "pass" : fixtures.get(name)?.mode;
    expect(report.pages.map((page) => page.method)).toEqual(pagesOf(name).map(() => expected));
  });
});
