import { FaxError } from "@faxbot/core/transport";
import { CcittDecoder } from "./ccitt-decoder.ts";
import { paintRow } from "./paint-row.ts";
import { reverseBits } from "./reverse-bits.ts";
import type { TiffPage } from "./tiff-reader.ts";
import { unpack } from "./tiff-unpack.ts";
import type { TimeSlice } from "./time-slice.ts";

/** Some rows of a page, unpacked. */
export interface TiffBand {
  rows: number;
  /** Bytes from one row to the next; a row may have padding behind its pixels. */
  stride: number;
  /** `rows * stride` bytes. May be a view of the file: not to be changed. */
  data: Uint8Array;
  /** Rows at the end that the file does not have; they are white, as far as that is known. */
  missingRows: number;
}

const maxBandBytes = 64 << 20;
// About half a millisecond.
const fillBytes = 1 << 20;

/** Bytes of one row of a page whose samples are together. */
export function bytesPerRow(page: TiffPage, width = page.width): number {
  return Math.ceil((width * page.bitsPerSample * page.samplesPerPixel) / 8);
}

/**
 * Unpacks a page strip by strip, or one row of tiles after the other. Samples stay as they are coded: a predictor is
 * undone for tiles only.
 *
 * @param page with a byte compression (see `isUnpackable`), or Group 4 for a tiled bilevel page
 * @throws FaxError `document_too_large` when a strip or a row of tiles is too large to hold
 */
export async function* tiffBands(
  bytes: Uint8Array,
  page: TiffPage,
  slice: TimeSlice,
): AsyncGenerator<TiffBand> {
  const segments = page.segments();
  const read = async (index: number) => {
    const { offset, length } = segments[index] ?? { offset: 0, length: 0 };
    const data = bytes.subarray(offset, offset + length);
    return page.fillOrder === 2 ? reverseBits(data, slice) : data;
  };
  if (page.tile !== undefined) {
    yield* tileBands(page, page.tile, read, slice);
    return;
  }
  const stride = bytesPerRow(page);
  for (let top = 0, index = 0; top < page.height; top += page.rowsPerStrip, index += 1) {
    const rows = Math.min(page.rowsPerStrip, page.height - top);
    const packed = await read(index);
    if (page.compression === 1 && packed.length >= rows * stride) {
      yield { rows, stride, data: packed.subarray(0, rows * stride), missingRows: 0 };
      continue;
    }
    const data = await newBand(page, rows * stride, slice);
    const length = await unpack(page.compression, packed, data, slice);
    yield { rows, stride, data, missingRows: Math.floor((data.length - length) / stride) };
  }
}

async function newBand(page: TiffPage, size: number, slice: TimeSlice): Promise<Uint8Array> {
  if (size > maxBandBytes) throw new FaxError("document_too_large", "a strip of a page is too large");
  const band = new Uint8Array(size);
  // White, where zero is not: BlackIsZero and RGB.
  if (page.photometric === 1 || page.photometric === 2) await fill(band, 0xff, slice);
  return band;
}

async function fill(bytes: Uint8Array, value: number, slice: TimeSlice): Promise<void> {
  for (let at = 0; at < bytes.length; at += fillBytes) {
    if (slice.due()) await slice.pause();
    bytes.fill(value, at, at + fillBytes);
  }
}

async function* tileBands(
  page: TiffPage,
  tile: { width: number; height: number },
  read: (index: number) => Promise<Uint8Array>,
  slice: TimeSlice,
): AsyncGenerator<TiffBand> {
  const across = Math.ceil(page.width / tile.width);
  const tileStride = bytesPerRow(page, tile.width);
  const stride = tileStride * across;
  for (let top = 0, index = 0; top < page.height; top += tile.height) {
    const rows = Math.min(tile.height, page.height - top);
    const data = await newBand(page, rows * stride, slice);
    let missingRows = 0;
    for (let column = 0; column < across; column += 1, index += 1) {
      if (slice.due()) await slice.pause();
      const target = await newBand(page, tile.height * tileStride, slice);
      const rowsRead = await readTile(page, tile, await read(index), target, slice);
      missingRows = Math.max(missingRows, rows - rowsRead);
      for (let row = 0; row < rows; row += 1) {
        if ((row & 63) === 63 && slice.due()) await slice.pause();
        const from = row * tileStride;
        data.set(target.subarray(from, from + tileStride), row * stride + column * tileStride);
      }
    }
    yield { rows, stride, data, missingRows };
  }
}

/** Unpacks one tile and tells how many of its rows came. */
async function readTile(
  page: TiffPage,
  tile: { width: number; height: number },
  packed: Uint8Array,
  target: Uint8Array,
  slice: TimeSlice,
): Promise<number> {
  const stride = bytesPerRow(page, tile.width);
  if (page.compression === 4) {
    const decoder = new CcittDecoder(packed, { scheme: "g4" }, tile.width);
    // Painting adds black, so the tile starts white whatever its photometric interpretation.
    await fill(target, 0, slice);
    let rows = 0;
    while (rows < tile.height && decoder.nextRow()) {
      if ((rows & 63) === 63 && slice.due()) await slice.pause();
      paintRow(decoder.row, tile.width, target, rows * stride);
      rows += 1;
    }
    if (page.photometric === 1) await fill(target.subarray(rows * stride), 0xff, slice);
    return rows - decoder.badRows;
  }
  const length = await unpack(page.compression, packed, target, slice);
  const rows = Math.floor(length / stride);
  if (page.predictor === 2) await undoPredictor(page, target, rows, stride, slice);
  return rows;
}

/** TIFF 6.0, section 14, for samples of 8 bits. */
async function undoPredictor(
  page: TiffPage,
  data: Uint8Array,
  rows: number,
  stride: number,
  slice: TimeSlice,
): Promise<void> {
  const step = page.samplesPerPixel;
  for (let row = 0; row < rows; row += 1) {
    if ((row & 15) === 15 && slice.due()) await slice.pause();
    for (let at = row * stride + step; at < (row + 1) * stride; at += 1) {
      data[at] = (data[at] as number) + (data[at - step] as number);
    }
  }
}
