import type { TimeSlice } from "./time-slice.ts";

// About a millisecond.
const chunkBytes = 1 << 19;

/**
 * Copies bytes with the bits of each in reverse order, which turns TIFF's FillOrder 2 into 1.
 *
 * @param bytes what to copy
 * @param slice pauses between parts of what is long
 */
export async function reverseBits(bytes: Uint8Array, slice: TimeSlice): Promise<Uint8Array> {
  const copy = emptyCopy(bytes);
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    if (slice.due()) await slice.pause();
    reverseInto(bytes.subarray(at, at + chunkBytes), copy.subarray(at, at + chunkBytes));
  }
  return copy;
}

/**
 * Room for a copy at the same distance from a word boundary, so that both can be read as words, and a few bytes more,
 * so that the decoder need not copy it again.
 */
function emptyCopy(bytes: Uint8Array): Uint8Array {
  const skew = bytes.byteOffset & 3;
  return new Uint8Array(new ArrayBuffer(skew + bytes.length + 8), skew, bytes.length);
}

function reverseInto(bytes: Uint8Array, copy: Uint8Array): void {
  const head = Math.min((4 - (bytes.byteOffset & 3)) & 3, bytes.length);
  const words = (bytes.length - head) >>> 2;
  for (let i = 0; i < head; i += 1) copy[i] = reverseByte(bytes[i] as number);
  if (words > 0) {
    const source = new Uint32Array(bytes.buffer, bytes.byteOffset + head, words);
    const target = new Uint32Array(copy.buffer, copy.byteOffset + head, words);
    for (let i = 0; i < words; i += 1) {
      let word = source[i] as number;
      word = ((word >>> 1) & 0x55555555) | ((word & 0x55555555) << 1);
      word = ((word >>> 2) & 0x33333333) | ((word & 0x33333333) << 2);
      target[i] = ((word >>> 4) & 0x0f0f0f0f) | ((word & 0x0f0f0f0f) << 4);
    }
  }
  for (let i = head + words * 4; i < bytes.length; i += 1) copy[i] = reverseByte(bytes[i] as number);
}

function reverseByte(byte: number): number {
  let bits = ((byte >>> 1) & 0x55) | ((byte & 0x55) << 1);
  bits = ((bits >>> 2) & 0x33) | ((bits & 0x33) << 2);
  return (bits >>> 4) | ((bits & 0x0f) << 4);
}
