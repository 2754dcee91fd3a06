import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BitWriter } from "../src/bit-writer.ts";
import { type CcittCoding, CcittDecoder } from "../src/ccitt-decoder.ts";
import { type Bitmap, encodeG3, encodeG4, encodeRow1D, rowsOfBitmap } from "../src/ccitt-encoder.ts";
import { blackRunCodes, endOfLineCode, whiteRunCodes } from "../src/ccitt-tables.ts";
import { paintRow } from "../src/paint-row.ts";
import { reverseBits } from "../src/reverse-bits.ts";
import { TimeSlice } from "../src/time-slice.ts";
import { fixtureBytes } from "./fixture.ts";
import { onlyStrip } from "./only-strip.ts";

/** Pictures with long runs, noise, and rows that resemble the row above: what the modes are made for. */
const bitmaps: fc.Arbitrary<Bitmap> = fc
  .record({
    width: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(1728, 2432, 2623, 5200)),
    height: fc.integer({ min: 1, max: 12 }),
    seed: fc.integer({ min: 1, max: 0x7fffffff }),
    density: fc.constantFrom(0, 1, 3, 20, 200),
    likeness: fc.constantFrom(0, 0.5, 0.95),
  })
  .map(({ width, height, seed, density, likeness }) => {
    let state = seed;
    const random = () => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return state / 0x7fffffff;
    };
    const stride = (width + 7) >>> 3;
    const data = new Uint8Array(stride * height);
    for (let y = 0; y < height; y += 1) {
      let black = random() < 0.3;
      for (let x = 0; x < width; x += 1) {
        if (random() < density / 200) black = !black;
        const above = y > 0 && ((data[(y - 1) * stride + (x >>> 3)] as number) >>> (7 - (x & 7))) & 1;
        const pixel = random() < likeness ? above : black ? 1 : 0;
        if (pixel)
          data[y * stride + (x >>> 3)] = (data[y * stride + (x >>> 3)] as number) | (0x80 >>> (x & 7));
      }
    }
    return { width, height, data };
  });

function encodeRle(bitmap: Bitmap, alignment: 1 | 8 | 16): Uint8Array {
  const writer = new BitWriter();
  for (const row of rowsOfBitmap(bitmap)) {
    const skew = writer.bitLength % alignment;
    if (skew > 0) writer.writeBits(0, alignment - skew);
    encodeRow1D(writer, row, bitmap.width);
  }
  return writer.finish();
}

function decode(data: Uint8Array, coding: CcittCoding, { width, height }: Bitmap) {
  const decoder = new CcittDecoder(data, coding, width);
  const stride = (width + 7) >>> 3;
  const bitmap = new Uint8Array(stride * height);
  let rows = 0;
  while (rows < height && decoder.nextRow()) {
    paintRow(decoder.row, width, bitmap, rows * stride);
    rows += 1;
  }
  return { bitmap, rows, decoder };
}

/** Decodes the same data with and without skipping, and compares all there is to see after each step. */
function expectSameRows(quick: CcittDecoder, slow: CcittDecoder, height: number, step: number): void {
  let rows = 0;
  for (let goesOn = true; goesOn && rows < height; ) {
    const skipped = quick.skipRows(step);
    goesOn = skipped > 0 || quick.nextRow();
    for (let i = 0; i < Math.max(1, skipped); i += 1) expect(slow.nextRow()).toBe(goesOn);
    rows += Math.max(1, skipped);
    const [one, other] = [quick, slow].map((decoder) => ({
      position: decoder.position,
      row: decoder.row.slice(0, decoder.changeCount + 4).join(),
      bad: decoder.badRows,
      irregular: decoder.irregularRows,
    }));
    expect(one).toEqual(other);
  }
}

