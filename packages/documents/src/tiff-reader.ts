import { FaxError } from "@faxbot/core/transport";
import { type DocumentLimits, defaultDocumentLimits } from "./document-limits.ts";
import type { TimeSlice } from "./time-slice.ts";

/** A part of an image's data: a strip or a tile. */
export interface TiffSegment {
  /** Where it starts in the file, in bytes. */
  offset: number;
  /** Its length in bytes, already cut to the file. */
  length: number;
}

/** One page (image file directory) of a TIFF file. Tag names are those of TIFF 6.0 and RFC 2301. */
export interface TiffPage {
  /** Pixels. */
  width: number;
  height: number;
  /** 1 none, 2 RLE, 3 T.4, 4 T.6, 5 LZW, 6 old JPEG, 7 JPEG, 8 or 32946 Deflate, 32771 RLE in words, 32773 PackBits, … */
  compression: number;
  bitsPerSample: number;
  samplesPerPixel: number;
  /** 0 white is zero, 1 black is zero, 2 RGB, 3 palette, 5 CMYK, 6 YCbCr, …; absent when the tag is. */
  photometric: number | undefined;
  /** 1: the most significant bit is the leftmost pixel. 2: the least significant one. */
  fillOrder: number;
  /** T4Options: bit 0 two-dimensional, bit 1 uncompressed mode, bit 2 EOLs end on a byte boundary. */
  t4Options: number;
  /** T6Options: bit 1 uncompressed mode. */
  t6Options: number;
  /** 1 is upright; 2 to 8 are its mirrored and turned forms. */
  orientation: number;
  /** 1 samples together, 2 a plane per sample. */
  planarConfiguration: number;
  predictor: number;
  sampleFormat: number;
  /** Rows of a strip, at most {@link height}. */
  rowsPerStrip: number;
  /** Set for a tiled page. */
  tile: { width: number; height: number } | undefined;
  xResolution: number | undefined;
  yResolution: number | undefined;
  /** 1 none, 2 inch, 3 centimetre. */
  resolutionUnit: number;
  /** The JPEGTables stream, without a copy. */
  jpegTables: Uint8Array | undefined;
  /** True when there is a ColorMap. */
  hasColorMap: boolean;
  /** YCbCrSubSampling. */
  subsampling: readonly [number, number];
  /** True when the pixels have extra samples (alpha). */
  hasExtraSamples: boolean;
  /** What a fax machine noted (RFC 2301): 0 clean, 1 repaired, 2 damaged rows. */
  cleanFaxData: number | undefined;
  /** The program that wrote the page, 64 characters at most. */
  software: string | undefined;
  /** How many strips or tiles there are. */
  segmentCount: number;
  /** Lists the strips or tiles, row by row of the page. Read when called, so that listing pages stays cheap. */
  segments(): TiffSegment[];
  /** ColorMap: red, then green, then blue, 16 bits each; empty when there is none. */
  colorMap(): number[];
  /**
   * A TIFF file of this page alone: the whole file with another first directory, which has only the tags listed here.
   * Undefined for BigTIFF.
   */
  alone(): Uint8Array[] | undefined;
}

/** The pages of a TIFF file. */
export interface TiffFile {
  pages: TiffPage[];
  /** What was wrong with the file and passed over; fixed texts. */
  warnings: string[];
}

const maxWidth = 65_535;
const maxHeight = 200_000;
const maxEntries = 4096;
const typeSizes = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];

interface Entry {
  /** Where the entry itself is in the file. */
  entry: number;
  type: number;
  count: number;
  /** Where the values are in the file. */
  at: number;
}

type Directory = Map<number, Entry>;

const tag = {
  newSubfileType: 254,
  imageWidth: 256,
  imageLength: 257,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  fillOrder: 266,
  stripOffsets: 273,
  orientation: 274,
  samplesPerPixel: 277,
  rowsPerStrip: 278,
  stripByteCounts: 279,
  xResolution: 282,
  yResolution: 283,
  planarConfiguration: 284,
  t4Options: 292,
  t6Options: 293,
  resolutionUnit: 296,
  software: 305,
  predictor: 317,
  colorMap: 320,
  tileWidth: 322,
  tileLength: 323,
  tileOffsets: 324,
  tileByteCounts: 325,
  cleanFaxData: 327,
  extraSamples: 338,
  sampleFormat: 339,
  jpegTables: 347,
  ycbcrSubSampling: 530,
} as const;
const knownTags = new Set<number>(Object.values(tag));

