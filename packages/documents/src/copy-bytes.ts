import { TimeSlice } from "./time-slice.ts";

/** About a millisecond, with memory that was never touched before. */
const copyStep = 1 << 20;

/**
 * Copies bytes to a place in a buffer. A copy of 50 MB takes 50 ms in one go, so it is done in slices.
 *
 * @param at where in `target`, which has to have room
 */
export async function copyInto(
  target: Uint8Array,
  at: number,
  bytes: Uint8Array,
  slice: TimeSlice,
): Promise<void> {
  for (let from = 0; from < bytes.length; from += copyStep) {
    if (slice.due()) await slice.pause();
    target.set(bytes.subarray(from, from + copyStep), at + from);
  }
}

/** A copy of some parts end to end, in a buffer of its own that may be handed to a thread. */
export async function copyBytes(parts: readonly Uint8Array[]): Promise<Uint8Array<ArrayBuffer>> {
  const slice = new TimeSlice();
  const copy = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    await copyInto(copy, at, part, slice);
    at += part.length;
  }
  return copy;
}
