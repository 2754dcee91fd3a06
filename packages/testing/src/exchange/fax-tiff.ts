/** What one page of a TIFF file says of itself. */
export interface TiffPage {
  width: number;
  height: number;
  bitsPerSample: number;
  /** 1 none, 3 Group 3, 4 Group 4, 5 LZW (TIFF 6.0, tag 259). */
  compression: number;
  /** Dots per inch; 0 when the tag is missing. */
  xResolution: number;
  yResolution: number;
}

/**
 * Reads the pages of a TIFF file, as far as a fax machine cares (TIFF 6.0, RFC 2306).
 *
 * @returns `undefined` when it is none or is broken
 */
export function readTiffPages(bytes: Uint8Array): TiffPage[] | undefined {
  try {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const order = view.getUint16(0);
    if (order !== 0x4949 && order !== 0x4d4d) return undefined;
    const little = order === 0x4949;
    if (view.getUint16(2, little) !== 42) return undefined;
    const pages: TiffPage[] = [];
    const seen = new Set<number>();
    for (let at = view.getUint32(4, little); at !== 0 && !seen.has(at); ) {
      seen.add(at);
      const count = view.getUint16(at, little);
      const tags = new Map<number, number>();
      for (let index = 0; index < count; index += 1) {
        const entry = at + 2 + index * 12;
        const tag = view.getUint16(entry, little);
        const type = view.getUint16(entry + 2, little);
        if (type === 3) tags.set(tag, view.getUint16(entry + 8, little));
        else if (type === 4) tags.set(tag, view.getUint32(entry + 8, little));
        else if (type === 5) {
          const where = view.getUint32(entry + 8, little);
          tags.set(tag, view.getUint32(where, little) / view.getUint32(where + 4, little));
        }
      }
      const perInch = tags.get(296) === 3 ? 2.54 : 1;
      pages.push({
        width: tags.get(256) ?? 0,
        height: tags.get(257) ?? 0,
        bitsPerSample: tags.get(258) ?? 1,
        compression: tags.get(259) ?? 1,
        xResolution: (tags.get(282) ?? 0) * perInch,
        yResolution: (tags.get(283) ?? 0) * perInch,
      });
      at = view.getUint32(at + 2 + count * 12, little);
    }
    return pages.length > 0 ? pages : undefined;
  } catch {
    return undefined;
  }
}

/** Lines per inch of a fax page (T.4): standard, fine, superfine. */
export type FaxResolution = 98 | 196 | 391;

/**
 * Makes a small valid fax TIFF: 1 bit, 1728 pixels wide, Group 4, white pages with a black line at the top.
 *
 * @param options.pages default 1
 * @param options.resolution lines per inch; default 196
 * @param options.text for the ImageDescription tag of every page
 */
export function syntheticFaxTiff(
  options: { pages?: number; resolution?: FaxResolution; text?: string } = {},
): Uint8Array<ArrayBuffer> {
  const { pages = 1, resolution = 196, text = "Faxbot" } = options;
  // Four bytes or less would have to stand in the entry itself.
  const description = Buffer.from(`${text.padEnd(4)}\0`);
  const height = Math.round((resolution * 66) / 6 / 2) * 2;
  const strip = groupFourPage(height);
  const entryCount = 13;
  const ifdBytes = 2 + entryCount * 12 + 4;
  const even = (size: number): number => size + (size % 2);
  const pageBytes = even(ifdBytes + 16 + description.length) + even(strip.length);
  const file = Buffer.alloc(8 + pages * pageBytes);
  file.write("II");
  file.writeUInt16LE(42, 2);
  file.writeUInt32LE(8, 4);
  for (let page = 0; page < pages; page += 1) {
    const start = 8 + page * pageBytes;
    const rationals = start + ifdBytes;
    const stripAt = start + even(ifdBytes + 16 + description.length);
    const entries: [tag: number, type: 2 | 3 | 4 | 5, count: number, value: number][] = [
      [256, 4, 1, 1728],
      [257, 4, 1, height],
      [258, 3, 1, 1],
      [259, 3, 1, 4],
      [262, 3, 1, 0],
      [270, 2, description.length, rationals + 16],
      [273, 4, 1, stripAt],
      [277, 3, 1, 1],
      [278, 4, 1, height],
      [279, 4, 1, strip.length],
      [282, 5, 1, rationals],
      [283, 5, 1, rationals + 8],
      [296, 3, 1, 2],
    ];
    file.writeUInt16LE(entries.length, start);
    for (const [index, [tag, type, count, value]] of entries.entries()) {
      const at = start + 2 + index * 12;
      file.writeUInt16LE(tag, at);
      file.writeUInt16LE(type, at + 2);
      file.writeUInt32LE(count, at + 4);
      file.writeUInt32LE(value, at + 8);
    }
    file.writeUInt32LE(page + 1 < pages ? start + pageBytes : 0, start + ifdBytes - 4);
    file.writeUInt32LE(204, rationals);
    file.writeUInt32LE(1, rationals + 4);
    file.writeUInt32LE(resolution, rationals + 8);
    file.writeUInt32LE(1, rationals + 12);
    description.copy(file, rationals + 16);
    strip.copy(file, stripAt);
  }
  return new Uint8Array(file);
}

/** One black line, then white ones, in T.6: a horizontal code, vertical codes, and the end of the facsimile block. */
function groupFourPage(height: number): Buffer {
  // White run of 0, black run of 1728 (make-up 1728, then 0); then the line that turns back to white; then V0 for each.
  const black = ["001", "00110101", "0000001100101", "0000110111"].join("");
  const white = ["001", "010011011", "00110101", "0000110111"].join("");
  const bits = `${black}${white}${"1".repeat(height - 2)}${"000000000001".repeat(2)}`;
  const bytes = Buffer.alloc(Math.ceil(bits.length / 8));
  for (let index = 0; index < bits.length; index += 1) {
    if (bits[index] === "1") bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (0x80 >> (index & 7));
  }
  return bytes;
}
