import { BitWriter } from "./bit-writer.ts";
import {
  blackRunCodes,
  endOfLineCode,
  horizontalModeCode,
  longestMakeUpRun,
  passModeCode,
  verticalModeCodes,
  whiteRunCodes,
} from "./ccitt-tables.ts";

/**
 * One row of a bilevel picture as the pixel positions where the colour changes, ascending. A row starts white: entries
 * with an even index are changes from white to black, the others from black to white. The list is closed by at least
 * four entries equal to the width, so that the encoder and the decoder may look ahead without a bounds check.
 */
export type ChangeList = Int32Array;

/** A bilevel picture, one bit per pixel: 1 is black, the most significant bit is the leftmost pixel, rows start at a byte. */
export interface Bitmap {
  /** Pixels per row. */
  width: number;
  /** Rows. */
  height: number;
  /** `ceil(width / 8) * height` bytes. Bits to the right of the last pixel are ignored. */
  data: Uint8Array;
}

/** How {@link encodeG3} writes T.4 data. */
export interface G3Options {
  /**
   * The K parameter of T.4 4.2: one row in `k` is coded on its own and the rest against the row above. T.4 sets 2 for
   * standard (98 lines per inch) and 4 for fine resolution (196). Default: every row on its own (1-D, Modified Huffman).
   */
  k?: number;
  /** Puts zero bits before each EOL so that it ends on a byte boundary (bit 2 of the TIFF tag T4Options). Default: false. */
  byteAlignedEol?: boolean;
}

/** The entries that close a {@link ChangeList}. */
export const closingEntries = 4;

/** How many entries the {@link ChangeList} of a row of `width` pixels may need. */
export function changeListSize(width: number): number {
  return width + closingEntries;
}

/** The most bytes that one row can be coded in: no mode needs more than 7 bits per pixel; EOL, tag and fill come on top. */
function longestRowCode(width: number): number {
  return width + 32;
}

/** Writes one run as make-up codes and a terminating code (T.4 4.1.1). */
function writeRun(writer: BitWriter, run: number, codes: Uint32Array): void {
  let rest = run;
  while (rest >= longestMakeUpRun + 64) {
    writer.write(codes[63 + longestMakeUpRun / 64] as number);
    rest -= longestMakeUpRun;
  }
  if (rest >= 64) {
    writer.write(codes[63 + (rest >>> 6)] as number);
    rest &= 63;
  }
  writer.write(codes[rest] as number);
}

/** Writes one row on its own, without an EOL (T.4 4.1). */
export function encodeRow1D(writer: BitWriter, row: ChangeList, width: number): void {
  writer.reserve(longestRowCode(width));
  let start = 0;
  for (let index = 0; start < width; index++) {
    const end = row[index] as number;
    writeRun(writer, end - start, index & 1 ? blackRunCodes : whiteRunCodes);
    start = end;
  }
}

/**
 * Writes one row against the row above (T.4 4.2, T.6 2.2).
 *
 * @param reference the row above; the first row of a T.6 page has a white one. Without zero-length runs.
 */
export function encodeRow2D(writer: BitWriter, reference: ChangeList, row: ChangeList, width: number): void {
  writer.reserve(longestRowCode(width));
  // `next` is the index of a1 and its parity is the running colour; `above` is the index of b1, of the same parity.
  let a0 = 0;
  let next = 0;
  let above = 0;
  while (a0 < width) {
    const a1 = row[next] as number;
    const b1 = reference[above] as number;
    const b2 = reference[above + 1] as number;
    if (b2 < a1) {
      writer.write(passModeCode);
      a0 = b2;
      above += 2;
    } else {
      const distance = a1 - b1;
      if (distance >= -3 && distance <= 3) {
        writer.write(verticalModeCodes[distance + 3] as number);
        a0 = a1;
        next++;
        // The colour changes, and with it the parity: the change just before b1 may lie to the right of a0 after VL.
        above = above > 0 ? above - 1 : 1;
      } else {
        const a2 = row[next + 1] as number;
        writer.write(horizontalModeCode);
        writeRun(writer, a1 - a0, next & 1 ? blackRunCodes : whiteRunCodes);
        writeRun(writer, a2 - a1, next & 1 ? whiteRunCodes : blackRunCodes);
        a0 = a2;
        next += 2;
      }
    }
    while ((reference[above] as number) <= a0 && (reference[above] as number) < width) above += 2;
  }
}

