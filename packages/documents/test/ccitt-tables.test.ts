import { describe, expect, it } from "vitest";
import {
  blackRunCodes,
  blackRunDecodeTable,
  horizontalMode,
  modeDecodeTable,
  modeSequenceTable,
  passMode,
  verticalMode,
  verticalModesLength,
  whiteRunCodes,
  whiteRunDecodeTable,
} from "../src/ccitt-tables.ts";

function bits(code: number): string {
  return (code >>> 4).toString(2).padStart(code & 15, "0");
}

describe("CCITT code tables", () => {
  it.each([
    ["white", whiteRunCodes, whiteRunDecodeTable],
    ["black", blackRunCodes, blackRunDecodeTable],
  ])("has 104 %s codes, none the start of another, each found by the decode table", (_, codes, table) => {
    expect(codes).toHaveLength(104);
    const all = [...codes].map(bits);
    for (const one of all) expect(all.filter((other) => other.startsWith(one))).toEqual([one]);
    all.forEach((code, index) => {
      const run = index < 64 ? index : (index - 63) * 64;
      const lowest = Number.parseInt(code.padEnd(13, "0"), 2);
      const highest = Number.parseInt(code.padEnd(13, "1"), 2);
      expect([table[lowest], table[highest]]).toEqual(Array(2).fill((run << 4) | code.length));
    });
  });

  it("agrees with codes quoted from T.4", () => {
    expect(bits(whiteRunCodes[63 + 1728 / 64] as number)).toBe("010011011");
    expect(bits(blackRunCodes[63 + 1728 / 64] as number)).toBe("0000001100101");
    expect(bits(whiteRunCodes[63 + 2560 / 64] as number)).toBe("000000011111");
    expect(bits(blackRunCodes[63] as number)).toBe("000001100111");
  });

  it("leaves only the start of an EOL or a run of zeros undefined in the run tables", () => {
    // Kraft: everything that is not 8 zeros (white) is either a code or reserved by T.4.
    const undefinedWhite = [...whiteRunDecodeTable.keys()].filter(
      (index) => whiteRunDecodeTable[index] === 0,
    );
    expect(undefinedWhite.every((index) => index >>> 5 === 0)).toBe(true);
  });

  it("finds sequences of modes with their lengths", () => {
    const entry = (code: string) => modeSequenceTable[Number.parseInt(code, 2)] as number;
    // V0, VR1, VL1, H, and two bits of a run.
    const mixed = entry("101101000100");
    expect([mixed & 15, (mixed >>> 4) & 7, (mixed >>> 7) & 3, mixed >>> 9]).toEqual([
      10,
      3,
      horizontalMode,
      3 + 4 * 8 + 2 * 64,
    ]);
    expect(verticalModesLength(mixed, 2)).toBe(4);
    const ones = entry("111111111111");
    expect([ones & 15, (ones >>> 4) & 7, (ones >>> 7) & 3]).toEqual([7, 7, 0]);
    const pass = entry("000111111111");
    expect([pass & 15, (pass >>> 4) & 7, (pass >>> 7) & 3]).toEqual([4, 0, passMode]);
    expect(entry("000000000001")).toBe(0);
    for (const value of modeSequenceTable) expect(value).toBeGreaterThanOrEqual(0);
  });

  it("decodes each mode and refuses EOL and extensions", () => {
    const kind = (code: string) => {
      const entry = modeDecodeTable[Number.parseInt(code.padEnd(7, "0"), 2)] as number;
      return [entry >>> 3, entry & 7];
    };
    expect(kind("0001")).toEqual([passMode, 4]);
    expect(kind("001")).toEqual([horizontalMode, 3]);
    expect(kind("1")).toEqual([verticalMode, 1]);
    expect(kind("011")).toEqual([verticalMode + 1, 3]);
    expect(kind("0000011")).toEqual([verticalMode + 3, 7]);
    expect(kind("010")).toEqual([verticalMode - 1, 3]);
    expect(kind("0000010")).toEqual([verticalMode - 3, 7]);
    expect(kind("0000001")).toEqual([0, 0]);
    expect(kind("0000000")).toEqual([0, 0]);
  });
});
