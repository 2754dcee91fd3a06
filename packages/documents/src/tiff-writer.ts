import { FaxError } from "@faxbot/core/transport";
import { copyInto } from "./copy-bytes.ts";
import { TimeSlice } from "./time-slice.ts";

/** One page as {@link writeTiff} takes it: CCITT data that is already encoded. */
export interface FaxPage {
  /** Pixels per row. Fax machines know 1728 (A4), 2048 (B4) and 2432 (A3). */
  width: number;
  /** Rows. */
  height: number;
  /** Dots per inch across: 204 for every page that a fax machine is to take. */
  xDpi: number;
  /** Dots per inch down: 98 standard, 196 fine, 391 superfine. */
  yDpi: number;
  /** `g4` is T.6; `g3` is T.4 1-D; `g3-2d` is T.4 2-D. */
  compression: "g4" | "g3" | "g3-2d";
  /** For T.4: true when every EOL ends on a byte boundary. */
  byteAlignedEol?: boolean;
  /** The coded page, 1 = black, most significant bit first. */
  data: Uint8Array;
}

const short = 3;
const long = 4;
const rational = 5;
const ascii = 2;

const software = "Faxbot\0\0";

/** One directory entry; `value` is the number itself or, for types longer than four bytes, its offset in the file. */
type Entry = [tag: number, type: number, count: number, value: number];

function pageEntries(
  page: FaxPage,
  index: number,
  pageCount: number,
  dataAt: number,
  extraAt: number,
): Entry[] {
  const isG4 = page.compression === "g4";
  const t4Options = (page.compression === "g3-2d" ? 1 : 0) | (page.byteAlignedEol ? 4 : 0);
  return [
    [254, long, 1, 2], // NewSubfileType: one page of several
    [256, long, 1, page.width],
    [257, long, 1, page.height],
    [258, short, 1, 1], // BitsPerSample
    [259, short, 1, isG4 ? 4 : 3], // Compression
    [262, short, 1, 0], // PhotometricInterpretation: 0 is white
    [266, short, 1, 1], // FillOrder: most significant bit first
    [273, long, 1, dataAt], // StripOffsets
    [274, short, 1, 1], // Orientation: first row on top
    [277, short, 1, 1], // SamplesPerPixel
    [278, long, 1, page.height], // RowsPerStrip: one strip, so that no reader shows a seam
    [279, long, 1, page.data.byteLength], // StripByteCounts
    [282, rational, 1, extraAt], // XResolution
    [283, rational, 1, extraAt + 8], // YResolution
    [284, short, 1, 1], // PlanarConfiguration
    isG4 ? [293, long, 1, 0] : [292, long, 1, t4Options], // T6Options or T4Options
    [296, short, 1, 2], // ResolutionUnit: inch
    [297, short, 2, index | (pageCount << 16)], // PageNumber: two SHORTs in one value
    [305, ascii, software.length - 1, extraAt + 16], // Software
  ];
}

/**
 * Writes a multi-page fax TIFF: little-endian, one strip per page, the tags of TIFF-F (RFC 2306), strips and
 * directories on even offsets. spandsp, and with it Asterisk and FreeSWITCH, sends such a file as it is. spandsp takes
 * a resolution that it does not know for standard, so `xDpi` and `yDpi` should be a fax machine's (see {@link FaxPage}).
 *
 * @param pages the pages in order, 1 to 65 535
 * @throws FaxError `document_invalid` when there is no page, `document_too_large` past what a TIFF can hold
 * @example
 * const data = encodeG4(rowsOfBitmap(bitmap), bitmap.width);
 * const tiff = await writeTiff([{ ...bitmap, data, compression: "g4", xDpi: 204, yDpi: 196 }]);
 */
export async function writeTiff(pages: readonly FaxPage[]): Promise<Uint8Array> {
  if (pages.length === 0) throw new FaxError("document_invalid", "a fax needs at least one page");
  const directorySize = 2 + 19 * 12 + 4;
  const extraSize = 16 + software.length;
  let size = 8;
  for (const page of pages)
    size += page.data.byteLength + (page.data.byteLength & 1) + directorySize + extraSize;
  if (pages.length > 0xffff || size > 0xffffffff) {
    throw new FaxError("document_too_large", "more pages or bytes than a TIFF file can hold");
  }
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x002a4949, true); // "II", 42
  let nextDirectoryField = 4;
  let at = 8;
  const slice = new TimeSlice();
  for (const [index, page] of pages.entries()) {
    const dataAt = at;
    await copyInto(bytes, dataAt, page.data, slice);
    const extraAt = dataAt + page.data.byteLength + (page.data.byteLength & 1);
    for (const [field, dpi] of [page.xDpi, page.yDpi].entries()) {
      view.setUint32(extraAt + field * 8, Math.round(dpi * 100), true);
      view.setUint32(extraAt + field * 8 + 4, 100, true);
    }
    new TextEncoder().encodeInto(software, bytes.subarray(extraAt + 16));
    const directoryAt = extraAt + extraSize;
    view.setUint32(nextDirectoryField, directoryAt, true);
    const entries = pageEntries(page, index, pages.length, dataAt, extraAt);
    view.setUint16(directoryAt, entries.length, true);
    at = directoryAt + 2;
    for (const [tag, type, count, value] of entries) {
      view.setUint16(at, tag, true);
      view.setUint16(at + 2, type, true);
      view.setUint32(at + 4, count, true);
      // A SHORT sits in the first two bytes of the field, which in little-endian is the number itself.
      view.setUint32(at + 8, value, true);
      at += 12;
    }
    nextDirectoryField = at;
    at += 4;
  }
  return bytes;
}
