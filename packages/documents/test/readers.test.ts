import { PDFiumLibrary } from "@hyzyla/pdfium";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tiffToPdf } from "../src/tiff-to-pdf.ts";
import { fixtureBytes, fixtureNames, fixtures } from "./fixture.ts";
import { decodeCcittImage, pdfImages, sha256 } from "./pdf-images.ts";

describe("pdfium shows the pixels of the fax", () => {
  let library: Awaited<ReturnType<typeof PDFiumLibrary.init>>;
  beforeAll(async () => {
    library = await PDFiumLibrary.init();
  });
  afterAll(() => library.destroy());

  /** Pages rendered at one pixel per pixel of the image, packed, 1 = black. */
  async function render(pdf: Uint8Array): Promise<Uint8Array[]> {
    const document = await library.loadDocument(pdf);
    try {
      const pages: Uint8Array[] = [];
      for (const [index, { width, height }] of pdfImages(pdf).entries()) {
        const page = await document
          .getPage(index)
          .render({ width, height, render: "bitmap", colorSpace: "Gray" });
        pages.push(pack(page.data, width, height));
      }
      return pages;
    } finally {
      document.destroy();
    }
  }

  function pack(grey: Uint8Array, width: number, height: number): Uint8Array {
    const stride = (width + 7) >>> 3;
    const packed = new Uint8Array(stride * height);
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        if ((grey[y * width + x] as number) >= 128) continue;
        const at = y * stride + (x >>> 3);
        packed[at] = (packed[at] as number) | (0x80 >>> (x & 7));
      }
    }
    return packed;
  }

  it.each(fixtureNames("ccitt", "ccitt-nonstd", "other"))("%s", async (name) => {
    const { pdf } = await tiffToPdf(fixtureBytes(name));
    expect((await render(await pdf.bytes())).map(sha256)).toEqual(
      fixtures.get(name)?.pages?.map((page) => page.sha256),
    );
  });

  it.each(fixtureNames("damaged"))("%s: what our own decoder shows", async (name) => {
    const bytes = await (await tiffToPdf(fixtureBytes(name))).pdf.bytes();
    expect((await render(bytes)).map(sha256)).toEqual(
      pdfImages(bytes).map((image) => sha256(decodeCcittImage(image))),
    );
  });
});