const codings: [string, CcittCoding, (bitmap: Bitmap) => Uint8Array][] = [
  ["G4", { scheme: "g4" }, (bitmap) => encodeG4(rowsOfBitmap(bitmap), bitmap.width)],
  ["G3 1-D", { scheme: "g3" }, (bitmap) => encodeG3(rowsOfBitmap(bitmap), bitmap.width)],
  [
    "G3 1-D with aligned EOLs",
    { scheme: "g3" },
    (bitmap) => encodeG3(rowsOfBitmap(bitmap), bitmap.width, { byteAlignedEol: true }),
  ],
  [
    "G3 2-D, K = 4",
    { scheme: "g3", twoDimensional: true },
    (bitmap) => encodeG3(rowsOfBitmap(bitmap), bitmap.width, { k: 4 }),
  ],
  [
    "G3 2-D, K = 2, with aligned EOLs",
    { scheme: "g3", twoDimensional: true },
    (bitmap) => encodeG3(rowsOfBitmap(bitmap), bitmap.width, { k: 2, byteAlignedEol: true }),
  ],
  ["RLE without alignment", { scheme: "rle" }, (bitmap) => encodeRle(bitmap, 1)],
  ["RLE in bytes", { scheme: "rle", rowAlignment: 8 }, (bitmap) => encodeRle(bitmap, 8)],
  ["RLE in words", { scheme: "rle", rowAlignment: 16 }, (bitmap) => encodeRle(bitmap, 16)],
];

