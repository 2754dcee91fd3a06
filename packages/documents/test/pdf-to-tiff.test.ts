import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { binarise } from "../src/binarise.ts";
import { CcittDecoder } from "../src/ccitt-decoder.ts";
import { isFaxProfile } from "../src/fax-profile.ts";
import { paintRow } from "../src/paint-row.ts";
import { pdfToTiff } from "../src/pdf-to-tiff.ts";
import { readTiff, type TiffPage } from "../src/tiff-reader.ts";
import { anyDocument, fixtureBytes } from "./fixture.ts";
import { hasProgram } from "./has-program.ts";
import { PdfBuilder } from "./pdf-builder.ts";

/** A PDF of one page with a content stream; object 5 may be anything that its resources name. */
function onePage(page: string, content = "", more?: (builder: PdfBuilder) => void): Uint8Array {
  const builder = new PdfBuilder()
    .object(1, "<</Type/Catalog/Pages 2 0 R>>")
    .object(2, "<</Type/Pages/Kids[3 0 R]/Count 1>>")
    .object(3, `<</Type/Page/Parent 2 0 R/Contents 4 0 R${page}>>`)
    .stream(4, "", Buffer.from(content, "latin1"));
  more?.(builder);
  return builder.endWithTable();
}

/** The packed bitmap of a fax page that we wrote, 1 = black; throws when it is not flawless. */
function decode(tiff: Uint8Array, page: TiffPage): Uint8Array {
  const [strip, ...more] = page.segments();
  if (strip === undefined || more.length > 0) throw new Error("not one strip");
  const decoder = new CcittDecoder(
    tiff.subarray(strip.offset, strip.offset + strip.length),
    { scheme: page.compression === 4 ? "g4" : "g3" },
    page.width,
  );
  const bitmap = new Uint8Array((page.width >> 3) * page.height);
  for (let row = 0; row < page.height; row += 1) {
    if (!decoder.nextRow()) throw new Error(`only ${row} of ${page.height} rows`);
    paintRow(decoder.row, page.width, bitmap, row * (page.width >> 3));
  }
  if (decoder.badRows + decoder.irregularRows > 0) throw new Error("damaged rows");
  return bitmap;
}

/** The smallest rectangle with all black pixels of the first page: left, top, right and bottom, the last two outside. */
function inkBox(tiff: Uint8Array): [number, number, number, number] {
  const [page] = readTiff(tiff).pages;
  if (page === undefined) throw new Error("no page");
  const bitmap = decode(tiff, page);
  let [left, top, right, bottom] = [page.width, page.height, 0, 0];
  for (let y = 0; y < page.height; y += 1) {
    for (let x = 0; x < page.width; x += 1) {
      if (((bitmap[y * (page.width >> 3) + (x >> 3)] as number) & (0x80 >> (x & 7))) === 0) continue;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y + 1);
    }
  }
  return [left, top, right, bottom];
}

function expectNear(box: number[], wanted: number[]): void {
  for (const [index, value] of wanted.entries()) {
    // A pixel for rounding, 8 across for rows that start at a byte.
    expect(Math.abs((box[index] as number) - value)).toBeLessThanOrEqual(index % 2 === 0 ? 9 : 1);
  }
}