/**
 * Reads the directories of a TIFF file, classic or BigTIFF, in either byte order. No pixel is decoded, so the time goes
 * with the number of pages alone. A chain that loops or breaks off ends the list with a warning.
 *
 * Thumbnails and masks (NewSubfileType bits 0 and 2) are left out.
 *
 * @param bytes the whole file
 * @throws FaxError `document_invalid` when no page can be read; `document_too_large` for a page or a number of pages
 * above the limits
 * @example
 * const { pages } = readTiff(await readFile("fax.tif"));
 * console.log(pages.length, pages[0]?.compression); // 3 4
 */
export function readTiff(bytes: Uint8Array, limits: Partial<DocumentLimits> = {}): TiffFile {
  const steps = new TiffReader(bytes, { ...defaultDocumentLimits, ...limits }).read();
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** Does what {@link readTiff} does, with pauses: a file of thousands of pages takes long in one go. */
export async function readTiffInSlices(
  bytes: Uint8Array,
  limits: DocumentLimits,
  slice: TimeSlice,
): Promise<TiffFile> {
  const steps = new TiffReader(bytes, limits).read();
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    if (slice.due()) await slice.pause();
  }
}

class TiffReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #limits: DocumentLimits;
  #little = true;
  #big = false;
  /** Where directories and the data of pages start, for pages that do not say how long their data is. */
  #landmarks: number[] = [];
  /** Tags that may still be read: directories that overlap must not cost more than honest ones. */
  #entriesLeft: number;

  constructor(bytes: Uint8Array, limits: DocumentLimits) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#limits = limits;
    this.#entriesLeft = maxEntries + limits.pages * 64;
  }

  /** Reads the directories, one at each step. */
  *read(): Generator<undefined, TiffFile> {
    const pages: TiffPage[] = [];
    const skipped: TiffPage[] = [];
    const warnings: string[] = [];
    const visited = new Set<number>();
    let offset = this.#readHeader();
    while (offset !== 0) {
      yield;
      if (visited.has(offset)) {
        warnings.push("the list of pages loops");
        break;
      }
      visited.add(offset);
      // Thumbnails count too, so that a chain of them has an end.
      if (pages.length >= this.#limits.pages || visited.size > this.#limits.pages * 2) {
        throw new FaxError("document_too_large", `the document has more than ${this.#limits.pages} pages`);
      }
      const directory = this.#readDirectory(offset);
      if (directory === undefined) {
        warnings.push("the list of pages breaks off");
        break;
      }
      const page = this.#readPage(directory.entries);
      if (page === undefined) warnings.push("a page has no usable description");
      else if ((this.#number(directory.entries, tag.newSubfileType, 0) & 5) !== 0) skipped.push(page);
      else pages.push(page);
      if (directory.next === undefined) warnings.push("the list of pages breaks off");
      offset = directory.next ?? 0;
    }
    // A file of nothing but thumbnails: they are all there is to see.
    if (pages.length === 0) pages.push(...skipped);
    if (pages.length === 0) throw new FaxError("document_invalid", "the TIFF file has no readable page");
    this.#landmarks.push(...visited, this.#bytes.length);
    return { pages, warnings };
  }

  #readHeader(): number {
    const order = this.#bytes[0];
    this.#little = order === 0x49;
    if (this.#bytes.length < 8 || (order !== 0x49 && order !== 0x4d) || this.#bytes[1] !== order) {
      throw new FaxError("document_invalid", "the document is not a TIFF file");
    }
    const magic = this.#uint16(2);
    if (magic === 42) return this.#uint32(4);
    if (magic !== 43 || this.#bytes.length < 16 || this.#uint16(4) !== 8) {
      throw new FaxError("document_invalid", "the document is not a TIFF file");
    }
    this.#big = true;
    return this.#uint64(8);
  }

  #readDirectory(offset: number): { entries: Directory; next: number | undefined } | undefined {
    const countSize = this.#big ? 8 : 2;
    const entrySize = this.#big ? 20 : 12;
    if (offset + countSize > this.#bytes.length) return undefined;
    const count = this.#big ? this.#uint64(offset) : this.#uint16(offset);
    const end = offset + countSize + count * entrySize;
    if (count > maxEntries || end > this.#bytes.length) return undefined;
    this.#entriesLeft -= count;
    if (this.#entriesLeft < 0) throw new FaxError("document_too_large", "the TIFF file has too many tags");
    const entries: Directory = new Map();
    for (let at = offset + countSize; at < end; at += entrySize) {
      const id = this.#uint16(at);
      // Of a repeated tag the first counts.
      if (!knownTags.has(id) || entries.has(id)) continue;
      const entry = this.#readEntry(at);
      if (entry !== undefined) entries.set(id, entry);
    }
    const pointerSize = this.#big ? 8 : 4;
    if (end + pointerSize > this.#bytes.length) return { entries, next: undefined };
    return { entries, next: this.#big ? this.#uint64(end) : this.#uint32(end) };
  }

  #readEntry(at: number): Entry | undefined {
    const type = this.#uint16(at + 2);
    const size = typeSizes[type] ?? 0;
    const count = this.#big ? this.#uint64(at + 4) : this.#uint32(at + 4);
    if (size === 0 || count === 0) return undefined;
    const field = at + (this.#big ? 12 : 8);
    const inline = this.#big ? 8 : 4;
    let values = field;
    if (size * count > inline) values = this.#big ? this.#uint64(field) : this.#uint32(field);
    if (values + size * count <= this.#bytes.length) return { entry: at, type, count, at: values };
    // What is cut off by the end of the file may still be of use: an array of strips, for one.
    const left = Math.floor((this.#bytes.length - values) / size);
    return left > 0 ? { entry: at, type, count: left, at: values } : undefined;
  }

  #readPage(entries: Directory): TiffPage | undefined {
    const width = this.#number(entries, tag.imageWidth, 0);
    const height = this.#number(entries, tag.imageLength, 0);
    if (width < 1 || height < 1) return undefined;
    if (width > maxWidth || height > maxHeight || width * height > this.#limits.pixels) {
      throw new FaxError("document_too_large", "a page has too many pixels");
    }
    const tileWidth = this.#number(entries, tag.tileWidth, 0);
    const tileHeight = this.#number(entries, tag.tileLength, 0);
    const isTiled = tileWidth > 0 && tileHeight > 0 && entries.has(tag.tileOffsets);
    if (isTiled && (tileWidth > maxWidth || tileWidth * tileHeight > this.#limits.pixels)) {
      throw new FaxError("document_too_large", "a page has too many pixels");
    }
    if (!isTiled && !entries.has(tag.stripOffsets)) return undefined;
    const samplesPerPixel = this.#number(entries, tag.samplesPerPixel, 1);
    const rowsPerStrip = this.#number(entries, tag.rowsPerStrip, height);
    const tables = entries.get(tag.jpegTables);
    const colorMap = entries.get(tag.colorMap);
    const tile = isTiled ? { width: tileWidth, height: tileHeight } : undefined;
    const planarConfiguration = this.#number(entries, tag.planarConfiguration, 1);
    const page: Omit<TiffPage, "segmentCount" | "segments" | "colorMap" | "alone"> = {
      width,
      height,
      compression: this.#number(entries, tag.compression, 1),
      bitsPerSample: this.#number(entries, tag.bitsPerSample, 1),
      samplesPerPixel,
      photometric: entries.has(tag.photometric) ? this.#number(entries, tag.photometric, 0) : undefined,
      fillOrder: this.#number(entries, tag.fillOrder, 1),
      t4Options: this.#number(entries, tag.t4Options, 0),
      t6Options: this.#number(entries, tag.t6Options, 0),
      orientation: this.#number(entries, tag.orientation, 1),
      planarConfiguration,
      predictor: this.#number(entries, tag.predictor, 1),
      sampleFormat: this.#number(entries, tag.sampleFormat, 1),
      rowsPerStrip: rowsPerStrip < 1 ? height : Math.min(rowsPerStrip, height),
      tile,
      xResolution: this.#optionalNumber(entries, tag.xResolution),
      yResolution: this.#optionalNumber(entries, tag.yResolution),
      resolutionUnit: this.#number(entries, tag.resolutionUnit, 2),
      jpegTables: tables && this.#bytes.subarray(tables.at, tables.at + tables.count),
      hasColorMap: colorMap !== undefined,
      subsampling: this.#pair(entries, tag.ycbcrSubSampling, [2, 2]),
      hasExtraSamples: entries.has(tag.extraSamples),
      cleanFaxData: this.#optionalNumber(entries, tag.cleanFaxData),
      software: this.#text(entries, tag.software),
    };
    const across = tile ? Math.ceil(width / tile.width) : 1;
    const down = Math.ceil(height / (tile?.height ?? page.rowsPerStrip));
    const planes = planarConfiguration === 2 ? Math.min(samplesPerPixel, 8) : 1;
    const offsets = entries.get(isTiled ? tag.tileOffsets : tag.stripOffsets) as Entry;
    const lengths = entries.get(isTiled ? tag.tileByteCounts : tag.stripByteCounts);
    const first = this.#value(offsets, 0);
    if (first !== undefined) this.#landmarks.push(first);
    const segmentCount = Math.min(offsets.count, across * down * planes);
    return {
      ...page,
      segmentCount,
      segments: () => this.#segments(offsets, lengths, segmentCount),
      colorMap: () => (colorMap ? this.#numbers(colorMap, 3 * 256) : []),
      alone: () => this.#pageAlone(entries),
    };
  }

  #pageAlone(entries: Directory): Uint8Array[] | undefined {
    if (this.#big) return undefined;
    const sorted = [...entries].sort(([a], [b]) => a - b);
    const skew = this.#bytes.length & 1;
    const directory = new Uint8Array(skew + 2 + sorted.length * 12 + 4);
    const view = new DataView(directory.buffer);
    view.setUint16(skew, sorted.length, this.#little);
    sorted.forEach(([, { entry }], index) => {
      directory.set(this.#bytes.subarray(entry, entry + 12), skew + 2 + index * 12);
    });
    const header = this.#bytes.slice(0, 8);
    new DataView(header.buffer).setUint32(4, this.#bytes.length + skew, this.#little);
    return [header, this.#bytes.subarray(8), directory];
  }

  #segments(offsets: Entry, lengths: Entry | undefined, expected: number): TiffSegment[] {
    const starts = this.#numbers(offsets, expected);
    const given = lengths ? this.#numbers(lengths, expected) : [];
    // A zero among other counts is an empty strip; nothing but zeros are counts that were never filled in.
    const isUnknown = given.every((length) => length === 0);
    let ends: Float64Array | undefined;
    return starts.map((offset, index) => {
      if (!(offset >= 0 && offset < this.#bytes.length)) return { offset: this.#bytes.length, length: 0 };
      let length = given[index];
      if (length === undefined || isUnknown) {
        // Data without a byte count ends where the next thing starts.
        ends ??= Float64Array.from([...starts, ...this.#landmarks]).sort();
        length = firstAbove(ends, offset) - offset;
      }
      return { offset, length: Math.max(0, Math.min(length, this.#bytes.length - offset)) };
    });
  }

  /** A whole number; a tag of a strange type or value counts as missing. */
  #number(entries: Directory, id: number, fallback: number): number {
    const value = this.#optionalNumber(entries, id);
    return value === undefined || !Number.isInteger(value) || value < 0 ? fallback : value;
  }

  #optionalNumber(entries: Directory, id: number): number | undefined {
    const entry = entries.get(id);
    return entry && this.#value(entry, 0);
  }

  #numbers(entry: Entry, most: number): number[] {
    const count = Math.min(entry.count, most);
    const values = new Array<number>(count);
    for (let i = 0; i < count; i += 1) values[i] = this.#value(entry, i) ?? 0;
    return values;
  }

  #pair(entries: Directory, id: number, fallback: readonly [number, number]): readonly [number, number] {
    const entry = entries.get(id);
    if (entry === undefined || entry.count < 2) return fallback;
    return [this.#value(entry, 0) ?? fallback[0], this.#value(entry, 1) ?? fallback[1]];
  }

  #text(entries: Directory, id: number): string | undefined {
    const entry = entries.get(id);
    if (entry === undefined || entry.type !== 2) return undefined;
    const text = Buffer.from(
      this.#bytes.buffer,
      this.#bytes.byteOffset + entry.at,
      Math.min(entry.count, 64),
    );
    return text.toString("latin1").replace(/\0.*$/s, "");
  }

  #value(entry: Entry, index: number): number | undefined {
    const at = entry.at + index * (typeSizes[entry.type] as number);
    switch (entry.type) {
      case 1:
        return this.#view.getUint8(at);
      case 3:
        return this.#uint16(at);
      case 4:
      case 13:
        return this.#uint32(at);
      case 5: {
        const denominator = this.#uint32(at + 4);
        return denominator === 0 ? undefined : this.#uint32(at) / denominator;
      }
      // Signed and floating types occur for resolutions and, wrongly, for sizes.
      case 6:
        return this.#view.getInt8(at);
      case 8:
        return this.#view.getInt16(at, this.#little);
      case 9:
        return this.#view.getInt32(at, this.#little);
      case 11:
        return this.#view.getFloat32(at, this.#little);
      case 12:
        return this.#view.getFloat64(at, this.#little);
      case 16:
      case 17:
      case 18:
        return this.#uint64(at);
      default:
        return undefined;
    }
  }

  #uint16(at: number): number {
    return this.#view.getUint16(at, this.#little);
  }

  #uint32(at: number): number {
    return this.#view.getUint32(at, this.#little);
  }

  /** Above 2^53 this is inexact, but then it is outside every file. */
  #uint64(at: number): number {
    const first = this.#uint32(at);
    const second = this.#uint32(at + 4);
    return this.#little ? second * 0x1_0000_0000 + first : first * 0x1_0000_0000 + second;
  }
}

function firstAbove(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) > value) high = middle;
    else low = middle + 1;
  }
  return sorted[low] as number;
}