/** Ends T.6 data: the end-of-facsimile-block, two EOL codes (T.6 2.4.1.1). */
export function writeEndOfBlock(writer: BitWriter): void {
  writer.reserve(4);
  writer.write(endOfLineCode);
  writer.write(endOfLineCode);
}

/** A row without a black pixel. */
export function whiteRow(width: number): ChangeList {
  return new Int32Array(closingEntries).fill(width);
}

/**
 * Encodes rows as T.6 (Group 4, MMR), with an EOFB at the end. Byte for byte what libtiff writes.
 *
 * @param rows the rows from the top; each is read before the next but one is asked for, so two lists may be reused in turn
 * @param width pixels per row
 * @returns a view of a larger buffer
 * @example
 * const strip = encodeG4(rowsOfBitmap(bitmap), bitmap.width);
 */
export function encodeG4(rows: Iterable<ChangeList>, width: number): Uint8Array {
  const writer = new BitWriter();
  let reference = whiteRow(width);
  for (const row of rows) {
    encodeRow2D(writer, reference, row, width);
    reference = row;
  }
  writeEndOfBlock(writer);
  return writer.finish();
}

/**
 * Encodes rows as T.4 (Group 3), 1-D (MH) or 2-D (MR): an EOL before each row and no RTC, which TIFF leaves out
 * (RFC 2301 section 3.4). Byte for byte what libtiff writes.
 *
 * @param rows the rows from the top; each is read before the next but one is asked for, so two lists may be reused in turn
 * @param width pixels per row
 * @returns a view of a larger buffer
 */
export function encodeG3(rows: Iterable<ChangeList>, width: number, options: G3Options = {}): Uint8Array {
  const { k = 0, byteAlignedEol = false } = options;
  const writer = new BitWriter();
  let reference: ChangeList | undefined;
  let rowsTo1D = 0;
  for (const row of rows) {
    writer.reserve(4);
    if (byteAlignedEol) writer.writeBits(0, (12 - (writer.bitLength & 7)) & 7);
    writer.write(endOfLineCode);
    if (k <= 1 || reference === undefined || rowsTo1D === 0) {
      if (k > 1) writer.writeBits(1, 1);
      encodeRow1D(writer, row, width);
      rowsTo1D = k;
    } else {
      writer.writeBits(0, 1);
      encodeRow2D(writer, reference, row, width);
    }
    rowsTo1D--;
    reference = row;
  }
  return writer.finish();
}

/**
 * Finds the colour changes of one row of a bitmap.
 *
 * @param data the bitmap's bytes
 * @param offset where the row starts in `data`, in bytes
 * @param width pixels in the row
 * @param list where to put them; at least {@link changeListSize} entries
 * @returns the number of changes before the closing entries
 */
export function findChanges(data: Uint8Array, offset: number, width: number, list: ChangeList): number {
  let count = 0;
  let previous = 0;
  const end = offset + ((width + 7) >>> 3);
  for (let at = offset, x = 0; at < end; at += 4, x += 32) {
    // Bytes past the row give changes past the width, which are cut off below; past the array they read as 0.
    const word =
      ((data[at] as number) << 24) |
      ((data[at + 1] as number) << 16) |
      ((data[at + 2] as number) << 8) |
      (data[at + 3] as number);
    if (word === previous) continue; // 32 more pixels of the running colour: previous is all ones or all zeros
    // A one in `changes` is a pixel that differs from the pixel to its left.
    let changes = word ^ ((word >>> 1) | (previous << 31));
    while (changes !== 0) {
      const bit = Math.clz32(changes);
      list[count++] = x + bit;
      changes ^= 0x80000000 >>> bit;
    }
    previous = word & 1 ? -1 : 0;
  }
  while (count > 0 && (list[count - 1] as number) >= width) count--;
  list.fill(width, count, count + closingEntries);
  return count;
}

/**
 * The rows of a bitmap as change lists. Two lists are reused in turn: a row is valid until the next but one is taken.
 */
export function* rowsOfBitmap(bitmap: Bitmap): Generator<ChangeList> {
  const { width, height, data } = bitmap;
  const stride = (width + 7) >>> 3;
  // One word may hold 31 changes past the width before they are cut off.
  const lists = [
    new Int32Array(changeListSize(width) + 32),
    new Int32Array(changeListSize(width) + 32),
  ] as const;
  for (let y = 0; y < height; y++) {
    const list = lists[y & 1 ? 1 : 0];
    findChanges(data, y * stride, width, list);
    yield list;
  }
}
