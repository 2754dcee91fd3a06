import { BitWriter } from "./bit-writer.ts";
import { type CcittCoding, CcittDecoder, type CcittGap } from "./ccitt-decoder.ts";
import { type ChangeList, closingEntries, encodeRow2D, whiteRow, writeEndOfBlock } from "./ccitt-encoder.ts";
import { type StitchStrip, stitchG4 } from "./ccitt-stitch.ts";
import { copyBytes } from "./copy-bytes.ts";
import { reverseBits } from "./reverse-bits.ts";
import type { TiffPage } from "./tiff-reader.ts";
import type { TimeSlice } from "./time-slice.ts";

/** What became of the data of a fax page. */
export type CcittMethod = "pass" | "concat" | "stitch" | "reencode" | "repair";

/** A fax page as it goes into a PDF. */
export interface CcittPage {
  method: CcittMethod;
  coding: CcittCoding;
  /** True when the data starts with an EOL. */
  hasEol: boolean;
  data: Uint8Array[];
  /** Rows that could not be decoded and repeat the row above. */
  badRows: number;
  maxConsecutiveBadRows: number;
  /** Rows without data, left white. */
  missingRows: number;
}

interface StripResult {
  expectedRows: number;
  rows: number;
  badRows: number;
  maxConsecutiveBadRows: number;
  irregularRows: number;
  gaps: CcittGap[];
  firstRow: ChangeList;
  firstRowEnd: number;
  lastRow: ChangeList;
  /** The bit after the last row. */
  end: number;
  /** The bits behind it. */
  leftOver: number;
}

/** Strips of one page, most significant bit first. */
interface Strips {
  data: Uint8Array[];
  width: number;
  height: number;
  rowsPerStrip: number;
}

// Stitching costs a little per strip; with more strips than this a full encode is faster.
const maxStitchedStrips = 150;
// What is decoded between two looks at the clock: changes at most, and bits, of which fill between rows has any number.
const batchChanges = 1 << 14;
const batchBits = 1 << 20;
// Bytes behind the last row that do not speak against a coding that was only guessed: an RTC and fill.
const tolerableRest = 16 * 8;

const maxJoinedRows = 200;
// Half a row more than the rows that are accounted for.
const leastLikelihood = 0.4;

/** True for the compressions that are T.4 or T.6: RLE, Group 3, Group 4 and RLE in words. */
export function isCcitt(compression: number): boolean {
  return compression === 2 || compression === 3 || compression === 4 || compression === 32_771;
}

/**
 * Brings the T.4 or T.6 data of a page in strips into one block for a PDF. Data that is whole is taken as it is: one
 * strip unchanged, T.4 strips end to end, T.6 strips stitched. Damaged data is decoded, repaired and coded as T.6.
 *
 * Data that does not fit its tags is tried in the other codings and with its bits in the other order, and taken for
 * what it is without a doubt.
 *
 * @param bytes the TIFF file
 * @param options `verify: false` takes a single strip without looking at it; `compact` codes T.4 as T.6 when that is
 * smaller
 */
export async function convertCcittPage(
  bytes: Uint8Array,
  page: TiffPage,
  options: { verify: boolean; compact: boolean },
  slice: TimeSlice,
): Promise<CcittPage> {
  const raw = page.segments().map(({ offset, length }) => bytes.subarray(offset, offset + length));
  const strips: Strips = {
    data: page.fillOrder === 2 ? await reverseAll(raw, slice) : raw,
    width: page.width,
    height: page.height,
    rowsPerStrip: page.rowsPerStrip,
  };
  const declared = declaredCodings(page, strips);
  const first = declared[0] as CcittCoding;
  const isSingle = strips.data.length === 1 && page.rowsPerStrip >= page.height;
  if (!options.verify && !options.compact && declared.length === 1 && isSingle && canPass(first)) {
    return { ...clean(strips, first), method: "pass", data: strips.data };
  }
  let best: { coding: CcittCoding; results: StripResult[] } | undefined;
  for (const coding of declared) {
    const results = await decodeStrips(strips, coding, slice);
    const isGuess = declared.length > 1;
    if (isWhole(results) && !(isGuess && hasRest(results))) {
      return wholePage(strips, coding, results, options.compact, slice);
    }
    if (best === undefined || loss(results) < loss(best.results)) best = { coding, results };
  }
  const { coding, results } = best as { coding: CcittCoding; results: StripResult[] };
  // Runs of no length are no sign of a wrong tag: every row could be decoded.
  if (loss(results) > 0) {
    const found = await otherCoding(strips, declared, slice);
    if (found !== undefined) {
      return wholePage(found.strips, found.coding, found.results, options.compact, slice);
    }
  }
  return reencode(strips, coding, results, loss(results) > 0 ? "repair" : "reencode", slice);
}

