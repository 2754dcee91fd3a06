import { type ChangeList, closingEntries, whiteRow } from "./ccitt-encoder.ts";
import { skipRegularRows } from "./ccitt-regular-rows.ts";
import {
  blackRunCodes,
  blackRunDecodeTable,
  modeSequenceBits,
  modeSequenceTable,
  passMode,
  runCodeBits,
  verticalModesLength,
  whiteRunCodes,
  whiteRunDecodeTable,
} from "./ccitt-tables.ts";

/** How rows are coded. */
export interface CcittCoding {
  /** `g4` T.6; `g3` T.4 with an EOL before each row; `rle` T.4 one-dimensional rows without EOLs. */
  scheme: "g4" | "g3" | "rle";
  /** For `g3`: a tag bit after each EOL tells one-dimensional from two-dimensional rows. */
  twoDimensional?: boolean;
  /** For `rle`: rows start at a multiple of this many bits. Default 1. */
  rowAlignment?: 1 | 8 | 16;
}

/** How far the decoder looks past the end of the data, in bytes. What stands there does not matter. */
const lookAheadBytes = 8;

/** A place in T.4 data where rows are lost. */
export interface CcittGap {
  /** The bits from the start of the first row that is lost to the next EOL that is of use. */
  bits: number;
  /** The bits that the rows before it took, on average. */
  rowBits: number;
  /** The rows that EOLs tell are lost. There are more when an EOL is destroyed. */
  rows: number;
}

/** How one row came out. */
type RowResult = "row" | "damaged" | "end";

const runIndexShift = 32 - runCodeBits;
const modeIndexShift = 32 - modeSequenceBits;
/** Entries of the run tables from here on are make-up codes. */
const firstMakeUpEntry = 64 << 4;
const endOfLineBits = 12;
/** The bits that are always valid after a look-ahead that starts inside a byte. */
const lookAheadBits = 25;
/** How far an EOL is searched; no row is longer. Bounds the time that one row takes. */
const searchBits = 1 << 23;
/** How much fill is looked for behind an EOL that is destroyed. */
const maxFillBits = 24;
/** A two-dimensional row of fewer bits proves nothing. */
const leastRowBits = 24;
/** White and black runs of no length. */
const emptyRuns = [whiteRunCodes, blackRunCodes].map(([code = 0]) => ({
  code: code >>> 4,
  length: code & 15,
}));
const maxGaps = 1000;
/** Up to this width a damaged EOL is looked for by decoding from each place it may end at, 48 times at most. */
const widestTrial = 8192;
/** The most rows that are skipped in one step, and after how many bits no further one is. */
const maxRepeats = 256;
const seekBits = 1 << 20;

/**
 * Decodes T.4 and T.6 data row by row to the positions where the colour changes; nothing is painted.
 *
 * A damaged T.4 row becomes a copy of the row above, and decoding goes on at the next EOL, as a fax machine does. T.6
 * data cannot be picked up again after damage, so it ends there.
 *
 * @example
 * const decoder = new CcittDecoder(strip, { scheme: "g4" }, 1728);
 * while (rows < height && decoder.nextRow()) paintRow(decoder.row, 1728, bitmap, rows++ * 216);
 */
export class CcittDecoder {
  readonly #width: number;
  readonly #coding: Required<CcittCoding>;
  /** Two lists that rows are decoded to in turn. */
  readonly #even: ChangeList;
  readonly #odd: ChangeList;
  readonly #white: ChangeList;
  #data: Uint8Array;
  #view: DataView;
  /** The end of the data in bits. */
  #end: number;
  /** The row that is being decoded, and the row above it. */
  #current: ChangeList;
  #reference: ChangeList;
  #count = 0;
  #currentCount = 0;
  /** Rows that are lost and still to be handed out as copies. */
  #repeats = 0;
  /** True while the EOL that a row can be decoded from is not found yet. */
  #isSeeking = false;
  #consecutive = 0;
  #ended = false;
  /** Where the search for an EOL began, and the rows that it has cost. */
  #seekStart = 0;
  #seekRows = 0;
  /** The bits that the last rows took, on average. */
  #rowBits = 0;
  #rowsInGap: ReadonlyMap<number, number> = new Map();
  /** Where a row starts whose EOL is destroyed, and whether it is coded on its own. A first row needs no EOL. */
  #startsAt = 0;
  #startsTagged = true;
  /** For rows that are decoded only to see whether they can be. */
  #trial: ChangeList | undefined;
  /** The next bit to read. */
  position = 0;
  /** Rows that could not be decoded and are a copy of the row above. */
  badRows = 0;
  /** The longest sequence of such rows. */
  maxConsecutiveBadRows = 0;
  /** Where rows are lost in T.4 data, in order; the first thousand of them. */
  gaps: CcittGap[] = [];
  /** Rows that can be decoded but that readers disagree on: with a run of no length inside, or after a doubled EOL. */
  irregularRows = 0;

