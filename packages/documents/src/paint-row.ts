import type { ChangeList } from "./ccitt-encoder.ts";

/**
 * Sets the black pixels of one row in a packed bitmap (1 = black, most significant bit leftmost) that is white there.
 *
 * @param row the changes, closed with entries equal to `width`
 * @param width pixels per row
 * @param data the bitmap
 * @param offset where the row starts in `data`, in bytes
 */
export function paintRow(row: ChangeList, width: number, data: Uint8Array, offset: number): void {
  for (let i = 0; (row[i] as number) < width; i += 2) {
    const start = row[i] as number;
    const end = row[i + 1] as number;
    if (start >= end) continue;
    const first = offset + (start >>> 3);
    const last = offset + ((end - 1) >>> 3);
    const head = 0xff >>> (start & 7);
    const tail = 0xff << (7 - ((end - 1) & 7));
    if (first === last) {
      data[first] = (data[first] as number) | (head & tail);
    } else {
      data[first] = (data[first] as number) | head;
      data.fill(0xff, first + 1, last);
      data[last] = (data[last] as number) | (tail & 0xff);
    }
  }
}