async function reverseAll(parts: readonly Uint8Array[], slice: TimeSlice): Promise<Uint8Array[]> {
  const reversed: Uint8Array[] = [];
  for (const part of parts) {
    reversed.push(await reverseBits(part, slice));
  }
  return reversed;
}

function declaredCodings(page: TiffPage, strips: Strips): CcittCoding[] {
  if (page.compression === 4) return [{ scheme: "g4" }];
  if (page.compression === 2) return [{ scheme: "rle", rowAlignment: 8 }];
  if (page.compression === 32_771) return [{ scheme: "rle", rowAlignment: 16 }];
  const g3: CcittCoding = { scheme: "g3", twoDimensional: (page.t4Options & 1) !== 0 };
  if (startsWithEol(strips.data[0])) return [g3];
  // Some programs leave the EOLs out, which T.4 does not allow but the data itself makes clear.
  return [{ scheme: "rle", rowAlignment: 1 }, { scheme: "rle", rowAlignment: 8 }, g3];
}

/** At least eleven zeros, then a one. */
function startsWithEol(data: Uint8Array | undefined): boolean {
  if (data === undefined || data.length < 2 || data[0] !== 0) return false;
  for (const byte of data.subarray(1, 1024)) {
    if (byte !== 0) return data[1] === 0 || byte < 0x20;
  }
  return false;
}

function canPass(coding: CcittCoding): boolean {
  // PDF has rows aligned to bytes but not to words.
  return coding.rowAlignment !== 16;
}

function clean(strips: Strips, coding: CcittCoding) {
  const hasEol = coding.scheme === "g3" && startsWithEol(strips.data[0]);
  return { coding, hasEol, badRows: 0, maxConsecutiveBadRows: 0, missingRows: 0 };
}

function isWhole(results: readonly StripResult[]): boolean {
  return results.every(
    (strip) => strip.rows === strip.expectedRows && strip.badRows === 0 && strip.irregularRows === 0,
  );
}

function hasRest(results: readonly StripResult[]): boolean {
  return results.some((strip) => strip.leftOver > tolerableRest);
}

/** Rows that are lost. */
function loss(results: readonly StripResult[]): number {
  return results.reduce((sum, strip) => sum + strip.badRows + strip.expectedRows - strip.rows, 0);
}

async function otherCoding(
  strips: Strips,
  declared: readonly CcittCoding[],
  slice: TimeSlice,
): Promise<{ strips: Strips; coding: CcittCoding; results: StripResult[] } | undefined> {
  const all: CcittCoding[] = [
    { scheme: "g4" },
    { scheme: "g3", twoDimensional: false },
    { scheme: "g3", twoDimensional: true },
    { scheme: "rle", rowAlignment: 1 },
    { scheme: "rle", rowAlignment: 8 },
  ];
  const reversed: Strips = { ...strips, data: await reverseAll(strips.data, slice) };
  for (const candidate of [strips, reversed]) {
    const codings =
      candidate === strips ? all.filter((coding) => !declared.some((other) => isSame(coding, other))) : all;
    for (const coding of codings) {
      const results = await decodeStrips(candidate, coding, slice, { stopAtDamage: true });
      if (isWhole(results) && !hasRest(results)) return { strips: candidate, coding, results };
    }
  }
  return undefined;
}