describe("pdfToTiff", () => {
  it.each([
    ["standard", 98, "g4", 1146],
    ["fine", 196, "g3", 2292],
    ["superfine", 391, "g4", 4572],
  ] as const)("writes a fax of %s resolution", async (resolution, yDpi, compression, height) => {
    const { tiff, pages } = await pdfToTiff(fixtureBytes("letter-1p.pdf"), { resolution, compression });
    const file = readTiff(tiff);
    expect(file.warnings).toEqual([]);
    expect(file.pages).toHaveLength(1);
    const [page] = file.pages;
    expect(page).toMatchObject({
      width: 1728,
      compression: compression === "g4" ? 4 : 3,
      bitsPerSample: 1,
      samplesPerPixel: 1,
      photometric: 0,
      fillOrder: 1,
      orientation: 1,
      xResolution: 204,
      yResolution: yDpi,
      resolutionUnit: 2,
      segmentCount: 1,
      software: "Faxbot",
    });
    expect(page?.height).toBe(height);
    expect(isFaxProfile(file.pages)).toBe(true);
    expect(pages).toEqual([
      { width: 1728, height, turned: false, scale: 1, bytes: page?.segments()[0]?.length },
    ]);
  });

  it("takes bytes, a Blob and a document, leaves the bytes alone and tells how far it is", async () => {
    const bytes = fixtureBytes("mixed-5p.pdf");
    const before = bytes.slice();
    const progress: string[] = [];
    await pdfToTiff(bytes, {
      onProgress: ({ done, pages }) => progress.push(`${done}/${pages}`),
    });
    expect(progress).toEqual(["1/5", "2/5", "3/5", "4/5", "5/5"]);
    expect(Buffer.compare(bytes, before)).toBe(0);
    const one = fixtureBytes("letter-1p.pdf");
    const { tiff } = await pdfToTiff(one);
    for (const input of [new Blob([one.slice()]), anyDocument(one)]) {
      expect(Buffer.compare((await pdfToTiff(input)).tiff, tiff)).toBe(0);
    }
  });

  it("turns landscape, makes wide pages smaller and keeps each page's length", async () => {
    const { tiff, pages } = await pdfToTiff(fixtureBytes("mixed-5p.pdf"));
    expect(pages.map(({ height, turned }) => [height, turned])).toEqual([
      [2292, false],
      [2149, false],
      [2292, false],
      [2292, true],
      [2292, true],
    ]);
    // Letter is 2.1 mm wider than a fax.
    expect(pages[1]?.scale).toBeCloseTo(1728 / 204 / 8.5, 4);
    for (const page of readTiff(tiff).pages) expect(decode(tiff, page).some((byte) => byte !== 0)).toBe(true);
  });

  it("puts the page in the middle, upright or a quarter turn counter-clockwise", async () => {
    // 72 points are 204 pixels across and 196 down; the page is 540 points, 1530 pixels wide.
    const square = "0 g 36 720 72 36 re f";
    const upright = await pdfToTiff(onePage("/MediaBox[0 0 540 792]", square));
    expectNear(inkBox(upright.tiff), [198, 98, 402, 196]);
    const cropped = await pdfToTiff(onePage("/MediaBox[-9 -9 900 900]/CropBox[0 0 540 792]", square));
    expect(Buffer.compare(cropped.tiff, upright.tiff)).toBe(0);
    // The same turned clockwise by /Rotate is landscape, which is turned back.
    const rotated = await pdfToTiff(onePage("/MediaBox[0 0 540 792]/Rotate 90", square));
    expect(rotated.pages[0]).toMatchObject({ turned: true, height: 2156 });
    expectNear(inkBox(rotated.tiff), [198, 98, 402, 196]);
    // A square near the right end of a landscape page's top comes to the top left.
    const landscape = await pdfToTiff(onePage("/MediaBox[0 0 792 540]", "0 g 720 432 36 72 re f"));
    expectNear(inkBox(landscape.tiff), [198, 98, 402, 196]);
  });

  it("fills up or makes smaller for a sheet, and refuses what is longer than two", async () => {
    const short = onePage("/MediaBox[0 0 595 100]/Rotate 90", "0 g 0 0 595 100 re f");
    expect((await pdfToTiff(short)).pages[0]).toMatchObject({ height: 1620, turned: false });
    expect((await pdfToTiff(short, { pageSize: "a4" })).pages[0]).toMatchObject({ height: 2292, scale: 1 });
    const long = onePage("/MediaBox[0 0 300 2000]");
    await expect(pdfToTiff(long)).rejects.toMatchObject({ code: "document_too_large" });
    const legal = await pdfToTiff(long, { pageSize: "legal", resolution: "standard" });
    expect(legal.pages[0]).toMatchObject({ height: 1372, scale: 1008 / 2000 });
  });

  it("shows what is filled in in a form", async () => {
    const form = (fields: string) =>
      new PdfBuilder()
        .object(1, `<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[${fields}]>>>>`)
        .object(2, "<</Type/Pages/Kids[3 0 R]/Count 1>>")
        .object(3, `<</Type/Page/Parent 2 0 R/MediaBox[0 0 540 300]/Annots[${fields}]>>`)
        .object(
          4,
          "<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/V(Jane)/F 4/Rect[36 220 236 240]/AP<</N 5 0 R>>>>",
        )
        .stream(5, "/Type/XObject/Subtype/Form/BBox[0 0 200 20]", Buffer.from("0 g 0 0 200 20 re f"))
        .endWithTable();
    const options = { pageSize: "a4", resolution: "standard" } as const;
    expect((await pdfToTiff(form("4 0 R"), options)).pages[0]?.bytes).toBeGreaterThan(
      (await pdfToTiff(form(""), options)).pages[0]?.bytes as number,
    );
  });

  it.each([
    ["encrypted-user.pdf", "document_encrypted"],
    ["huge.pdf", "document_too_large"],
    ["bomb-tree.pdf", "document_invalid"],
    ["zeropages.pdf", "document_invalid"],
    ["g4-fine-3p.tif", "document_unsupported"],
  ])("refuses %s", async (name, code) => {
    await expect(pdfToTiff(fixtureBytes(name))).rejects.toMatchObject({ code });
  });

  it("refuses more pages or bytes than it may", async () => {
    const bytes = fixtureBytes("mixed-5p.pdf");
    await expect(pdfToTiff(bytes, { maxPages: 4 })).rejects.toMatchObject({ code: "document_too_large" });
    const limits = { bytes: 1000 };
    for (const input of [bytes, new Blob([bytes.slice()]), anyDocument(bytes)]) {
      await expect(pdfToTiff(input, { limits })).rejects.toMatchObject({ code: "document_too_large" });
    }
  });

  it("ends a page that never ends, leaves the event loop free meanwhile, and works on", async () => {
    let ticks = 0;
    const timer = setInterval(() => {
      ticks += 1;
    }, 10);
    const bomb = pdfToTiff(fixtureBytes("bomb-forms.pdf"), { pageDeadlineMs: 500 });
    await expect(bomb).rejects.toMatchObject({ code: "document_too_large" });
    clearInterval(timer);
    // The page holds its own thread for the whole half second.
    expect(ticks).toBeGreaterThan(10);
    expect((await pdfToTiff(fixtureBytes("letter-1p.pdf"))).pages).toHaveLength(1);
  });

  it("stops at a signal, before and during the work", async () => {
    const reason = new Error("enough");
    const bytes = fixtureBytes("bomb-forms.pdf");
    await expect(pdfToTiff(bytes, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 300);
    await expect(pdfToTiff(bytes, { signal: controller.signal })).rejects.toBe(reason);
  });

  it("renders more documents at a time than there are threads", async () => {
    const bytes = fixtureBytes("letter-1p.pdf");
    const all = await Promise.all(
      Array.from({ length: 5 }, () => pdfToTiff(bytes, { resolution: "standard" })),
    );
    for (const { tiff } of all) expect(Buffer.compare(tiff, all[0]?.tiff as Uint8Array)).toBe(0);
  });
});

describe("binarise", () => {
  const width = 256;
  /** A grey stroke of three pixels at the top, and an even area below it. */
  const data = new Uint8Array(width * 256).fill(255);
  for (let y = 8; y < 11; y += 1) data.fill(120, y * width + 16, y * width + 240);
  for (let y = 96; y < 224; y += 1) data.fill(128, y * width + 32, y * width + 224);
  const blackIn = (bitmap: Uint8Array, left: number, top: number, right: number, bottom: number): number => {
    let black = 0;
    for (let y = top; y < bottom; y += 1) {
      for (let x = left; x < right; x += 1) {
        if (((bitmap[y * (width >> 3) + (x >> 3)] as number) & (0x80 >> (x & 7))) !== 0) black += 1;
      }
    }
    return black / ((right - left) * (bottom - top));
  };

  it.each([98, 196, 391])("keeps strokes solid and makes areas dots, %s lines per inch", (yDpi) => {
    const bitmap = binarise({ width, height: 256, data }, { halftone: "hybrid", yDpi }).data;
    expect(blackIn(bitmap, 16, 8, 240, 11)).toBe(1);
    expect(blackIn(bitmap, 64, 128, 192, 192)).toBeCloseTo(0.5, 1);
  });

  it.each([98, 196, 391])("keeps light strokes on white paper, %s lines per inch", (yDpi) => {
    const strokes = (paper: number) => {
      const picture = new Uint8Array(width * 256).fill(paper);
      // Light grey, yellow, and black with the smooth edge that text has.
      for (const [top, grey] of [
        [32, 200],
        [64, 226],
        [96, 0],
      ] as const) {
        for (let y = top; y < top + 3; y += 1) picture.fill(grey, y * width + 16, y * width + 240);
      }
      picture.fill(220, 99 * width + 16, 99 * width + 240);
      return binarise({ width, height: 256, data: picture }, { halftone: "hybrid", yDpi }).data;
    };
    const onWhite = strokes(255);
    for (const top of [32, 64, 96]) expect(blackIn(onWhite, 16, top, 240, top + 3)).toBe(1);
    expect(blackIn(onWhite, 0, 0, width, 256)).toBeCloseTo((9 * 224) / (width * 256), 6);
    // What is as light on a scan, whose paper is never quite white, is a stain.
    expect(blackIn(strokes(250), 0, 60, width, 90)).toBe(0);
  });

  it("does not take the blurred text of a coarse scan for a photograph", () => {
    // Strokes with wide grey edges, and a little paper in between.
    const grey = [200, 170, 140, 110, 110, 110, 140, 170, 200, 255, 255, 255, 255];
    const scan = Uint8Array.from({ length: width * 256 }, (_, at) => grey[(at % width) % 13] as number);
    const of = (halftone: "hybrid" | "threshold") =>
      binarise({ width, height: 256, data: scan }, { halftone, yDpi: 196 }).data;
    expect(Buffer.compare(of("hybrid"), of("threshold"))).toBe(0);
  });

  // The greys at which tesseract reads most of what is rendered at each resolution.
  it.each([
    [98, 205],
    [196, 175],
    [391, 170],
  ])("cuts at the grey that suits the resolution: %i lines per inch, %i", (yDpi, threshold) => {
    const greys = Uint8Array.from({ length: width * 16 }, (_, at) => at % width);
    for (const halftone of ["threshold", "hybrid"] as const) {
      // Strokes one pixel wide, each of another grey: no area that is tone.
      const strokes = greys.map((grey, at) => (Math.floor(at / width) % 8 === 0 ? grey : 255));
      const { data: bitmap } = binarise({ width, height: 16, data: strokes }, { halftone, yDpi });
      expect(blackIn(bitmap, 0, 0, threshold, 1)).toBe(1);
      if (halftone === "threshold") expect(blackIn(bitmap, threshold, 0, width, 1)).toBe(0);
    }
  });

  it("cuts or diffuses everything when told to", () => {
    const of = (halftone: "threshold" | "diffusion") =>
      binarise({ width, height: 256, data }, { halftone, yDpi: 196 }).data;
    expect(blackIn(of("threshold"), 64, 128, 192, 192)).toBe(1);
    expect(blackIn(of("diffusion"), 64, 128, 192, 192)).toBeCloseTo(0.5, 1);
    expect(blackIn(of("diffusion"), 16, 8, 240, 11)).toBeLessThan(0.9);
  });

  it("refuses a picture that the page has no room for", () => {
    const image = { width, height: 256, data };
    const options = { halftone: "hybrid", yDpi: 196 } as const;
    expect(() => binarise(image, { ...options, left: 4 })).toThrow(RangeError);
    expect(() => binarise(image, { ...options, height: 255 })).toThrow(RangeError);
  });
});

describe.skipIf(!hasProgram("tiffcp"))("against libtiff (skipped when tiffcp is not installed)", () => {
  it.each(["g4", "g3"] as const)("libtiff decodes %s pages to the same pixels", async (compression) => {
    const { tiff } = await pdfToTiff(fixtureBytes("mixed-5p.pdf"), { compression });
    const folder = mkdtempSync(join(tmpdir(), "faxbot-test-"));
    try {
      writeFileSync(join(folder, "fax.tif"), tiff);
      execFileSync("tiffcp", ["-c", "none", join(folder, "fax.tif"), join(folder, "raw.tif")], {
        stdio: "pipe",
      });
      const raw = new Uint8Array(readFileSync(join(folder, "raw.tif")));
      const theirs = readTiff(raw).pages.map((page) =>
        Buffer.concat(page.segments().map(({ offset, length }) => raw.subarray(offset, offset + length))),
      );
      const ours = readTiff(tiff).pages.map((page) => decode(tiff, page));
      expect(theirs).toHaveLength(5);
      for (const [index, bitmap] of ours.entries()) {
        expect(Buffer.compare(bitmap, theirs[index] as Buffer)).toBe(0);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** A page with a picture that has tones, edges and grain. */
function photoPage(): Uint8Array {
  const [width, height] = [400, 300];
  const pixels = new Uint8Array(width * height);
  let grain = 1;
  for (let i = 0; i < pixels.length; i += 1) {
    const [x, y] = [i % width, Math.floor(i / width)];
    grain = (Math.imul(grain, 1_103_515_245) + 12_345) >>> 0;
    const tone = 128 + 60 * Math.sin(x / 37) + 50 * Math.cos(y / 23) + ((grain >>> 24) % 17) - 8;
    pixels[i] = Math.max(0, Math.min(255, tone + (Math.hypot(x - 200, y - 150) < 60 ? 40 : 0)));
  }
  return onePage(
    "/MediaBox[0 0 595 842]/Resources<</XObject<</Im 5 0 R>>>>",
    "q 515 0 0 386 40 400 cm /Im Do Q",
    (builder) =>
      builder.stream(
        5,
        `/Type/XObject/Subtype/Image/Width ${width}/Height ${height}/ColorSpace/DeviceGray/BitsPerComponent 8`,
        pixels,
      ),
  );
}

const ghostscript = hasProgram("gs");

/** The values of the tags of the first page, as they stand in the directory. */
function directory(tiff: Uint8Array): Map<number, number> {
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const at = view.getUint32(4, true);
  const entries = Array.from({ length: view.getUint16(at, true) }, (_, index) => at + 2 + index * 12);
  return new Map(entries.map((entry) => [view.getUint16(entry, true), view.getUint32(entry + 8, true)]));
}

describe("the TIFF file", () => {
  it.each(["g4", "g3"] as const)(
    "has the tags that spandsp looks for, and those of TIFF-F: %s",
    async (compression) => {
      const { tiff } = await pdfToTiff(fixtureBytes("mixed-5p.pdf"), { compression, resolution: "standard" });
      const tags = directory(tiff);
      const height = 1146;
      const wanted = [
        [254, 2],
        [256, 1728],
        [257, height],
        [258, 1],
        [259, compression === "g4" ? 4 : 3],
        [262, 0],
        [266, 1],
        [274, 1],
        [277, 1],
        [278, height],
        [284, 1],
        [compression === "g4" ? 293 : 292, 0],
        [296, 2],
        // Page 0 of 5.
        [297, 5 << 16],
      ] as const;
      for (const [tag, value] of wanted) expect(tags.get(tag), `tag ${tag}`).toBe(value);
      expect([...tags.keys()]).toEqual([...tags.keys()].sort((a, b) => a - b));
      for (const tag of [273, 282, 283]) expect((tags.get(tag) as number) % 2, `tag ${tag}`).toBe(0);
    },
  );
});

describe.skipIf(!ghostscript)("with Ghostscript (skipped when gs is not installed)", () => {
  it("gives pages of the same layout", async () => {
    const bytes = fixtureBytes("mixed-5p.pdf");
    const own = await pdfToTiff(bytes);
    const theirs = await pdfToTiff(bytes, { engine: "ghostscript", compression: "g3" });
    const layouts = own.pages.map(({ width, height, turned, scale }) => ({ width, height, turned, scale }));
    expect(theirs.pages).toMatchObject(layouts);
    const { pages } = readTiff(theirs.tiff);
    expect(isFaxProfile(pages)).toBe(true);
    for (const page of pages) expect(decode(theirs.tiff, page).some((byte) => byte !== 0)).toBe(true);
  });

  it.each([
    ["narrow", "/MediaBox[0 0 300 400]", {}],
    ["wider than high, but not by much", "/MediaBox[0 0 412 400]", {}],
    ["on a longer sheet", "/MediaBox[0 0 300 400]", { pageSize: "a4" }],
    ["landscape, on a longer sheet", "/MediaBox[0 0 500 300]", { pageSize: "letter", compression: "g3" }],
    ["wide", "/MediaBox[0 0 700 1000]", {}],
    ["upside down", "/MediaBox[0 0 300 400]/Rotate 180", {}],
    ["turned to the left, on a longer sheet", "/MediaBox[0 0 300 400]/Rotate 270", { pageSize: "a4" }],
    ["landscape and wide", "/MediaBox[0 0 1200 700]", {}],
    ["turned and cropped", "/MediaBox[0 0 600 800]/CropBox[10 10 310 410]/Rotate 180", {}],
  ] as const)("sets the page where PDFium does: %s", async (_, page, options) => {
    // Reaches beyond the right edge of all.
    const bytes = onePage(page, "0 g 36 36 72 36 re f 200 260 900 20 re f");
    const own = await pdfToTiff(bytes, options);
    const theirs = await pdfToTiff(bytes, { ...options, engine: "ghostscript" });
    const layout = ({ width, height, turned, scale }: (typeof own.pages)[0]) => ({
      width,
      height,
      turned,
      scale,
    });
    expect(theirs.pages.map(layout)).toEqual(own.pages.map(layout));
    const [first, second] = [inkBox(own.tiff), inkBox(theirs.tiff)];
    for (const [index, value] of first.entries()) {
      expect(Math.abs((second[index] as number) - value)).toBeLessThanOrEqual(2);
    }
  });

  it("takes no more bytes for a photograph than Ghostscript", async () => {
    const photo = photoPage();
    const own = await pdfToTiff(photo);
    const theirs = await pdfToTiff(photo, { engine: "ghostscript" });
    expect(own.tiff.length).toBeLessThanOrEqual(theirs.tiff.length);
  });

  it("ends a page that never ends", async () => {
    const bomb = pdfToTiff(fixtureBytes("bomb-forms.pdf"), { engine: "ghostscript", pageDeadlineMs: 500 });
    await expect(bomb).rejects.toMatchObject({ code: "document_too_large" });
  });
});

it.skipIf(process.platform === "win32")(
  "confines Ghostscript: -dSAFER, a cap on memory, no shell, no secrets (needs POSIX)",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "faxbot-test-"));
    const before = process.env.PATH;
    try {
      // A program of that name that notes how it is called and fails.
      const script = `#!/bin/sh\nprintf '%s\\n' "$@" > ${folder}/arguments\nenv > ${folder}/environment\nexit 1\n`;
      writeFileSync(join(folder, "gs"), script, { mode: 0o755 });
      process.env.PATH = `${folder}:${before}`;
      process.env.FAXBOT_TEST_SECRET = "secret";
      const rendering = pdfToTiff(fixtureBytes("letter-1p.pdf"), { engine: "ghostscript" });
      await expect(rendering).rejects.toMatchObject({ code: "document_invalid" });
      const args = readFileSync(join(folder, "arguments"), "utf8").split("\n");
      expect(args).toContain("-dSAFER");
      expect(args).toContain("-K1048576");
      expect(readFileSync(join(folder, "environment"), "utf8")).not.toContain("secret");
    } finally {
      process.env.PATH = before;
      delete process.env.FAXBOT_TEST_SECRET;
      rmSync(folder, { recursive: true });
    }
  },
);

it.skipIf(ghostscript)("says so when Ghostscript is not installed (not here: it is installed)", async () => {
  const rendering = pdfToTiff(fixtureBytes("letter-1p.pdf"), { engine: "ghostscript" });
  await expect(rendering).rejects.toMatchObject({ code: "unsupported" });
});