  /**
   * @param data most significant bit first. It is copied only when it ends where its buffer ends: leaving a few bytes
   * behind it saves that
   * @param width pixels per row
   */
  constructor(data: Uint8Array, coding: CcittCoding, width: number) {
    this.#width = width;
    this.#coding = { twoDimensional: false, rowAlignment: 1, ...coding };
    // Runs of no length can make a list longer than the row is wide; past this it is damage.
    const size = width + 64 + closingEntries;
    this.#even = new Int32Array(size);
    this.#odd = new Int32Array(size);
    this.#white = whiteRow(width);
    this.#current = this.#even;
    this.#reference = this.#white;
    this.#data = data;
    this.#view = withLookAhead(data);
    this.#end = data.length * 8;
  }

  /**
   * Starts anew with other data of the same coding and width, the next strip of a page. The row above is white, all
   * counts are zero, and {@link row} stays valid until the call after the next.
   *
   * @param rowsInGap rows that are lost besides those that EOLs tell, by the index of their gap in {@link gaps}; known
   * from decoding the same data before
   */
  restart(data: Uint8Array, rowsInGap: ReadonlyMap<number, number> = new Map()): void {
    this.#rowsInGap = rowsInGap;
    this.gaps = [];
    this.#rowBits = 0;
    this.#data = data;
    this.#view = withLookAhead(data);
    this.#end = data.length * 8;
    this.#reference = this.#white;
    this.#count = 0;
    this.#repeats = 0;
    this.#isSeeking = false;
    this.#consecutive = 0;
    this.#ended = false;
    this.#startsAt = 0;
    this.#startsTagged = true;
    this.position = 0;
    this.badRows = 0;
    this.maxConsecutiveBadRows = 0;
    this.irregularRows = 0;
  }

  /** The row that {@link nextRow} gave, white before the first. Valid until the call after the next. */
  get row(): ChangeList {
    return this.#reference;
  }

  /** How many entries of {@link row} come before the closing ones. */
  get changeCount(): number {
    return this.#count;
  }

