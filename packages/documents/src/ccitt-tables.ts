/**
 * The code tables of ITU-T T.4 and T.6 (Group 3 and Group 4 fax), once as the Recommendation prints them and then as
 * the two shapes that the encoder and the decoder index.
 */

// T.4 table 2: terminating codes for runs of 0..63, in order.
const whiteTerminating =
  "00110101 000111 0111 1000 1011 1100 1110 1111 10011 10100 00111 01000 001000 000011 110100 110101 " +
  "101010 101011 0100111 0001100 0001000 0010111 0000011 0000100 0101000 0101011 0010011 0100100 0011000 " +
  "00000010 00000011 00011010 00011011 00010010 00010011 00010100 00010101 00010110 00010111 00101000 " +
  "00101001 00101010 00101011 00101100 00101101 00000100 00000101 00001010 00001011 01010010 01010011 " +
  "01010100 01010101 00100100 00100101 01011000 01011001 01011010 01011011 01001010 01001011 00110010 " +
  "00110011 00110100";
const blackTerminating =
  "0000110111 010 11 10 011 0011 0010 00011 000101 000100 0000100 0000101 0000111 00000100 00000111 " +
  "000011000 0000010111 0000011000 0000001000 00001100111 00001101000 00001101100 00000110111 00000101000 " +
  "00000010111 00000011000 000011001010 000011001011 000011001100 000011001101 000001101000 000001101001 " +
  "000001101010 000001101011 000011010010 000011010011 000011010100 000011010101 000011010110 000011010111 " +
  "000001101100 000001101101 000011011010 000011011011 000001010100 000001010101 000001010110 000001010111 " +
  "000001100100 000001100101 000001010010 000001010011 000000100100 000000110111 000000111000 000000100111 " +
  "000000101000 000001011000 000001011001 000000101011 000000101100 000001011010 000001100110 000001100111";
// T.4 table 3a: make-up codes for 64, 128, ..., 1728.
const whiteMakeUp =
  "11011 10010 010111 0110111 00110110 00110111 01100100 01100101 01101000 01100111 011001100 011001101 " +
  "011010010 011010011 011010100 011010101 011010110 011010111 011011000 011011001 011011010 011011011 " +
  "010011000 010011001 010011010 011000 010011011";
const blackMakeUp =
  "0000001111 000011001000 000011001001 000001011011 000000110011 000000110100 000000110101 0000001101100 " +
  "0000001101101 0000001001010 0000001001011 0000001001100 0000001001101 0000001110010 0000001110011 " +
  "0000001110100 0000001110101 0000001110110 0000001110111 0000001010010 0000001010011 0000001010100 " +
  "0000001010101 0000001011010 0000001011011 0000001100100 0000001100101";
// T.4 table 3b: make-up codes for 1792, 1856, ..., 2560, the same for both colours.
const commonMakeUp =
  "00000001000 00000001100 00000001101 000000010010 000000010011 000000010100 000000010101 000000010110 " +
  "000000010111 000000011100 000000011101 000000011110 000000011111";

/** The longest run that one make-up code stands for. Longer runs repeat its code. */
export const longestMakeUpRun = 2560;

/** The bits that the run decode tables are indexed with: the length of the longest run code. */
export const runCodeBits = 13;

/** The bits that {@link modeDecodeTable} is indexed with: the length of the longest mode code. */
const modeCodeBits = 7;

/** One code of the encode tables: `code << 4 | length`, where `code` is right-aligned and `length` is in bits. */
export type PackedCode = number;

function packCode(bits: string): PackedCode {
  return (Number.parseInt(bits, 2) << 4) | bits.length;
}

function encodeTable(terminating: string, makeUp: string): Uint32Array {
  return Uint32Array.from([terminating, makeUp, commonMakeUp].join(" ").split(" "), packCode);
}

/**
 * White run codes as {@link PackedCode}: entries 0..63 are the terminating codes; entry `63 + run / 64` is the make-up
 * code of a multiple of 64 from 64 to {@link longestMakeUpRun}.
 */
export const whiteRunCodes: Uint32Array = encodeTable(whiteTerminating, whiteMakeUp);

/** Black run codes, laid out as {@link whiteRunCodes}. */
export const blackRunCodes: Uint32Array = encodeTable(blackTerminating, blackMakeUp);

/** Fills every entry of a prefix-indexed table that starts with `code` with `value`. */
function fillPrefix(table: Uint16Array, indexBits: number, code: PackedCode, value: number): void {
  const spare = indexBits - (code & 15);
  const first = (code >>> 4) << spare;
  table.fill(value, first, first + (1 << spare));
}

function runDecodeTable(codes: Uint32Array): Uint16Array {
  const table = new Uint16Array(1 << runCodeBits);
  codes.forEach((code, index) => {
    const run = index < 64 ? index : (index - 63) * 64;
    fillPrefix(table, runCodeBits, code, (run << 4) | (code & 15));
  });
  return table;
}

/**
 * White runs by the next {@link runCodeBits} bits: `run << 4 | length of the code in bits`, 0 for no code. A run of 64
 * or more is a make-up code: another code of the same colour follows.
 */
export const whiteRunDecodeTable: Uint16Array = runDecodeTable(whiteRunCodes);

/** Black runs, laid out as {@link whiteRunDecodeTable}. */
export const blackRunDecodeTable: Uint16Array = runDecodeTable(blackRunCodes);

// T.4 table 4 and T.6 table 1: two-dimensional modes.

