import { finished } from "node:stream/promises";
import { constants, createDeflate } from "node:zlib";
import { BitWriter } from "./bit-writer.ts";
import { changeListSize, encodeRow2D, findChanges, whiteRow, writeEndOfBlock } from "./ccitt-encoder.ts";
import { copyBytes } from "./copy-bytes.ts";
import { readJpegFrame, withJpegTables } from "./jpeg-strip.ts";
import { reverseBits } from "./reverse-bits.ts";
import { bytesPerRow, type TiffBand, tiffBands } from "./tiff-bands.ts";
import type { TiffPage } from "./tiff-reader.ts";
import { isUnpackable } from "./tiff-unpack.ts";
import type { TimeSlice } from "./time-slice.ts";

/** A page that is not fax data in strips, as it goes into a PDF. */
export interface ImagePage {
  method: "reencode" | "g4" | "image";
  /** Entries of the image dictionary. */
  coding: string;
  data: Uint8Array[];
  missingRows: number;
}

/**
 * Brings a page that is not fax data in strips into a form that PDF has. Bilevel pages are coded as T.6. Grey, palette, RGB and
 * CMYK pages keep their data where PDF has the same compression, and are compressed anew otherwise.
 *
 * @returns undefined for a page of another kind
 */
export async function convertImagePage(
  bytes: Uint8Array,
  page: TiffPage,
  slice: TimeSlice,
): Promise<ImagePage | undefined> {
  if (page.compression === 7) return jpegPage(bytes, page);
  if (!hasPlainSamples(page) || isOldLzw(bytes, page)) return undefined;
  if (isBilevel(page)) return bilevelPage(bytes, page, slice);
  const colour = colourSpace(page);
  if (colour === undefined || !isUnpackable(page.compression)) return undefined;
  if (page.predictor === 2 && page.bitsPerSample !== 8) return undefined;
  return (await sameData(bytes, page, colour, slice)) ?? packedAnew(bytes, page, colour, slice);
}

/** LZW as it was before TIFF 6.0, least significant bit first: its clear code is 00 01 instead of 80 0x. */
function isOldLzw(bytes: Uint8Array, page: TiffPage): boolean {
  const [first] = page.segments();
  return page.compression === 5 && first !== undefined && bytes[first.offset] === 0;
}

function hasPlainSamples(page: TiffPage): boolean {
  return (
    (page.planarConfiguration === 1 || page.samplesPerPixel === 1) &&
    page.sampleFormat === 1 &&
    !page.hasExtraSamples &&
    (page.predictor === 1 || page.predictor === 2)
  );
}

function isBilevel(page: TiffPage): boolean {
  if (page.bitsPerSample !== 1 || page.samplesPerPixel !== 1 || page.predictor !== 1) return false;
  if (page.photometric !== undefined && page.photometric > 1) return false;
  if (page.tile === undefined) return isUnpackable(page.compression);
  return page.tile.width % 8 === 0 && (isUnpackable(page.compression) || page.compression === 4);
}

/** The colour space of ISO 32000-1, 8.6, with the decode array where zero is white. */
function colourSpace(page: TiffPage): string | undefined {
  const { bitsPerSample, samplesPerPixel, photometric } = page;
  if (![1, 2, 4, 8].includes(bitsPerSample)) return undefined;
  // Rows of a tile must end on a byte.
  if (page.tile !== undefined && (page.tile.width * bitsPerSample * samplesPerPixel) % 8 !== 0)
    return undefined;
  if (samplesPerPixel === 1) {
    if (photometric === 0) return "/ColorSpace/DeviceGray/Decode[1 0]";
    if (photometric === 1) return "/ColorSpace/DeviceGray";
    if (photometric === 3 && page.hasColorMap) return palette(page);
  }
  if (bitsPerSample !== 8) return undefined;
  if (samplesPerPixel === 3 && photometric === 2) return "/ColorSpace/DeviceRGB";
  if (samplesPerPixel === 4 && photometric === 5) return "/ColorSpace/DeviceCMYK";
  return undefined;
}

