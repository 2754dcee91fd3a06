import { promisify } from "node:util";
import { constants, inflate } from "node:zlib";
import { FaxError } from "@faxbot/core/transport";
import { isPdfDictionary, type PdfDictionary, PdfSyntaxError, type PdfValue } from "./pdf-parser.ts";
import type { TimeSlice } from "./time-slice.ts";

const inflateBytes = promisify(inflate);

/**
 * Decodes the data of a cross-reference or object stream: FlateDecode with or without a predictor, which is what
 * writers use for these two.
 *
 * @param data the bytes between `stream` and `endstream`, decrypted
 * @param maxBytes the most bytes to inflate to
 * @param charge is told before the work how many bytes it is over: those inflated, and again those of a predictor
 * @throws FaxError `document_too_large` when the data inflates to more
 * @throws PdfSyntaxError when the data is damaged or uses another filter
 */
export async function decodePdfStreamData(
  data: Uint8Array,
  dictionary: PdfDictionary,
  maxBytes: number,
  charge: (bytes: number) => void,
  slice: TimeSlice,
): Promise<Uint8Array> {
  const filters = asList(dictionary.get("Filter") ?? dictionary.get("F"));
  const parameters = asList(dictionary.get("DecodeParms") ?? dictionary.get("DP"));
  // A second filter gains nothing and is how nested bombs are built.
  if (filters.length > 1) throw new PdfSyntaxError("more than one filter");
  if (filters.length === 0) {
    charge(data.length);
    return data;
  }
  if (filters[0] !== "FlateDecode" && filters[0] !== "Fl") throw new PdfSyntaxError("unknown filter");
  const inflated = await inflateBounded(data, maxBytes);
  charge(inflated.length);
  const parameter = parameters[0];
  return isPdfDictionary(parameter) ? undoPredictor(inflated, parameter, charge, slice) : inflated;
}

async function inflateBounded(data: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  try {
    // Z_SYNC_FLUSH: take what is there when the checksum at the end is cut off, as readers do.
    return await inflateBytes(data, { maxOutputLength: maxBytes, finishFlush: constants.Z_SYNC_FLUSH });
  } catch (error) {
    if (error instanceof RangeError) {
      throw new FaxError("document_too_large", "the PDF's compressed objects are too large");
    }
    throw new PdfSyntaxError("damaged compressed data");
  }
}

function asList(value: PdfValue | undefined): PdfValue[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

// ISO 32000-1, 7.4.4.4; the PNG filters are those of RFC 2083, section 6.
async function undoPredictor(
  bytes: Uint8Array,
  parameters: PdfDictionary,
  charge: (bytes: number) => void,
  slice: TimeSlice,
): Promise<Uint8Array> {
  const parameter = (name: string, fallback: number): number => {
    const value = parameters.get(name);
    return typeof value === "number" && Number.isInteger(value) && value > 0 ? value : fallback;
  };
  const predictor = parameter("Predictor", 1);
  if (predictor === 1) return bytes;
  const bits = parameter("Colors", 1) * parameter("BitsPerComponent", 8);
  const rowBytes = Math.ceil((bits * parameter("Columns", 1)) / 8);
  // TIFF's predictor 2 is for images only; nobody writes cross-references with it.
  if (predictor < 10 || bits > 64 || rowBytes > 65_536) throw new PdfSyntaxError("unknown predictor");
  const step = Math.ceil(bits / 8);
  const rows = Math.floor((bytes.length + rowBytes) / (rowBytes + 1));
  charge(rows * rowBytes);
  const out = new Uint8Array(rows * rowBytes);
  for (let row = 0; row < rows; row += 1) {
    if ((row & 1023) === 0 && slice.due()) await slice.pause();
    const source = row * (rowBytes + 1);
    unfilterRow(bytes, source, out, row * rowBytes, rowBytes, step);
  }
  return out;
}

function unfilterRow(
  bytes: Uint8Array,
  source: number,
  out: Uint8Array,
  target: number,
  rowBytes: number,
  step: number,
): void {
  const filter = bytes[source] as number;
  if (filter > 4) throw new PdfSyntaxError("unknown predictor row");
  const count = Math.min(rowBytes, bytes.length - source - 1);
  for (let i = 0; i < count; i += 1) {
    const raw = bytes[source + 1 + i] as number;
    const left = i >= step ? (out[target + i - step] as number) : 0;
    const up = target > 0 ? (out[target + i - rowBytes] as number) : 0;
    const upLeft = target > 0 && i >= step ? (out[target + i - rowBytes - step] as number) : 0;
    let predicted = 0;
    if (filter === 1) predicted = left;
    else if (filter === 2) predicted = up;
    else if (filter === 3) predicted = (left + up) >> 1;
    else if (filter === 4) predicted = paeth(left, up, upLeft);
    out[target + i] = raw + predicted;
  }
}

function paeth(left: number, up: number, upLeft: number): number {
  const estimate = left + up - upLeft;
  const toLeft = Math.abs(estimate - left);
  const toUp = Math.abs(estimate - up);
  const toUpLeft = Math.abs(estimate - upLeft);
  if (toLeft <= toUp && toLeft <= toUpLeft) return left;
  return toUp <= toUpLeft ? up : upLeft;
}