/** Pass mode as {@link PackedCode}. */
export const passModeCode: PackedCode = packCode("0001");

/** Horizontal mode as {@link PackedCode}; two run codes follow. */
export const horizontalModeCode: PackedCode = packCode("001");

/** Vertical modes as {@link PackedCode}: entry `a1 - b1 + 3`, so VL3, VL2, VL1, V0, VR1, VR2, VR3. */
export const verticalModeCodes: Uint32Array = Uint32Array.from(
  ["0000010", "000010", "010", "1", "011", "000011", "0000011"],
  packCode,
);

/** Kind of a {@link modeDecodeTable} entry: pass mode. */
export const passMode = 1;

/** Kind of a {@link modeDecodeTable} entry: horizontal mode. */
export const horizontalMode = 2;

/** Kind of a {@link modeDecodeTable} entry: V0. Vertical modes are `verticalMode + (a1 - b1)`, so 3 to 9. */
export const verticalMode = 6;

/**
 * Two-dimensional modes by the next {@link modeCodeBits} bits: `kind << 3 | length of the code in bits`, where kind is
 * {@link passMode}, {@link horizontalMode} or `verticalMode + (a1 - b1)`. 0 for no mode: the start of an EOL or of an
 * extension (T.4 4.2.5, uncompressed mode), which fax machines do not send.
 */
export const modeDecodeTable: Uint16Array = (() => {
  const table = new Uint16Array(1 << modeCodeBits);
  const put = (code: PackedCode, kind: number) =>
    fillPrefix(table, modeCodeBits, code, (kind << 3) | (code & 15));
  put(passModeCode, passMode);
  put(horizontalModeCode, horizontalMode);
  verticalModeCodes.forEach((code, index) => {
    put(code, verticalMode + index - 3);
  });
  return table;
})();

/** The bits that {@link modeSequenceTable} is indexed with. */
export const modeSequenceBits = 12;

const longestSequence = 7;

/**
 * The modes that the next {@link modeSequenceBits} bits hold in full, for decoding several at a time: up to seven
 * vertical modes, and then perhaps one of another kind. 0 when there is none. From the lowest bit:
 *
 * - 4 bits: the length of all codes in bits
 * - 3 bits: the number of vertical modes
 * - 2 bits: the mode after them: 0 none, {@link passMode} or {@link horizontalMode}
 * - 3 bits for each vertical mode, the first lowest: `a1 - b1 + 3`
 */
export const modeSequenceTable: Int32Array = Int32Array.from(
  { length: 1 << modeSequenceBits },
  (_, index) => {
    let length = 0;
    let verticals = 0;
    let distances = 0;
    let last = 0;
    while (verticals < longestSequence && last === 0) {
      const rest = (index << length) & ((1 << modeSequenceBits) - 1);
      const mode = modeDecodeTable[rest >>> (modeSequenceBits - modeCodeBits)] as number;
      const kind = mode >>> 3;
      if (kind === 0 || length + (mode & 7) > modeSequenceBits) break;
      length += mode & 7;
      if (kind === passMode || kind === horizontalMode) {
        last = kind;
      } else {
        distances |= (kind - verticalMode + 3) << (3 * verticals);
        verticals += 1;
      }
    }
    return length | (verticals << 4) | (last << 7) | (distances << 9);
  },
);

/** The length in bits of the first so many vertical modes of an entry of {@link modeSequenceTable}. */
export function verticalModesLength(entry: number, count: number): number {
  let length = 0;
  for (let i = 0; i < count; i += 1) {
    length += (verticalModeCodes[(entry >>> (9 + 3 * i)) & 7] as number) & 15;
  }
  return length;
}

const mostVerticals = 8;

/**
 * The V0 that the next {@link modeSequenceBits} bits begin with, eight at most, and the mode behind them, for decoding
 * without looking at each. 0 when the bits do not begin with a mode. From the lowest bit:
 *
 * - 4 bits: the length of all codes in bits
 * - 4 bits: the number of V0
 * - 2 bits: the mode after them: 1 vertical or pass, {@link horizontalMode}
 * - 1 bit: 1 for pass
 * - 3 bits: `a1 - b1 + 3`, and 3 for pass
 */
export const modeRunTable: Int32Array = Int32Array.from({ length: 1 << modeSequenceBits }, (_, index) => {
  let length = 0;
  for (let verticals = 0; ; verticals += 1) {
    const rest = (index << length) & ((1 << modeSequenceBits) - 1);
    const mode = modeDecodeTable[rest >>> (modeSequenceBits - modeCodeBits)] as number;
    const kind = mode >>> 3;
    if (kind === 0 || length + (mode & 7) > modeSequenceBits) {
      // The last V0 is the mode itself.
      return verticals === 0 ? 0 : length | ((verticals - 1) << 4) | (1 << 8) | (3 << 11);
    }
    length += mode & 7;
    if (kind === verticalMode && verticals < mostVerticals) continue;
    const codes = length | (verticals << 4);
    if (kind === horizontalMode) return codes | (horizontalMode << 8);
    if (kind === passMode) return codes | (1 << 8) | (1 << 10) | (3 << 11);
    return codes | (1 << 8) | ((kind - verticalMode + 3) << 11);
  }
});

/** End of line: eleven zeros and a one, as {@link PackedCode}. Two make an EOFB (T.6), six an RTC (T.4). */
export const endOfLineCode: PackedCode = packCode("000000000001");