describe("CcittDecoder", () => {
  it.each(codings)("gives back what was encoded as %s", (_, coding, encode) => {
    fc.assert(
      fc.property(bitmaps, (bitmap) => {
        const { bitmap: decoded, rows, decoder } = decode(encode(bitmap), coding, bitmap);
        expect({ rows, bad: decoder.badRows, irregular: decoder.irregularRows }).toEqual({
          rows: bitmap.height,
          bad: 0,
          irregular: 0,
        });
        expect(Buffer.compare(decoded, bitmap.data)).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  it.each(codings)("comes to an end on any bytes as %s, and its rows stay in order", (_, coding) => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom(1, 7, 64, 1728),
        fc.constantFrom(0x00, 0xff),
        (noise, width, mask) => {
          // Zeros make EOLs and fill, ones make vertical modes.
          const data = noise.map((byte, index) => (index % 3 === 0 ? byte : byte & mask));
          const decoder = new CcittDecoder(data, coding, width);
          let rows = 0;
          while (rows < 5000 && decoder.nextRow()) {
            rows += 1;
            const row = decoder.row;
            let previous = 0;
            for (let i = 0; (row[i] as number) < width; i += 1) {
              expect(row[i]).toBeGreaterThanOrEqual(previous);
              previous = row[i] as number;
            }
          }
          // Every row takes a bit at least.
          expect(rows).toBeLessThanOrEqual(data.length * 8 + 1);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("comes to the same by skipping rows, whole and damaged", () => {
    fc.assert(
      fc.property(
        bitmaps,
        fc.array(fc.nat(), { maxLength: 2 }),
        fc.integer({ min: 1, max: 5 }),
        (bitmap, hits, step) => {
          const data = encodeG4(rowsOfBitmap(bitmap), bitmap.width);
          for (const hit of hits)
            data[hit % data.length] = (data[hit % data.length] as number) ^ (1 << (hit % 8));
          const [quick, slow] = [0, 1].map(() => new CcittDecoder(data, { scheme: "g4" }, bitmap.width));
          expectSameRows(quick as CcittDecoder, slow as CcittDecoder, bitmap.height + 2, step);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("comes to the same by skipping rows of any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(1, 7, 64, 1728), (data, width) => {
        const [quick, slow] = [0, 1].map(() => new CcittDecoder(data, { scheme: "g4" }, width));
        expectSameRows(quick as CcittDecoder, slow as CcittDecoder, 3000, 3000);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([15_999, 16_000, 16_001])("comes to the same by skipping rows with %d changes", (width) => {
    const bitmap = { width, height: 6, data: new Uint8Array(Math.ceil(width / 8) * 6).fill(0xaa) };
    const data = encodeG4(rowsOfBitmap(bitmap), width);
    const [quick, slow] = [0, 1].map(() => new CcittDecoder(data, { scheme: "g4" }, width));
    expectSameRows(quick as CcittDecoder, slow as CcittDecoder, 8, 100);
    expect((quick as CcittDecoder).changeCount).toBe(width);
  });

  it("comes to the same by skipping rows of data that ends anywhere", () => {
    const width = 40;
    const bitmap = {
      width,
      height: 6,
      data: Uint8Array.from({ length: 30 }, (_, at) => (at * 37) ^ (at >> 1)),
    };
    const whole = encodeG4(rowsOfBitmap(bitmap), width);
    for (let bits = 0; bits < whole.length * 8; bits += 1) {
      const data = whole.slice(0, (bits >>> 3) + 1);
      data[bits >>> 3] = (data[bits >>> 3] as number) & (0xff00 >>> ((bits & 7) + 1));
      const [quick, slow] = [0, 1].map(() => new CcittDecoder(data, { scheme: "g4" }, width));
      expectSameRows(quick as CcittDecoder, slow as CcittDecoder, 60, 60);
    }
  });

  it("skips nearly all rows of a page of text", () => {
    const height = 1500;
    const decoder = new CcittDecoder(onlyStrip(fixtureBytes("g4-fine-3p.tif")), { scheme: "g4" }, 1728);
    let rows = 0;
    let calls = 0;
    for (let skipped = 1; skipped > 0; calls += 1) {
      skipped = decoder.skipRows(height - rows);
      rows += skipped;
    }
    expect({ rows, irregular: decoder.irregularRows }).toEqual({ rows: height, irregular: 0 });
    expect(calls).toBeLessThan(10);
  });

  it("stops at a return to control and at an end of block", () => {
    const writer = new BitWriter();
    writer.reserve(100);
    for (let i = 0; i < 6; i += 1) writer.writeBits(1, 12);
    expect(new CcittDecoder(writer.finish(), { scheme: "g3" }, 1728).nextRow()).toBe(false);
    const empty = encodeG4([], 1728);
    expect(new CcittDecoder(empty, { scheme: "g4" }, 1728).nextRow()).toBe(false);
  });

  it("repeats the row above for a damaged T.4 row and goes on", () => {
    const bitmap: Bitmap = { width: 64, height: 5, data: new Uint8Array(40) };
    for (let row = 0; row < 5; row += 1) bitmap.data.fill(1 << row, row * 8, row * 8 + 4);
    const data = encodeG3(rowsOfBitmap(bitmap), 64, { byteAlignedEol: true });
    // Bytes of the third row become ones, which are no codes of this length.
    const eols = [...data.keys()].filter((at) => data[at] === 1 && ((data[at - 1] as number) & 15) === 0);
    data.fill(0, (eols[2] as number) + 2, (eols[2] as number) + 3);
    const { bitmap: decoded, rows, decoder } = decode(data, { scheme: "g3" }, bitmap);
    expect([rows, decoder.badRows, decoder.maxConsecutiveBadRows]).toEqual([5, 1, 1]);
    const expected = bitmap.data.slice();
    expected.copyWithin(16, 8, 16);
    expect(Buffer.compare(decoded, expected)).toBe(0);
  });

  /** Rows that differ from one another, so that a shift shows. */
  const stairs: Bitmap = { width: 64, height: 24, data: new Uint8Array(8 * 24) };
  for (let row = 0; row < 24; row += 1) {
    for (let at = 0; at < 8; at += 1) stairs.data[row * 8 + at] = (0xf0 >> (row % 5)) ^ (at * row);
  }
  const aligned = () => encodeG3(rowsOfBitmap(stairs), 64, { byteAlignedEol: true });
  const eolsOf = (data: Uint8Array) =>
    [...data.keys()].filter((at) => data[at] === 1 && ((data[at - 1] as number) & 15) === 0);

  it("loses no row when only an EOL is damaged", () => {
    const data = aligned();
    const eol = eolsOf(data)[7] as number;
    data[eol - 1] = (data[eol - 1] as number) | 4;
    const { bitmap, rows, decoder } = decode(data, { scheme: "g3" }, stairs);
    expect([rows, decoder.badRows, decoder.irregularRows]).toEqual([24, 0, 1]);
    expect(Buffer.compare(bitmap, stairs.data)).toBe(0);
  });

  it("does not take the row before for whole when its codes fill it too early", () => {
    const writer = new BitWriter();
    writer.reserve(1000);
    for (const row of rowsOfBitmap({ width: 64, height: 3, data: new Uint8Array(24).fill(0xf0) })) {
      writer.write(endOfLineCode);
      encodeRow1D(writer, row, 64);
    }
    // A third row that is full after one code, with the rest of it behind.
    writer.write(endOfLineCode);
    writer.write(whiteRunCodes[63 + 1] as number);
    writer.write(whiteRunCodes[0] as number);
    writer.write(blackRunCodes[5] as number);
    writer.write(whiteRunCodes[7] as number);
    writer.write(endOfLineCode);
    encodeRow1D(writer, new Int32Array([64, 64, 64, 64]), 64);
    const bitmap = { width: 64, height: 5, data: new Uint8Array(40) };
    const { bitmap: decoded, rows, decoder } = decode(writer.finish(), { scheme: "g3" }, bitmap);
    expect([rows, decoder.badRows]).toEqual([5, 1]);
    expect([...decoded]).toEqual([...new Uint8Array(32).fill(0xf0), ...new Uint8Array(8)]);
  });

  it("counts each row that is lost with the row it is coded against, however many", () => {
    const lost = 700;
    const writer = new BitWriter();
    writer.reserve(10_000);
    const add = (isOnItsOwn: boolean, bits: string) => {
      writer.write(endOfLineCode);
      writer.writeBits(isOnItsOwn ? 1 : 0, 1);
      for (const bit of bits) writer.writeBits(Number(bit), 1);
    };
    // White rows: 64 pixels as a make-up code and a run of no length, or as V0.
    const white = "1101100110101";
    add(true, white);
    add(true, "000000010");
    for (let row = 0; row < lost; row += 1) add(false, "1");
    add(true, white);
    const data = writer.finish().slice();
    const decoder = new CcittDecoder(data, { scheme: "g3", twoDimensional: true }, 64);
    let rows = 0;
    while (decoder.nextRow()) rows += 1;
    expect([rows, decoder.badRows, decoder.maxConsecutiveBadRows]).toEqual([lost + 3, lost + 1, lost + 1]);
    expect(decoder.gaps.map((gap) => gap.rows)).toEqual([lost + 1]);
  });

  it("passes over runs of no length at the end of a row", () => {
    const writer = new BitWriter();
    writer.reserve(1000);
    for (const row of rowsOfBitmap(stairs)) {
      writer.write(endOfLineCode);
      encodeRow1D(writer, row, 64);
      writer.write(blackRunCodes[0] as number);
    }
    const { bitmap, rows, decoder } = decode(writer.finish(), { scheme: "g3" }, stairs);
    expect([rows, decoder.badRows, decoder.irregularRows]).toEqual([24, 0, 24]);
    expect(Buffer.compare(bitmap, stairs.data)).toBe(0);
  });
});

describe("reverseBits", () => {
  it("reverses each byte wherever it lies, and twice gives the same", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 50 }), fc.nat(3), async (bytes, skip) => {
        const slice = new TimeSlice();
        const part = bytes.subarray(Math.min(skip, bytes.length));
        const expected = part.map((byte) =>
          Number.parseInt(byte.toString(2).padStart(8, "0").split("").reverse().join(""), 2),
        );
        const reversed = await reverseBits(part, slice);
        expect(reversed).toEqual(expected);
        expect(await reverseBits(reversed, slice)).toEqual(part);
      }),
    );
  });
});
