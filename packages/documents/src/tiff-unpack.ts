import { createInflate } from "node:zlib";
import { copyInto } from "./copy-bytes.ts";
import type { TimeSlice } from "./time-slice.ts";

/** True for the byte compressions of TIFF: none, LZW, Deflate (both numbers) and PackBits. */
export function isUnpackable(compression: number): boolean {
  return [1, 5, 8, 32_773, 32_946].includes(compression);
}

/**
 * Undoes a byte compression of TIFF. Data that ends early or is damaged gives what came before.
 *
 * @param compression see {@link isUnpackable}
 * @param target filled from the start; it sets how much is unpacked at most
 * @returns how many bytes came
 */
export async function unpack(
  compression: number,
  data: Uint8Array,
  target: Uint8Array,
  slice: TimeSlice,
): Promise<number> {
  switch (compression) {
    case 5:
      return unpackLzw(data, target, slice);
    case 8:
    case 32_946:
      return unpackDeflate(data, target);
    case 32_773:
      return unpackPackBits(data, target, slice);
    default: {
      const part = data.subarray(0, target.length);
      await copyInto(target, 0, part, slice);
      return part.length;
    }
  }
}

async function unpackDeflate(data: Uint8Array, target: Uint8Array): Promise<number> {
  const inflater = createInflate({ chunkSize: 1 << 16 });
  inflater.end(data);
  let at = 0;
  try {
    for await (const chunk of inflater as AsyncIterable<Buffer>) {
      const part = chunk.subarray(0, target.length - at);
      target.set(part, at);
      at += part.length;
      if (at === target.length) break;
    }
  } catch {
    // Damaged from here on; what came before is good.
  }
  return at;
}

/** TIFF 6.0, section 9. */
async function unpackPackBits(data: Uint8Array, target: Uint8Array, slice: TimeSlice): Promise<number> {
  let at = 0;
  let from = 0;
  for (let step = 0; from < data.length && at < target.length; step += 1) {
    if ((step & 0xfff) === 0xfff && slice.due()) await slice.pause();
    const head = data[from++] as number;
    if (head === 128) continue;
    if (head < 128) {
      const part = data.subarray(from, from + Math.min(head + 1, target.length - at));
      target.set(part, at);
      at += part.length;
      from += head + 1;
    } else {
      if (from >= data.length) break;
      const end = Math.min(at + 257 - head, target.length);
      target.fill(data[from++] as number, at, end);
      at = end;
    }
  }
  return at;
}

const clearCode = 256;
const endCode = 257;
const firstFreeCode = 258;
const tableSize = 4096;

/** TIFF 6.0, section 13: most significant bit first, and the code length grows one code early. */
async function unpackLzw(data: Uint8Array, target: Uint8Array, slice: TimeSlice): Promise<number> {
  // The string of a code stands in the output already: it is the string of the code before it and one byte more.
  const starts = new Uint32Array(tableSize);
  const lengths = new Uint16Array(tableSize);
  let at = 0;
  let position = 0;
  let bits = 9;
  let next = firstFreeCode;
  let previousStart = -1;
  let previousLength = 0;
  const end = data.length * 8;
  for (let step = 0; position + bits <= end && at < target.length; step += 1) {
    if ((step & 0xfff) === 0xfff && slice.due()) await slice.pause();
    const i = position >>> 3;
    const word = ((data[i] as number) << 16) | ((data[i + 1] as number) << 8) | (data[i + 2] as number);
    const code = (word >>> (24 - bits - (position & 7))) & ((1 << bits) - 1);
    position += bits;
    if (code === endCode) break;
    if (code === clearCode) {
      bits = 9;
      next = firstFreeCode;
      previousStart = -1;
      continue;
    }
    if (previousStart >= 0 && next < tableSize) {
      starts[next] = previousStart;
      lengths[next] = previousLength + 1;
      next += 1;
      if (next + 1 >= 1 << bits && bits < 12) bits += 1;
    }
    previousStart = at;
    if (code < clearCode) {
      target[at++] = code;
      previousLength = 1;
      continue;
    }
    if (code >= next) break;
    const start = starts[code] as number;
    previousLength = lengths[code] as number;
    const stop = Math.min(at + previousLength, target.length);
    // The string may reach into itself, so it is copied byte by byte from the front.
    for (let source = start; at < stop; source += 1) target[at++] = target[source] as number;
  }
  return at;
}
