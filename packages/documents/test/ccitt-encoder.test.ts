import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Bitmap,
  changeListSize,
  encodeG3,
  encodeG4,
  findChanges,
  rowsOfBitmap,
} from "../src/ccitt-encoder.ts";
import { writeTiff } from "../src/tiff-writer.ts";
import { hasProgram } from "./has-program.ts";
import { onlyStrip } from "./only-strip.ts";

/** Bitmaps that look like pages: runs of any length, rows that resemble the row above, and plain noise. */
const bitmaps: fc.Arbitrary<Bitmap> = fc
  .record({
    width: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(1728, 2048, 2432, 2623, 2624, 5300)),
    seed: fc.integer(),
    height: fc.integer({ min: 1, max: 24 }),
    noise: fc.constantFrom(0.5, 0.1, 0.01, 0.001),
    keep: fc.constantFrom(0, 0.5, 0.95),
  })
  .map(({ width, height, seed, noise, keep }) => {
    let state = seed | 1;
    const random = () => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) / 2 ** 32;
    };
    const stride = (width + 7) >>> 3;
    const data = new Uint8Array(stride * height);
    for (let y = 0; y < height; y++) {
      let black = random() < 0.2;
      for (let x = 0; x < width; x++) {
        if (random() < noise) black = !black;
        const above = y > 0 && (((data[(y - 1) * stride + (x >>> 3)] as number) << (x & 7)) & 0x80) !== 0;
        if (random() < keep ? above : black)
          data[y * stride + (x >>> 3)] = (data[y * stride + (x >>> 3)] as number) | (0x80 >>> (x & 7));
      }
    }
    return { width, height, data };
  });

describe("findChanges", () => {
  it("finds every pixel that differs from its left neighbour", () => {
    fc.assert(
      fc.property(bitmaps, ({ width, height, data }) => {
        const stride = (width + 7) >>> 3;
        for (let y = 0; y < height; y++) {
          const expected: number[] = [];
          let left = 0;
          for (let x = 0; x < width; x++) {
            const pixel = ((data[y * stride + (x >>> 3)] as number) >>> (7 - (x & 7))) & 1;
            if (pixel !== left) expected.push(x);
            left = pixel;
          }
          const list = new Int32Array(changeListSize(width) + 32);
          const count = findChanges(data, y * stride, width, list);
          expect([...list.subarray(0, count)]).toEqual(expected);
          expect([...list.subarray(count, count + 4)]).toEqual([width, width, width, width]);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("ignores set bits to the right of the last pixel", () => {
    const list = new Int32Array(changeListSize(3) + 32);
    expect(findChanges(Uint8Array.of(0b0101_1111), 0, 3, list)).toBe(2);
    expect([...list.subarray(0, 6)]).toEqual([1, 2, 3, 3, 3, 3]);
  });
});

describe("the T.4 and T.6 encoders", () => {
  it("code a row by the tables of T.4", () => {
    // 8 black pixels in 16: white 0, black 8, white 8.
    const bitmap = { width: 16, height: 1, data: Uint8Array.of(0xff, 0) };
    expect(bits(encodeG3(rowsOfBitmap(bitmap), 16))).toMatch(/^000000000001 ?00110101 ?000101 ?10011 ?0*$/);
    // 5 white, 3 black, 8 white against a white row: horizontal, white 5, black 3, V0.
    const other = { width: 16, height: 1, data: Uint8Array.of(0x07, 0) };
    expect(bits(encodeG4(rowsOfBitmap(other), 16))).toBe(
      `${"001" + "1100" + "10" + "1"}${"000000000001".repeat(2)}000000`,
    );
  });

  it("repeat the longest make-up code for runs past 2623", () => {
    const bitmap = { width: 5300, height: 1, data: new Uint8Array(663) };
    const makeUp2560 = "000000011111";
    // 5300 = 2560 + 2560 + 128 + 52
    expect(bits(encodeG3(rowsOfBitmap(bitmap), 5300))).toMatch(
      new RegExp(`^000000000001${makeUp2560}${makeUp2560}10010${"01010101"}0*$`),
    );
  });
});

const tiffcp = hasProgram("tiffcp");

describe.skipIf(!tiffcp)("against libtiff (skipped when tiffcp is not installed)", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "faxbot-ccitt-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** The strip that libtiff makes of the bitmap. */
  async function libtiff(bitmap: Bitmap, codec: string, yDpi: number): Promise<Uint8Array> {
    const from = join(folder, "from.tif");
    const to = join(folder, "to.tif");
    const data = encodeG4(rowsOfBitmap(bitmap), bitmap.width);
    writeFileSync(from, await writeTiff([{ ...bitmap, data, compression: "g4", xDpi: 204, yDpi }]));
    execFileSync("tiffcp", ["-c", codec, "-r", "1000000", from, to], { stdio: ["ignore", "ignore", "pipe"] });
    return onlyStrip(readFileSync(to));
  }

  it.each([
    ["g4", 196, (bitmap: Bitmap) => encodeG4(rowsOfBitmap(bitmap), bitmap.width)],
    ["g3:1d", 196, (bitmap: Bitmap) => encodeG3(rowsOfBitmap(bitmap), bitmap.width)],
    [
      "g3:1d:fill",
      98,
      (bitmap: Bitmap) => encodeG3(rowsOfBitmap(bitmap), bitmap.width, { byteAlignedEol: true }),
    ],
    ["g3:2d", 98, (bitmap: Bitmap) => encodeG3(rowsOfBitmap(bitmap), bitmap.width, { k: 2 })],
    ["g3:2d", 196, (bitmap: Bitmap) => encodeG3(rowsOfBitmap(bitmap), bitmap.width, { k: 4 })],
    [
      "g3:2d:fill",
      196,
      (bitmap: Bitmap) => encodeG3(rowsOfBitmap(bitmap), bitmap.width, { k: 4, byteAlignedEol: true }),
    ],
  ] as const)("writes %s at %i lines per inch byte for byte", async (codec, yDpi, encode) => {
    await fc.assert(
      fc.asyncProperty(bitmaps, async (bitmap) => {
        expect(Buffer.from(encode(bitmap)).equals(await libtiff(bitmap, codec, yDpi))).toBe(true);
      }),
      { numRuns: 25 },
    );
  });
});

function bits(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
}