  /** Decodes one more row; false when there is no more data. */
  nextRow(): boolean {
    if (this.#repeats > 0) {
      this.#repeats -= 1;
      this.#countBadRow();
      return true;
    }
    if (this.#ended) return false;
    if (this.#isSeeking) return this.#resynchronise(this.position);
    if (this.#coding.scheme === "g3") return this.#nextG3Row();
    if (this.#coding.scheme === "g4") return this.#acceptOrEnd(this.#decode2D());
    const { rowAlignment } = this.#coding;
    this.position = Math.ceil(this.position / rowAlignment) * rowAlignment;
    return this.#acceptOrEnd(this.#decode1D());
  }

  /**
   * Decodes many rows that are not wanted one by one, which is much quicker. Of T.6 data only, and only as long as there is
   * nothing unusual about them.
   *
   * @param most how many rows to decode at most
   * @returns how many it were; 0 when the next row needs {@link nextRow}
   */
  skipRows(most: number): number {
    if (this.#coding.scheme !== "g4" || this.#ended || this.irregularRows > 0) return 0;
    const skipped = skipRegularRows(
      this.#data,
      this.position,
      this.#width,
      this.#reference,
      this.#count,
      this.#current,
      most,
    );
    if (skipped === undefined) return 0;
    this.#finishRow(skipped.position, skipped.count, false);
    this.#accept();
    return skipped.rows;
  }

  #acceptOrEnd(result: RowResult): boolean {
    if (result === "row") return this.#accept();
    this.#ended = true;
    if (result === "damaged") this.#countBadRow();
    return result === "damaged";
  }

  #nextG3Row(): boolean {
    const { twoDimensional } = this.#coding;
    let tagged = false;
    let eols = 0;
    while (eols < 3) {
      const next = this.#eolAt(this.position);
      if (next === undefined) break;
      eols += 1;
      this.position = next;
      if (twoDimensional) {
        tagged = this.#bitAt(next);
        this.position += 1;
      }
    }
    // Three EOLs are a return to control; after fewer, only fill up to the end of the data means the same.
    if (eols === 3 || this.#nextOne(this.position) === undefined) {
      this.#ended = true;
      return false;
    }
    if (eols === 0 && this.position > 0 && this.#startsAt !== this.position) {
      return this.#resynchronise(this.position);
    }
    if (eols === 2) this.irregularRows += 1;
    const start = this.position;
    const oneDimensional = eols === 0 ? this.#startsTagged : !twoDimensional || tagged;
    const result = oneDimensional ? this.#decode1D() : this.#decode2D();
    if (result === "row" && (this.#isRowEnd() || this.#findNextStart())) {
      this.#rowBits += (this.position - start - this.#rowBits) / 4;
      return this.#accept();
    }
    // No code holds eleven zeros, so the first EOL after the start of the row is where the next one starts.
    return this.#resynchronise(start);
  }

  /** True when the row that was just decoded is followed by what may follow a row: an EOL, or nothing. */
  #isRowEnd(): boolean {
    for (let runs = 0; ; runs += 1) {
      const one = this.#nextOne(this.position);
      if (one === undefined || one - this.position >= endOfLineBits - 1) return true;
      if (runs === 2) return false;
      // Some machines end rows with runs of no length.
      const bits = this.#peek(this.position);
      const empty = emptyRuns.find(({ code, length }) => bits >>> (32 - length) === code);
      if (empty === undefined) return false;
      this.position += empty.length;
      this.irregularRows += 1;
    }
  }

  /**
   * After a row without an EOL behind it: either its codes are damaged and fill it too early, or the EOL is damaged. If
   * from a place where the next row may start a row can be decoded that ends with an EOL, it is the EOL.
   */
  #findNextStart(): boolean {
    if (this.#width > widestTrial) return false;
    const end = this.position;
    const { twoDimensional } = this.#coding;
    const row = this.#current;
    const above = this.#reference;
    const irregular = this.irregularRows;
    this.#trial ??= new Int32Array(row.length);
    this.#current = this.#trial;
    this.#reference = row;
    let found = false;
    const first = end + endOfLineBits + (twoDimensional ? 1 : 0);
    for (let start = first; start < first + maxFillBits && !found; start += 1) {
      for (const tagged of twoDimensional ? [true, false] : [true]) {
        this.position = start;
        const result = tagged ? this.#decode1D() : this.#decode2D();
        if (result !== "row" || this.#eolAt(this.position) === undefined) continue;
        // The end of almost anything is a row of a few vertical modes.
        if (!tagged && this.position - start < leastRowBits) continue;
        found = true;
        this.#startsAt = start;
        this.#startsTagged = tagged;
        break;
      }
    }
    this.#current = row;
    this.#reference = above;
    this.irregularRows = irregular + (found ? 1 : 0);
    this.position = found ? this.#startsAt : end;
    return found;
  }

  /** Hands out a copy for the row that is lost and goes on at an EOL from which a row can be decoded. */
  #resynchronise(from: number): boolean {
    this.#countBadRow();
    if (!this.#isSeeking) {
      this.#isSeeking = true;
      this.#seekStart = from;
      this.#seekRows = 1;
    }
    this.position = from;
    while (this.#isSeeking) {
      const eol = this.#findEol(this.position);
      if (eol === undefined) {
        this.#ended = true;
        return true;
      }
      if (!this.#coding.twoDimensional || this.#bitAt(eol)) {
        this.position = eol - endOfLineBits;
        this.#isSeeking = false;
      } else {
        // A row that is coded against a lost row is lost too.
        this.position = eol;
        this.#seekRows += 1;
        // So that one call never takes long; the next one hands out this row and goes on.
        if (this.#repeats === maxRepeats || eol - from > seekBits) return true;
        this.#repeats += 1;
      }
    }
    if (this.gaps.length === maxGaps) return true;
    const bits = this.position - this.#seekStart;
    this.#repeats += this.#rowsInGap.get(this.gaps.length) ?? 0;
    this.gaps.push({ bits, rowBits: this.#rowBits, rows: this.#seekRows });
    return true;
  }

  #accept(): boolean {
    const row = this.#current;
    this.#current = row === this.#even ? this.#odd : this.#even;
    this.#reference = row;
    this.#count = this.#currentCount;
    this.#consecutive = 0;
    return true;
  }

  #countBadRow(): void {
    this.badRows += 1;
    this.#consecutive += 1;
    this.maxConsecutiveBadRows = Math.max(this.maxConsecutiveBadRows, this.#consecutive);
  }

  #peek(position: number): number {
    return this.#view.getInt32(position >>> 3) << (position & 7);
  }

  #bitAt(position: number): boolean {
    return position < this.#end && this.#peek(position) < 0;
  }

  /** The position after the EOL that starts here, with its fill. */
  #eolAt(position: number): number | undefined {
    const one = this.#nextOne(position);
    return one !== undefined && one - position >= endOfLineBits - 1 ? one + 1 : undefined;
  }

  /** The position after the next EOL. */
  #findEol(position: number): number | undefined {
    const view = this.#view;
    const last = Math.min(this.#end, position + searchBits) >>> 3;
    // Zeros at the end of what was seen; bits in front of the position count as ones.
    let zeros = 0;
    let before = 0xff00 >>> (position & 7);
    for (let at = position >>> 3; at <= last; at += 1) {
      const byte = (view.getUint8(at) | before) & 0xff;
      before = 0;
      if (byte === 0) {
        zeros += 8;
        continue;
      }
      const leading = Math.clz32(byte) - 24;
      if (zeros + leading >= endOfLineBits - 1) {
        const eol = at * 8 + leading + 1;
        return eol <= this.#end ? eol : undefined;
      }
      zeros = 31 - Math.clz32(byte & -byte);
    }
    return undefined;
  }

  /** The position of the next bit that is one. */
  #nextOne(position: number): number | undefined {
    const end = Math.min(this.#end, position + searchBits);
    for (let at = position; at < end; at += lookAheadBits) {
      const zeros = Math.clz32(this.#peek(at));
      if (zeros < lookAheadBits) return at + zeros < this.#end ? at + zeros : undefined;
    }
    return undefined;
  }

  /** Decodes a row on its own (T.4 4.1) into the current list. */
  #decode1D(): RowResult {
    const view = this.#view;
    const width = this.#width;
    const row = this.#current;
    const limit = row.length - 8;
    const end = this.#end;
    let position = this.position;
    if (position >= end) return "end";
    let a0 = 0;
    let count = 0;
    let hasEmptyRun = false;
    while (count < limit && position < end) {
      const bits = view.getInt32(position >>> 3) << (position & 7);
      let entry = whiteRunDecodeTable[bits >>> runIndexShift] as number;
      let run = entry >>> 4;
      let length = entry & 15;
      // A white code without make-up has 8 bits at most, so the black code behind it is in view too.
      let blackBits = bits << length;
      if (entry >= firstMakeUpEntry) {
        do {
          position += length;
          if (position > end) return "damaged";
          const more = view.getInt32(position >>> 3) << (position & 7);
          entry = whiteRunDecodeTable[more >>> runIndexShift] as number;
          run += entry >>> 4;
          length = entry & 15;
        } while (entry >= firstMakeUpEntry && run <= width);
        position += length;
        blackBits = view.getInt32(position >>> 3) << (position & 7);
      } else position += length;
      if (length === 0) return "damaged";
      if (run === 0 && count > 0) hasEmptyRun = true;
      a0 += run;
      if (a0 >= width) break;
      row[count++] = a0;

      entry = blackRunDecodeTable[blackBits >>> runIndexShift] as number;
      run = entry >>> 4;
      length = entry & 15;
      while (entry >= firstMakeUpEntry && run <= width) {
        position += length;
        if (position > end) return "damaged";
        const more = view.getInt32(position >>> 3) << (position & 7);
        entry = blackRunDecodeTable[more >>> runIndexShift] as number;
        run += entry >>> 4;
        length = entry & 15;
      }
      if (length === 0) return "damaged";
      position += length;
      if (run === 0) hasEmptyRun = true;
      a0 += run;
      if (a0 >= width) break;
      row[count++] = a0;
    }
    if (a0 !== width || position > end) return "damaged";
    return this.#finishRow(position, count, hasEmptyRun);
  }

  /** Decodes a row against the row above (T.4 4.2, T.6 2.2) into the current list. */
  #decode2D(): RowResult {
    const view = this.#view;
    const width = this.#width;
    const row = this.#current;
    const reference = this.#reference;
    const limit = row.length - 40;
    const end = this.#end;
    let position = this.position;
    if (position >= end) return "end";
    if (this.#peek(position) >>> (32 - endOfLineBits) === 1) return "end";
    let a0 = 0;
    let count = 0;
    // The index of b1; its parity is the running colour.
    let above = 0;
    let hasEmptyRun = false;
    while (a0 < width) {
      if (count >= limit || position >= end) return "damaged";
      const bits = view.getInt32(position >>> 3) << (position & 7);
      const entry = modeSequenceTable[bits >>> modeIndexShift] as number;
      if (entry === 0) return "damaged";
      const start = position;
      position += entry & 15;
      let verticals = (entry >>> 4) & 7;
      for (let deltas = entry >>> 9; verticals > 0; verticals -= 1, deltas >>>= 3) {
        const a1 = (reference[above] as number) + (deltas & 7) - 3;
        if (a1 <= a0) {
          if (a1 < a0) return "damaged";
          if (count > 0 || a0 > 0) hasEmptyRun = true;
        }
        row[count++] = a1;
        a0 = a1;
        if (a1 >= width) {
          // The codes behind belong to the next row.
          position = start + verticalModesLength(entry, ((entry >>> 4) & 7) - verticals + 1);
          break;
        }
        above += 1;
        // After VL the change before b1 may still be to the right.
        if (above > 1 && (reference[above - 2] as number) > a1) above -= 2;
        while ((reference[above] as number) <= a1) above += 2;
      }
      if (a0 >= width) break;
      const last = (entry >>> 7) & 3;
      if (last === 0) continue;
      if (last === passMode) {
        a0 = reference[above + 1] as number;
        above += 2;
      } else {
        const black = count & 1;
        const from = a0;
        for (let half = 0; half < 2; half += 1) {
          const table = black === half ? whiteRunDecodeTable : blackRunDecodeTable;
          let code: number;
          do {
            code = table[(view.getInt32(position >>> 3) << (position & 7)) >>> runIndexShift] as number;
            if (code === 0 || position > end) return "damaged";
            position += code & 15;
            a0 += code >>> 4;
          } while (code >= firstMakeUpEntry && a0 <= width);
          // Make-up codes without end must not take long: a row ends at its width.
          if (a0 > width) return "damaged";
          row[count++] = a0;
        }
        const a1 = row[count - 2] as number;
        if ((a1 === from && (from > 0 || count > 2)) || (a1 === a0 && a0 < width)) hasEmptyRun = true;
      }
      while ((reference[above] as number) <= a0 && a0 < width) above += 2;
    }
    if (a0 > width) return "damaged";
    if (position > end) return "damaged";
    while (count > 0 && row[count - 1] === width) count -= 1;
    return this.#finishRow(position, count, hasEmptyRun);
  }

  #finishRow(position: number, count: number, hasEmptyRun: boolean): RowResult {
    const row = this.#current;
    const width = this.#width;
    row[count] = width;
    row[count + 1] = width;
    row[count + 2] = width;
    row[count + 3] = width;
    this.#currentCount = count;
    this.position = position;
    if (hasEmptyRun) this.irregularRows += 1;
    return "row";
  }
}

function withLookAhead(data: Uint8Array): DataView {
  const length = data.length + lookAheadBytes;
  if (data.byteOffset + length <= data.buffer.byteLength) {
    return new DataView(data.buffer, data.byteOffset, length);
  }
  const copy = new Uint8Array(length);
  copy.set(data);
  return new DataView(copy.buffer);
}
