/**
 * Decodes T.6 rows with nothing unusual about them; see `src/ccitt-regular-rows.ts`, which is the only caller and says
 * why this is not plain TypeScript. AssemblyScript: `npm run wasm` makes `src/regular-rows-module.ts` of it.
 *
 * The time of a decoder goes into branches that the processor guesses wrongly, so there are few. Seven of ten modes on a
 * page of text are V0, which copies an entry of the row above: up to eight are copied in two instructions, whether there
 * are so many or not.
 */

// The memory, in bytes; `src/ccitt-regular-rows.ts` has the same figures. Both lists have room for reading ahead.
const modeRuns: i32 = 0;
const whiteRuns: i32 = 16_384;
const blackRuns: i32 = 32_768;
const evenRow: i32 = 65_536;
const oddRow: i32 = 131_072;
const data: i32 = 196_608;

/** Entries of the run tables from here on are make-up codes. */
const firstMakeUpEntry: i32 = 64 << 4;
const horizontal: i32 = 2;

/** The bit after the last row that was decoded. */
export let position: i32 = 0;
/** The entries of that row, without the closing ones. */
export let count: i32 = 0;

/** The data from a bit on, at least 25 bits. */
function look(at: i32): u32 {
  return bswap(load<u32>(data + (at >>> 3))) << (at & 7);
}

function runEntry(table: i32, at: i32): i32 {
  return load<u16>(table + ((look(at) >>> 19) << 1));
}

/**
 * Decodes one row; false for whatever is unusual, and then nothing is changed but the list.
 *
 * @param at the row's first bit
 * @param end the bit after the data, which is followed by eight more bytes
 * @param above the row above, strictly ascending and closed
 * @param aboveCount its entries without the closing ones
 * @param row the list to write to
 */
function decodeRow(at: i32, end: i32, width: i32, above: i32, aboveCount: i32, row: i32): bool {
  const lastAbove = above + (aboveCount << 2);
  let out = row;
  // Where b1 is; its place in the list tells the running colour.
  let b1 = above;
  let a0: i32 = -1;
  for (;;) {
    if (at >= end) return false;
    // Up to eight V0 and one mode of any kind: see modeRunTable.
    const entry = load<i32>(modeRuns + ((look(at) >>> 20) << 2));
    const verticals = ((entry >>> 4) & 15) << 2;
    v128.store(out, v128.load(b1));
    v128.store(out + 16, v128.load(b1 + 16));
    if (b1 + verticals > lastAbove && verticals > 0) {
      // One of the V0 ends the row; what is behind it belongs to the next. b1 may be the second closing entry.
      const left = max(lastAbove - b1, 0);
      out += left;
      at += (left >>> 2) + 1;
      break;
    }
    out += verticals;
    b1 += verticals;
    a0 = select<i32>(load<i32>(b1 - 4), a0, verticals);
    at += entry & 15;
    const kind = (entry >>> 8) & 3;
    if (kind == 1) {
      const pass = ((entry >>> 10) & 1) << 2;
      const a1 = load<i32>(b1 + pass) + (entry >>> 11) - 3;
      if (a1 <= a0) return false;
      if (a1 >= width) {
        if (a1 > width || pass != 0) return false;
        break;
      }
      // Pass mode writes it too, to a place that the next mode writes to again.
      store<i32>(out, a1);
      out += 4 - pass;
      b1 += 4 + pass;
      a0 = a1;
      // After VL the change before b1 may still be to the right.
      if (b1 > above + 4 && load<i32>(b1 - 8) > a1) b1 -= 8;
    } else if (kind == horizontal) {
      const isBlack = ((out - row) >>> 2) & 1;
      const first = select<i32>(blackRuns, whiteRuns, isBlack);
      const second = select<i32>(whiteRuns, blackRuns, isBlack);
      const from = a0;
      a0 = select<i32>(0, a0, a0 < 0);
      let code: i32 = 0;
      do {
        code = runEntry(first, at);
        at += code & 15;
        if (code == 0 || at > end) return false;
        a0 += code >>> 4;
      } while (code >= firstMakeUpEntry);
      const a1 = a0;
      if (a1 == from) return false;
      do {
        code = runEntry(second, at);
        at += code & 15;
        if (code == 0 || at > end) return false;
        a0 += code >>> 4;
      } while (code >= firstMakeUpEntry);
      if (a0 > width || a1 == a0) return false;
      store<i32>(out, a1);
      store<i32>(out + 4, a0);
      if (a0 == width) {
        out += 4;
        break;
      }
      out += 8;
    } else return false;
    while (load<i32>(b1) <= a0) b1 += 8;
  }
  if (at > end) return false;
  for (let i = 0; i < 16; i += 4) store<i32>(out + i, width);
  position = at;
  count = (out - row) >>> 2;
  return true;
}

/**
 * Decodes rows from `position` on, the first against the row of `count` entries in the even list. After an odd number of
 * rows the last one is in the odd list.
 *
 * @param most how many rows to decode at most
 * @returns how many there are up to the first that is unusual
 */
export function decodeRows(end: i32, width: i32, most: i32): i32 {
  let above = evenRow;
  let row = oddRow;
  let rows: i32 = 0;
  while (rows < most && decodeRow(position, end, width, above, count, row)) {
    const decoded = row;
    row = above;
    above = decoded;
    rows += 1;
  }
  return rows;
}