function isSame(a: CcittCoding, b: CcittCoding): boolean {
  return (
    a.scheme === b.scheme &&
    (a.twoDimensional ?? false) === (b.twoDimensional ?? false) &&
    (a.rowAlignment ?? 1) === (b.rowAlignment ?? 1)
  );
}

/** A page without damage. */
async function wholePage(
  strips: Strips,
  coding: CcittCoding,
  results: readonly StripResult[],
  compact: boolean,
  slice: TimeSlice,
): Promise<CcittPage> {
  if (!canPass(coding)) return reencode(strips, coding, results, "reencode", slice);
  if (compact && coding.scheme !== "g4") {
    const smaller = await reencode(strips, coding, results, "reencode", slice);
    if (size(smaller.data) < size(strips.data)) return smaller;
  }
  const page = clean(strips, coding);
  if (results.length === 1) return { ...page, method: "pass", data: strips.data };
  if (coding.scheme !== "g4") {
    return { ...page, method: "concat", data: concatenate(strips.data, results) };
  }
  if (results.length > maxStitchedStrips) return reencode(strips, coding, results, "reencode", slice);
  const parts: StitchStrip[] = results.map((result, index) => ({
    ...result,
    data: strips.data[index] as Uint8Array,
  }));
  return { ...page, method: "stitch", data: [stitchG4(parts, strips.width)] };
}

