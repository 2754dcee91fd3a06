import type { ChangeList } from "./ccitt-encoder.ts";
import { blackRunDecodeTable, modeRunTable, whiteRunDecodeTable } from "./ccitt-tables.ts";
import { regularRowsModule } from "./regular-rows-module.ts";

/** What {@link skipRegularRows} got over. */
export interface SkippedRows {
  /** How many rows, at least one. */
  rows: number;
  /** The bit after the last of them. */
  position: number;
  /** The entries of the last one, without the closing ones. */
  count: number;
}

/** What `assembly/regular-rows.ts` exports. */
interface Exports {
  memory: { readonly buffer: ArrayBuffer };
  position: { value: number };
  count: { value: number };
  decodeRows(end: number, width: number, most: number): number;
}

// The memory, in bytes; `assembly/regular-rows.ts` has the same figures.
const modeRunsAt = 0;
const whiteRunsAt = 16_384;
const blackRunsAt = 32_768;
const evenRowAt = 65_536;
const oddRowAt = 131_072;
const dataAt = 196_608;
/** Lists of this width fit, and what is read behind them. */
const mostWidth = 16_000;
/** Both bound the time of one call: about 2 ms for the worst of data. More than one row takes at most. */
const windowBytes = 16_384;
const mostRows = 1024;
const lookAheadBytes = 8;

/** The types of Node 22 leave it out. */
const { WebAssembly } = globalThis as unknown as {
  WebAssembly?: {
    Module: new (bytes: Uint8Array) => object;
    Instance: new (module: object) => { exports: unknown };
  };
};

interface Decoder extends Exports {
  data: Uint8Array;
  even: Int32Array;
  odd: Int32Array;
}

let decoder: Decoder | undefined;
let isTried = false;

/**
 * Decodes T.6 rows that are not wanted one by one, up to the first with anything unusual about it, damage above all:
 * that one is for the decoder that knows all cases. WebAssembly does it twice as fast as JavaScript, and from the first
 * page on: docs/decisions/0007-webassembly-for-verifying.md. Where there is none, all rows count as unusual.
 *
 * @param data most significant bit first
 * @param position the first bit of the first row
 * @param above the row above, strictly ascending
 * @param aboveCount its entries without the closing ones
 * @param row the last row is written to it, without closing entries
 * @param most how many rows at most
 * @returns undefined when not even one row could be decoded
 */
export function skipRegularRows(
  data: Uint8Array,
  position: number,
  width: number,
  above: ChangeList,
  aboveCount: number,
  row: ChangeList,
  most: number,
): SkippedRows | undefined {
  if (width > mostWidth || most < 1) return undefined;
  decoder ??= createDecoder();
  if (decoder === undefined) return undefined;
  const first = position >>> 3;
  const length = Math.min(windowBytes, data.length - first);
  if (length < 1) return undefined;
  decoder.data.set(data.subarray(first, first + length));
  decoder.data.fill(0, length, length + lookAheadBytes);
  decoder.even.set(above.subarray(0, aboveCount));
  decoder.even.fill(width, aboveCount, aboveCount + 4);
  decoder.position.value = position & 7;
  decoder.count.value = aboveCount;
  const rows = decoder.decodeRows(length * 8, width, Math.min(most, mostRows));
  if (rows === 0) return undefined;
  const count = decoder.count.value;
  row.set((rows % 2 === 0 ? decoder.even : decoder.odd).subarray(0, count));
  return { rows, position: first * 8 + decoder.position.value, count };
}

/** One for all pages of this thread: it keeps nothing from call to call. */
function createDecoder(): Decoder | undefined {
  if (isTried) return undefined;
  isTried = true;
  // Not there with `node --jitless`.
  if (WebAssembly === undefined) return undefined;
  try {
    const module = new WebAssembly.Module(Buffer.from(regularRowsModule, "base64"));
    const exports = new WebAssembly.Instance(module).exports as Exports;
    const { buffer } = exports.memory;
    new Int32Array(buffer, modeRunsAt).set(modeRunTable);
    new Uint16Array(buffer, whiteRunsAt).set(whiteRunDecodeTable);
    new Uint16Array(buffer, blackRunsAt).set(blackRunDecodeTable);
    return {
      ...exports,
      data: new Uint8Array(buffer, dataAt),
      even: new Int32Array(buffer, evenRowAt, (oddRowAt - evenRowAt) / 4),
      odd: new Int32Array(buffer, oddRowAt, (dataAt - oddRowAt) / 4),
    };
  } catch {
    // A processor without the vector instructions.
    return undefined;
  }
}
