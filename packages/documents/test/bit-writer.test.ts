import { describe, expect, it } from "vitest";
import { BitWriter } from "../src/bit-writer.ts";

describe("BitWriter", () => {
  it("keeps every bit where its buffers end, whatever is reserved", () => {
    const writer = new BitWriter(16);
    // Words of 13 bits meet the end of a byte, and of a buffer, in every way.
    const count = 2_000_000;
    for (let index = 0; index < count; index += 1) {
      writer.reserve(index % 1000 === 0 ? 5_000 : 2);
      writer.writeBits(index % 8191, 13);
    }
    expect(writer.bitLength).toBe(count * 13);
    const bytes = writer.finish();
    expect(bytes.length).toBe(Math.ceil((count * 13) / 8));
    expect(Buffer.compare(Buffer.concat(writer.finishParts()), bytes)).toBe(0);
    const wordAt = (index: number) => {
      const bit = index * 13;
      const at = bit >>> 3;
      const three = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
      return (three >>> (24 - 13 - (bit & 7))) & 8191;
    };
    let wrong = 0;
    for (let index = 0; index < count; index += 1) if (wordAt(index) !== index % 8191) wrong += 1;
    expect(wrong).toBe(0);
  });
});
