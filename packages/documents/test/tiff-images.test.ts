import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { convertExoticPage, exoticTiffBudget } from "../src/exotic-tiff.ts";
import { readTiff, type TiffPage } from "../src/tiff-reader.ts";
import { tiffToPdf } from "../src/tiff-to-pdf.ts";
import { fixtureBytes, fixtureNames, fixtures } from "./fixture.ts";
import { hasProgram } from "./has-program.ts";
import { decodeCcittImage, inflateImage, pdfImages, popplerImages, sha256 } from "./pdf-images.ts";
import { buildTiff, pageTags, type TiffBuilderPage, type TiffTag } from "./tiff-builder.ts";

const hasPoppler = hasProgram("pdfimages");
const hasTiffTools = hasProgram("tiffcp");
const hasWorker = existsSync(new URL("../dist/exotic-tiff-worker.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "faxbot-images-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("tiffToPdf: bilevel pages that are not fax data", () => {
  const names = fixtureNames("other");

  it.each(names)("%s: the same pixels by our own decoder", async (name) => {
    const { pdf, report } = await tiffToPdf(fixtureBytes(name));
    const pages = fixtures.get(name)?.pages ?? [];
    expect(pdfImages(await pdf.bytes()).map((image) => sha256(decodeCcittImage(image)))).toEqual(
      pages.map((page) => page.sha256),
    );
    expect(report.pages.map((page) => page.method)).toEqual(pages.map(() => fixtures.get(name)?.mode));
  });

  it.runIf(hasPoppler).each(names)("%s: the same pixels by poppler (needs pdfimages)", async (name) => {
    const { pdf } = await tiffToPdf(fixtureBytes(name));
    expect(popplerImages(await pdf.bytes()).map((image) => sha256(image.raster))).toEqual(
      fixtures.get(name)?.pages?.map((page) => page.sha256),
    );
  });
});

const width = 37;
const height = 29;

/** A picture in which every sample differs from its neighbours in a way of its own. */
function picture(samples: number): Uint8Array {
  return Uint8Array.from({ length: width * height * samples }, (_, index) => {
    const sample = index % samples;
    const pixel = Math.floor(index / samples);
    return ((pixel % width) * (sample + 2) + Math.floor(pixel / width) * 5 + sample * 40) & 255;
  });
}

function inStrips(data: Uint8Array, rowBytes: number, rows: number): Uint8Array[] {
  const strips: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += rowBytes * rows)
    strips.push(data.subarray(at, at + rowBytes * rows));
  return strips;
}

function differences(data: Uint8Array, rowBytes: number, step: number): Uint8Array {
  return data.map((byte, at) => (at % rowBytes < step ? byte : byte - (data[at - step] as number)));
}

/** LZW that only ever sends single bytes, with a clear code before the codes would grow: any decoder reads it. */
function lzw(data: Uint8Array): Uint8Array {
  let bits = "";
  data.forEach((byte, index) => {
    if (index % 250 === 0) bits += (256).toString(2).padStart(9, "0");
    bits += byte.toString(2).padStart(9, "0");
  });
  bits += (257).toString(2).padStart(9, "0");
  return Uint8Array.from(bits.match(/.{1,8}/g) ?? [], (octet) => Number.parseInt(octet.padEnd(8, "0"), 2));
}

function packBits(data: Uint8Array, filler = false): Uint8Array {
  const out: number[] = filler ? [128] : [];
  for (let at = 0; at < data.length; at += 100) {
    const part = data.subarray(at, at + 100);
    out.push(part.length - 1, ...part);
  }
  return Uint8Array.from(out);
}

const rgb = picture(3);
const grey = picture(1);
const rgbTags: TiffTag[] = [
  [258, 3, [8, 8, 8]],
  [262, 3, [2]],
  [277, 3, [3]],
];
const greyTags: TiffTag[] = [
  [258, 3, [8]],
  [262, 3, [1]],
];
const inverse = grey.map((byte) => 255 - byte);

function tiles(data: Uint8Array, samples: number, predictor: boolean): Uint8Array[] {
  const out: Uint8Array[] = [];
  for (let top = 0; top < height; top += 16) {
    for (let left = 0; left < width; left += 16) {
      const tile = new Uint8Array(16 * 16 * samples);
      for (let y = 0; y < Math.min(16, height - top); y += 1) {
        const from = ((top + y) * width + left) * samples;
        const count = Math.min(16, width - left) * samples;
        tile.set(data.subarray(from, from + count), y * 16 * samples);
      }
      out.push(deflateSync(predictor ? differences(tile, 16 * samples, samples) : tile));
    }
  }
  return out;
}

const tileTags: TiffTag[] = [
  [322, 3, [16]],
  [323, 3, [16]],
];

/** Each with what must come out: one byte per grey pixel or three per coloured one. */
const cases: [string, TiffBuilderPage, Uint8Array][] = [
  ["grey, as it is", { tags: pageTags(width, height, ...greyTags), segments: [grey] }, grey],
  [
    "grey with white as zero",
    { tags: pageTags(width, height, ...greyTags, [262, 3, [0]]), segments: [inverse] },
    grey,
  ],
  [
    "grey in strips",
    { tags: pageTags(width, height, ...greyTags, [278, 4, [10]]), segments: inStrips(grey, width, 10) },
    grey,
  ],
  [
    "grey, PackBits",
    { tags: pageTags(width, height, ...greyTags, [259, 3, [32773]]), segments: [packBits(grey)] },
    grey,
  ],
  [
    "grey, PackBits with a code that does nothing",
    { tags: pageTags(width, height, ...greyTags, [259, 3, [32773]]), segments: [packBits(grey, true)] },
    grey,
  ],
  ["RGB, as it is", { tags: pageTags(width, height, ...rgbTags), segments: [rgb] }, rgb],
  ["RGB, LZW", { tags: pageTags(width, height, ...rgbTags, [259, 3, [5]]), segments: [lzw(rgb)] }, rgb],
  [
    "RGB, LZW in strips with a predictor",
    {
      tags: pageTags(width, height, ...rgbTags, [259, 3, [5]], [317, 3, [2]], [278, 4, [9]]),
      segments: inStrips(differences(rgb, width * 3, 3), width * 3, 9).map(lzw),
    },
    rgb,
  ],
  [
    "RGB, Deflate with a predictor",
    {
      tags: pageTags(width, height, ...rgbTags, [259, 3, [8]], [317, 3, [2]]),
      segments: [deflateSync(differences(rgb, width * 3, 3))],
    },
    rgb,
  ],
  [
    "RGB, Deflate by its old number, in strips",
    {
      tags: pageTags(width, height, ...rgbTags, [259, 3, [32946]], [278, 4, [7]]),
      segments: inStrips(rgb, width * 3, 7).map((strip) => deflateSync(strip)),
    },
    rgb,
  ],
  [
    "RGB in tiles with a predictor",
    {
      tags: pageTags(width, height, ...rgbTags, [259, 3, [8]], [317, 3, [2]], ...tileTags),
      segments: tiles(rgb, 3, true),
      tiled: true,
    },
    rgb,
  ],
  [
    "grey in tiles",
    {
      tags: pageTags(width, height, ...greyTags, [259, 3, [8]], ...tileTags),
      segments: tiles(grey, 1, false),
      tiled: true,
    },
    grey,
  ],
];

describe.runIf(hasPoppler)("tiffToPdf: grey and colour pages (needs pdfimages)", () => {
  it.each(cases)("%s", async (_, page, expected) => {
    for (const order of ["II", "MM"] as const) {
      const { pdf, report } = await tiffToPdf(buildTiff([page], order));
      expect(report.pages.map(({ method }) => method)).toEqual(["image"]);
      const [image] = popplerImages(await pdf.bytes());
      const samples = expected.length / (width * height);
      // pdfimages writes some grey pictures as RGB.
      const raster =
        (image?.raster.length ?? 0) > expected.length
          ? image?.raster.filter((_, index) => index % (3 / samples) === 0)
          : image?.raster;
      expect(Buffer.compare(raster ?? new Uint8Array(), expected)).toBe(0);
    }
  });

  it("a palette of 16 colours", async () => {
    const map = Array.from({ length: 48 }, (_, index) => ((index * 37) & 255) * 257);
    const indexes = Uint8Array.from({ length: 10 * 8 }, (_, index) => (index * 7 + 1) & 255);
    const page = {
      tags: pageTags(20, 8, [258, 3, [4]], [262, 3, [3]], [320, 3, map]),
      segments: [indexes],
    };
    const { pdf } = await tiffToPdf(buildTiff([page]));
    const expected = [...indexes].flatMap((byte) =>
      [byte >>> 4, byte & 15].flatMap((index) =>
        [0, 16, 32].map((plane) => (map[plane + index] as number) >>> 8),
      ),
    );
    expect([...(popplerImages(await pdf.bytes())[0]?.raster ?? [])]).toEqual(expected);
  });

  it.runIf(hasTiffTools)("JPEG keeps its data; its tables are put in (needs tiffcp)", async () => {
    const source = join(folder, "rgb.tif");
    const target = join(folder, "jpeg.tif");
    writeFileSync(source, buildTiff([{ tags: pageTags(width, height, ...rgbTags), segments: [rgb] }]));
    execFileSync("tiffcp", ["-c", "jpeg:90", "-r", String(height), source, target]);
    const { pdf, report } = await tiffToPdf(new Uint8Array(readFileSync(target)));
    expect(report.pages[0]?.method).toBe("image");
    const raster = popplerImages(await pdf.bytes())[0]?.raster ?? new Uint8Array();
    expect(raster.length).toBe(rgb.length);
    const error = raster.reduce((sum, byte, index) => sum + Math.abs(byte - (rgb[index] as number)), 0);
    expect(error / rgb.length).toBeLessThan(12);
  });
});

describe.runIf(hasWorker)("tiffToPdf: pages for the process with utif (needs a build)", () => {
  const deep = new Uint8Array(grey.length * 2);
  grey.forEach((byte, index) => {
    deep[index * 2] = 0x55;
    deep[index * 2 + 1] = byte;
  });
  const alpha = picture(4);
  const rgba: TiffTag[] = [
    [258, 3, [8, 8, 8, 8]],
    [262, 3, [2]],
    [277, 3, [4]],
    [338, 3, [2]],
  ];

  it("16 bits become 8", async () => {
    const page = { tags: pageTags(width, height, [258, 3, [16]], [262, 3, [1]]), segments: [deep] };
    const { pdf, report } = await tiffToPdf(buildTiff([page]));
    expect(report.pages[0]?.method).toBe("image");
    const [image] = pdfImages(await pdf.bytes());
    expect(Buffer.compare(image ? inflateImage(image) : new Uint8Array(), grey)).toBe(0);
  });

  it("transparent pixels are put on white", async () => {
    const page = { tags: pageTags(width, height, ...rgba), segments: [alpha] };
    const { pdf } = await tiffToPdf(buildTiff([page]));
    const [image] = pdfImages(await pdf.bytes());
    const expected = Uint8Array.from({ length: width * height * 3 }, (_, index) => {
      const pixel = Math.floor(index / 3) * 4;
      const opacity = alpha[pixel + 3] as number;
      return Math.round(((alpha[pixel + (index % 3)] as number) * opacity + 255 * (255 - opacity)) / 255);
    });
    expect(Buffer.compare(image ? inflateImage(image) : new Uint8Array(), expected)).toBe(0);
  });

  it("is killed when it takes too long or too much memory", async () => {
    const bytes = buildTiff([{ tags: pageTags(width, height, ...rgba), segments: [alpha] }]);
    const page = readTiff(bytes).pages[0] as TiffPage;
    const budget = exoticTiffBudget();
    expect(await convertExoticPage(page, budget, { timeMs: 1, memoryBytes: 2 ** 40 })).toBeUndefined();
    if (existsSync("/proc/self/statm")) {
      expect(await convertExoticPage(page, budget, { timeMs: 60_000, memoryBytes: 1 })).toBeUndefined();
    }
    expect(await convertExoticPage(page, budget)).toMatchObject({ method: "image" });
  });

  it("is refused when the pages before it took too long", async () => {
    const bytes = buildTiff([{ tags: pageTags(width, height, ...rgba), segments: [alpha] }]);
    const page = readTiff(bytes).pages[0] as TiffPage;
    const budget = { leftMs: 30_000 };
    expect(await convertExoticPage(page, budget)).toMatchObject({ method: "image" });
    expect(budget.leftMs).toBeLessThan(30_000);
    await expect(convertExoticPage(page, { leftMs: 0 })).rejects.toMatchObject({
      code: "document_too_large",
    });
  });
});

describe("tiffToPdf: what is not supported", () => {
  it.each([
    ["JBIG", [[259, 3, [34661]]]],
    ["old JPEG", [[259, 3, [6]], ...rgbTags]],
    [
      "fax data of three samples",
      [
        [259, 3, [4]],
        [277, 3, [3]],
      ],
    ],
    [
      "floating point",
      [
        [258, 3, [32]],
        [339, 3, [3]],
        [262, 3, [1]],
      ],
    ],
  ] satisfies [string, TiffTag[]][])("%s", async (_, tags) => {
    const page = { tags: pageTags(width, height, ...tags), segments: [picture(4)] };
    await expect(tiffToPdf(buildTiff([page]))).rejects.toMatchObject({ code: "document_unsupported" });
  });
});