function palette(page: TiffPage): string | undefined {
  const colours = 1 << page.bitsPerSample;
  const map = page.colorMap();
  if (map.length < 3 * colours) return undefined;
  let table = "";
  for (let index = 0; index < colours; index += 1) {
    for (let part = 0; part < 3; part += 1) {
      const value = map[part * colours + index] as number;
      table += (value >>> 8).toString(16).padStart(2, "0");
    }
  }
  return `/ColorSpace[/Indexed/DeviceRGB ${colours - 1}<${table}>]`;
}

/** A single strip, or a tile that is the page, whose compression PDF has too. */
async function sameData(
  bytes: Uint8Array,
  page: TiffPage,
  colour: string,
  slice: TimeSlice,
): Promise<ImagePage | undefined> {
  const strip = onlyStrip(bytes, page);
  if (strip === undefined) return undefined;
  const data = page.fillOrder === 2 ? await reverseBits(strip, slice) : strip;
  let filter = "";
  let end: Uint8Array[] = [];
  if (page.compression === 1) {
    if (data.length < bytesPerRow(page) * page.height) return undefined;
  } else if (page.compression === 5) {
    filter = "/Filter/LZWDecode";
  } else if (page.compression === 32_773) {
    if (!(await isRunLengthData(data, slice))) return undefined;
    filter = "/Filter/RunLengthDecode";
    end = [Uint8Array.of(128)];
  } else {
    filter = "/Filter/FlateDecode";
  }
  const coding = `${colour}/BitsPerComponent ${page.bitsPerSample}${filter}${predictorOf(page, filter)}`;
  return { method: "image", coding, data: [data, ...end], missingRows: 0 };
}

function predictorOf(page: TiffPage, filter: string): string {
  if (page.predictor !== 2 || !(filter.endsWith("LZWDecode") || filter.endsWith("FlateDecode"))) return "";
  return (
    `/DecodeParms<</Predictor 2/Columns ${page.width}/Colors ${page.samplesPerPixel}` +
    `/BitsPerComponent ${page.bitsPerSample}>>`
  );
}

function onlyStrip(bytes: Uint8Array, page: TiffPage): Uint8Array | undefined {
  const isOne =
    page.tile === undefined
      ? page.rowsPerStrip >= page.height
      : page.tile.width === page.width && page.tile.height === page.height;
  const segments = isOne ? page.segments() : [];
  const [segment] = segments;
  return segment && segments.length === 1
    ? bytes.subarray(segment.offset, segment.offset + segment.length)
    : undefined;
}

/** PackBits has a code that does nothing; in PDF the same code ends the data. */
async function isRunLengthData(data: Uint8Array, slice: TimeSlice): Promise<boolean> {
  for (let at = 0, step = 0; at < data.length; step += 1) {
    if ((step & 0xffff) === 0xffff && slice.due()) await slice.pause();
    const head = data[at] as number;
    if (head === 128) return false;
    at += head < 128 ? head + 2 : 2;
  }
  return true;
}

function jpegPage(bytes: Uint8Array, page: TiffPage): ImagePage | undefined {
  const strip = onlyStrip(bytes, page);
  if (strip === undefined || page.planarConfiguration !== 1) return undefined;
  const frame = readJpegFrame(strip);
  if (
    frame === undefined ||
    frame.width !== page.width ||
    frame.height !== page.height ||
    frame.components !== page.samplesPerPixel ||
    frame.bitsPerComponent !== 8
  ) {
    return undefined;
  }
  const colour = jpegColour(page);
  if (colour === undefined) return undefined;
  const coding = `${colour}/BitsPerComponent 8/Filter/DCTDecode`;
  return { method: "image", coding, data: withJpegTables(page.jpegTables, strip), missingRows: 0 };
}

