/** What the frame header of a JPEG image says. */
export interface JpegFrame {
  width: number;
  height: number;
  components: number;
  bitsPerComponent: number;
}

/**
 * Reads the frame header of a JPEG image (ITU-T T.81, annex B).
 *
 * @returns undefined when there is none, or one that PDF does not know (lossless, arithmetic, hierarchical)
 */
export function readJpegFrame(data: Uint8Array): JpegFrame | undefined {
  if (data[0] !== 0xff || data[1] !== 0xd8) return undefined;
  let at = 2;
  for (let segments = 0; segments < 1000 && at + 4 <= data.length; segments += 1) {
    if (data[at] !== 0xff) return undefined;
    const marker = data[at + 1] as number;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const length = ((data[at + 2] as number) << 8) | (data[at + 3] as number);
    // SOF0 to SOF2: baseline, extended and progressive with Huffman codes.
    if (marker >= 0xc0 && marker <= 0xc2) {
      if (length < 8 || at + 10 > data.length) return undefined;
      return {
        bitsPerComponent: data[at + 4] as number,
        height: ((data[at + 5] as number) << 8) | (data[at + 6] as number),
        width: ((data[at + 7] as number) << 8) | (data[at + 8] as number),
        components: data[at + 9] as number,
      };
    }
    // Data without a frame header, or the end.
    if (marker === 0xda || marker === 0xd9) return undefined;
    at += 2 + length;
  }
  return undefined;
}

/**
 * Puts the tables of a TIFF page's JPEGTables tag into its strip, which then is a JPEG image of its own.
 *
 * @returns the image in parts: nothing is copied
 */
export function withJpegTables(tables: Uint8Array | undefined, strip: Uint8Array): Uint8Array[] {
  const isStream = (data: Uint8Array) => data[0] === 0xff && data[1] === 0xd8;
  if (tables === undefined || !isStream(tables) || !isStream(strip)) return [strip];
  const hasEnd = tables.at(-2) === 0xff && tables.at(-1) === 0xd9;
  return [strip.subarray(0, 2), tables.subarray(2, hasEnd ? -2 : undefined), strip.subarray(2)];
}