function size(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

/** The rows of T.4 strips end to end: what follows the last row of a strip, an RTC perhaps, is left out. */
function concatenate(data: readonly Uint8Array[], results: readonly StripResult[]): Uint8Array[] {
  return data.flatMap((strip, index) => {
    const end = (results[index] as StripResult).end;
    const whole = strip.subarray(0, end >>> 3);
    if ((end & 7) === 0) return [whole];
    // The bits after the row become fill in front of the next EOL.
    const last = (strip[end >>> 3] as number) & (0xff00 >>> (end & 7));
    return [whole, Uint8Array.of(last)];
  });
}

/**
 * Decodes all strips and codes the page as T.6; lost rows are copies of the row above, missing ones are white.
 *
 * @param known what decoding them has shown before
 */
async function reencode(
  strips: Strips,
  coding: CcittCoding,
  known: readonly StripResult[],
  method: CcittMethod,
  slice: TimeSlice,
): Promise<CcittPage> {
  const { width } = strips;
  const writer = new BitWriter(size(strips.data) + 1024);
  let above = whiteRow(width);
  const onRow = (row: ChangeList) => {
    const regular = withoutEmptyRuns(row, width);
    encodeRow2D(writer, above, regular, width);
    above = regular;
  };
  const rowsInGaps = known.map((strip) => rowsInGapsOf(strip));
  const results = await decodeStrips(strips, coding, slice, { rowsInGaps, onRow });
  writeEndOfBlock(writer);
  return {
    method,
    coding: { scheme: "g4" },
    hasEol: false,
    // A copy of its own size: the writer's buffer is as large as the damaged data was.
    data: [await copyBytes(writer.finishParts())],
    badRows: results.reduce((sum, strip) => sum + strip.badRows, 0),
    maxConsecutiveBadRows: results.reduce((most, strip) => Math.max(most, strip.maxConsecutiveBadRows), 0),
    missingRows: results.reduce((sum, strip) => sum + strip.expectedRows - strip.rows, 0),
  };
}

/**
 * Where the rows belong that a strip has too few. An EOL that is destroyed joins two rows, so that everything below
 * moves up by one: the rows go where the most data is between two EOLs.
 */
function rowsInGapsOf({ gaps, expectedRows, rows, end }: StripResult): Map<number, number> {
  const found = new Map<number, number>();
  // White rows take next to nothing, which would make one row of text look like many: the average is the least.
  const likelihoods = gaps.map((gap) => gap.bits / Math.max(gap.rowBits, end / rows) - gap.rows);
  for (let missing = Math.min(expectedRows - rows, maxJoinedRows); missing > 0; missing -= 1) {
    const best = likelihoods.reduce(
      (top, value, index) => (value > (likelihoods[top] ?? 0) ? index : top),
      -1,
    );
    if (best < 0 || (likelihoods[best] as number) < leastLikelihood) break;
    found.set(best, (found.get(best) ?? 0) + 1);
    likelihoods[best] = (likelihoods[best] as number) - 1;
  }
  return found;
}

/** The row itself, or a copy without the pairs of changes at one place. */
function withoutEmptyRuns(row: ChangeList, width: number): ChangeList {
  let count = 0;
  let isRegular = true;
  for (; (row[count] as number) < width; count += 1) {
    if (count > 0 && row[count] === row[count - 1]) isRegular = false;
  }
  if (isRegular) return row;
  const regular = new Int32Array(count + closingEntries).fill(width);
  let kept = 0;
  for (let i = 0; i < count; i += 1) {
    if (kept > 0 && regular[kept - 1] === row[i]) {
      kept -= 1;
      regular[kept] = width;
    } else {
      regular[kept] = row[i] as number;
      kept += 1;
    }
  }
  return regular;
}

interface DecodeOptions {
  /** Gives up at the first strip that is not whole. */
  stopAtDamage?: boolean;
  /** For each strip, rows that are lost besides those that its EOLs tell. */
  rowsInGaps?: readonly ReadonlyMap<number, number>[];
  /** Called for each of the page's rows, also for those that are missing. */
  onRow?: (row: ChangeList) => void;
}

/** Decodes all strips of a page. */
async function decodeStrips(
  strips: Strips,
  coding: CcittCoding,
  slice: TimeSlice,
  { stopAtDamage = false, rowsInGaps, onRow }: DecodeOptions = {},
): Promise<StripResult[]> {
  const { width, height, rowsPerStrip } = strips;
  const { length: count } = strips.data;
  const keepsRows = coding.scheme === "g4" && count > 1 && count <= maxStitchedStrips;
  const batch = Math.max(1, Math.floor(batchChanges / width));
  const results: StripResult[] = [];
  let decoder: CcittDecoder | undefined;
  for (let top = 0, index = 0; top < height; top += rowsPerStrip, index += 1) {
    const expectedRows = Math.min(rowsPerStrip, height - top);
    const data = strips.data[index] ?? new Uint8Array();
    decoder ??= new CcittDecoder(data, coding, width);
    decoder.restart(data, rowsInGaps?.[index]);
    let rows = 0;
    let firstRow = decoder.row;
    let firstRowEnd = 0;
    while (rows < expectedRows) {
      if (slice.due()) await slice.pause();
      const skipped = onRow || (keepsRows && rows === 0) ? 0 : decoder.skipRows(expectedRows - rows);
      rows += skipped;
      if (skipped > 0) continue;
      const target = Math.min(expectedRows, rows + (keepsRows && rows === 0 ? 1 : batch));
      const until = decoder.position + batchBits;
      let isOver = false;
      while (rows < target && decoder.position < until) {
        isOver = !decoder.nextRow();
        if (isOver) break;
        rows += 1;
        if (rows === 1 && keepsRows) {
          firstRow = copyOf(decoder);
          firstRowEnd = decoder.position;
        }
        onRow?.(decoder.row);
      }
      if (stopAtDamage && decoder.badRows > 0) break;
      if (isOver) break;
    }
    results.push({
      expectedRows,
      rows,
      badRows: decoder.badRows,
      maxConsecutiveBadRows: decoder.maxConsecutiveBadRows,
      irregularRows: decoder.irregularRows,
      gaps: decoder.gaps,
      firstRow,
      firstRowEnd,
      lastRow: keepsRows ? copyOf(decoder) : firstRow,
      end: decoder.position,
      leftOver: data.length * 8 - decoder.position,
    });
    if (stopAtDamage && (rows < expectedRows || decoder.badRows > 0)) break;
    if (onRow !== undefined && rows < expectedRows) {
      const white = whiteRow(width);
      for (let row = rows; row < expectedRows; row += 1) {
        if (row % 1024 === 0 && slice.due()) await slice.pause();
        onRow(white);
      }
    }
  }
  return results;
}

function copyOf(decoder: CcittDecoder): ChangeList {
  return decoder.row.slice(0, decoder.changeCount + closingEntries);
}