function jpegColour({ samplesPerPixel, photometric }: TiffPage): string | undefined {
  if (samplesPerPixel === 1 && photometric === 1) return "/ColorSpace/DeviceGray";
  if (samplesPerPixel === 1 && photometric === 0) return "/ColorSpace/DeviceGray/Decode[1 0]";
  if (samplesPerPixel === 3 && photometric === 6) return "/ColorSpace/DeviceRGB";
  if (samplesPerPixel === 3 && photometric === 2) {
    return "/ColorSpace/DeviceRGB/DecodeParms<</ColorTransform 0>>";
  }
  return undefined;
}

async function bilevelPage(bytes: Uint8Array, page: TiffPage, slice: TimeSlice): Promise<ImagePage> {
  const { width } = page;
  const writer = new BitWriter();
  let above = whiteRow(width);
  let missingRows = 0;
  // One word may hold 31 changes behind the width before they are cut off.
  const lists = [0, 1].map(() => new Int32Array(changeListSize(width) + 32)) as [Int32Array, Int32Array];
  const batch = Math.max(1, Math.floor((1 << 16) / width));
  let parity = 0;
  for await (const band of tiffBands(bytes, page, slice)) {
    missingRows += band.missingRows;
    for (let row = 0; row < band.rows; row += 1) {
      if (row % batch === 0 && slice.due()) await slice.pause();
      const at = row * band.stride;
      const list = lists[parity] as Int32Array;
      parity ^= 1;
      if (page.photometric === 1) {
        findChanges(inverted(band.data, at, at + ((width + 7) >>> 3)), 0, width, list);
      } else {
        findChanges(band.data, at, width, list);
      }
      encodeRow2D(writer, above, list, width);
      above = list;
    }
  }
  writeEndOfBlock(writer);
  const coding =
    "/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/CCITTFaxDecode" +
    `/DecodeParms<</K -1/Columns ${width}/Rows ${page.height}/EndOfBlock false>>`;
  return {
    method: page.compression === 4 ? "reencode" : "g4",
    coding,
    // A copy of its own size: thousands of small pages would each keep a large buffer.
    data: [await copyBytes(writer.finishParts())],
    missingRows,
  };
}

function inverted(data: Uint8Array, from: number, to: number): Uint8Array {
  const row = data.slice(from, to);
  for (let i = 0; i < row.length; i += 1) row[i] = ~(row[i] as number);
  return row;
}

async function packedAnew(
  bytes: Uint8Array,
  page: TiffPage,
  colour: string,
  slice: TimeSlice,
): Promise<ImagePage> {
  const rowBytes = bytesPerRow(page);
  const deflater = createDeflate({ level: constants.Z_BEST_SPEED });
  const data: Uint8Array[] = [];
  deflater.on("data", (chunk: Buffer) => data.push(chunk));
  const done = finished(deflater);
  // It also rejects when an error below ends the work early; that error is the one to report.
  done.catch(() => {});
  let missingRows = 0;
  try {
    for await (const band of tiffBands(bytes, page, slice)) {
      missingRows += band.missingRows;
      await write(deflater, band.stride === rowBytes ? band.data : await cropped(band, rowBytes, slice));
    }
    deflater.end();
    await done;
  } finally {
    deflater.destroy();
  }
  // The predictor of strips works row by row and is still in the data; that of tiles is undone.
  const predictor = page.tile === undefined ? predictorOf(page, "/Filter/FlateDecode") : "";
  const coding = `${colour}/BitsPerComponent ${page.bitsPerSample}/Filter/FlateDecode${predictor}`;
  return { method: "image", coding, data, missingRows };
}

function write(stream: ReturnType<typeof createDeflate>, data: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(data, (error) => (error ? reject(error) : resolve()));
  });
}

async function cropped(band: TiffBand, rowBytes: number, slice: TimeSlice): Promise<Uint8Array> {
  const out = new Uint8Array(band.rows * rowBytes);
  for (let row = 0; row < band.rows; row += 1) {
    if ((row & 15) === 15 && slice.due()) await slice.pause();
    const from = row * band.stride;
    out.set(band.data.subarray(from, from + rowBytes), row * rowBytes);
  }
  return out;
}
