import { FaxError } from "@faxbot/core/transport";
import { PdfObjectIndex } from "./pdf-object-index.ts";
import {
  isPdfDictionary,
  isPdfReference,
  type PdfDictionary,
  PdfParser,
  PdfSyntaxError,
  type PdfValue,
} from "./pdf-parser.ts";
import type { PdfReadBudget } from "./pdf-read-budget.ts";
import { decodePdfStreamData } from "./pdf-stream-data.ts";
import type { TimeSlice } from "./time-slice.ts";

/** What is needed to find the objects of a PDF file. */
export interface PdfCrossReferences {
  index: PdfObjectIndex;
  /** The newest trailer, or the dictionary of the newest cross-reference stream. */
  trailer: PdfDictionary;
  /** What to add to the offsets in the file: the position of the header when there is junk in front of it. */
  base: number;
}

/** An object with the place of its stream's data, when it has any. */
export interface PdfIndirectObject {
  number: number;
  generation: number;
  value: PdfValue;
  streamStart?: number;
}

const maxSections = 500;
const maxCrossReferenceBytes = 8 << 20;
// How far the end of a stream is searched whose length is wrong.
const maxStreamBytes = 8 << 20;
const searchBytes = 1 << 18;
// Of objects that are found by a search.
const maxRecoveredObjects = 1 << 18;
const maxRecoveredStreams = 20_000;
const tailBytes = 4096;

/** Reads the object that starts at an offset. */
export function readIndirectObject(
  bytes: Uint8Array,
  offset: number,
  budget: PdfReadBudget,
): PdfIndirectObject {
  const parser = new PdfParser(bytes, offset, budget);
  const { number, generation } = parser.readObjectHeader();
  const value = parser.readValue();
  const streamStart = isPdfDictionary(value) ? parser.readStreamStart() : undefined;
  return { number, generation, value, ...(streamStart !== undefined && { streamStart }) };
}

/**
 * The data of a stream as it is in the file. `/Length` is believed when `endstream` follows; otherwise the next
 * `endstream` ends it.
 */
export function streamBytes(
  bytes: Uint8Array,
  start: number,
  length: PdfValue | undefined,
  budget: PdfReadBudget,
): Uint8Array {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (typeof length === "number" && length >= 0 && start + length <= bytes.length) {
    const after = file.toString("latin1", start + length, start + length + 20);
    if (/^\s{0,4}endstream/.test(after)) return bytes.subarray(start, start + length);
  }
  const window = file.subarray(start, start + Math.min(maxStreamBytes, budget.searching));
  const found = window.indexOf("endstream", 0, "latin1");
  budget.search(found < 0 ? window.length : found);
  if (found < 0) throw new PdfSyntaxError("stream without an end");
  return bytes.subarray(start, start + found);
}

/**
 * Reads the cross-reference tables and streams from the newest to the oldest (ISO 32000-1, 7.5.4 to 7.5.8).
 *
 * @param headerOffset where `%PDF-` is
 * @throws PdfSyntaxError when they are damaged
 */
export async function readPdfCrossReferences(
  bytes: Uint8Array,
  headerOffset: number,
  budget: PdfReadBudget,
  slice: TimeSlice,
): Promise<PdfCrossReferences> {
  const tailStart = Math.max(0, bytes.length - tailBytes);
  const tail = Buffer.from(bytes.buffer, bytes.byteOffset + tailStart, bytes.length - tailStart);
  const keyword = tail.lastIndexOf("startxref", undefined, "latin1");
  if (keyword < 0) throw new PdfSyntaxError("no startxref");
  const start = new PdfParser(bytes, tailStart + keyword + "startxref".length, budget).readInteger();
  const base = sectionIsAt(bytes, start, budget) || headerOffset === 0 ? 0 : headerOffset;

  const index = new PdfObjectIndex();
  let trailer: PdfDictionary | undefined;
  const visited = new Set<number>();
  const waiting: number[] = [start];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (visited.has(next)) continue;
    visited.add(next);
    if (visited.size > maxSections) throw new PdfSyntaxError("too many cross-reference sections");
    const dictionary = await readSection(bytes, next + base, index, base, budget, slice);
    trailer ??= dictionary;
    const previous = dictionary.get("Prev");
    if (typeof previous === "number") waiting.push(previous);
  }
  if (trailer === undefined) throw new PdfSyntaxError("no trailer");
  return { index, trailer, base };
}

function sectionIsAt(bytes: Uint8Array, offset: number, budget: PdfReadBudget): boolean {
  try {
    const parser = new PdfParser(bytes, offset, budget);
    if (parser.readWord() === "xref") return true;
    parser.position = offset;
    parser.readObjectHeader();
    return true;
  } catch (error) {
    if (error instanceof PdfSyntaxError) return false;
    throw error;
  }
}

async function readSection(
  bytes: Uint8Array,
  offset: number,
  index: PdfObjectIndex,
  base: number,
  budget: PdfReadBudget,
  slice: TimeSlice,
): Promise<PdfDictionary> {
  const parser = new PdfParser(bytes, offset, budget);
  if (parser.readWord() !== "xref") return readStreamSection(bytes, offset, index, budget, slice);
  const { position, trailer } = await findTrailer(bytes, parser.position, budget, slice);
  // A hybrid file marks what is in object streams as free in its table, so its stream has the say.
  const hybrid = trailer.get("XRefStm");
  if (typeof hybrid === "number") await readStreamSection(bytes, hybrid + base, index, budget, slice);
  await readTable(bytes, parser.position, position, index, budget, slice);
  return trailer;
}

async function findTrailer(
  bytes: Uint8Array,
  from: number,
  budget: PdfReadBudget,
  slice: TimeSlice,
): Promise<{ position: number; trailer: PdfDictionary }> {
  if (slice.due()) await slice.pause();
  const position = await firstTrailer(bytes, from, slice);
  if (position === undefined) throw new PdfSyntaxError("no trailer");
  const trailer = new PdfParser(bytes, position + "trailer".length, budget).readValue();
  if (!isPdfDictionary(trailer)) throw new PdfSyntaxError("no trailer");
  return { position, trailer };
}

async function readTable(
  bytes: Uint8Array,
  from: number,
  to: number,
  index: PdfObjectIndex,
  budget: PdfReadBudget,
  slice: TimeSlice,
): Promise<void> {
  let position = skipSpace(bytes, from);
  while (position < to) {
    if (slice.due()) await slice.pause();
    const parser = new PdfParser(bytes, position, budget);
    const first = parser.readInteger();
    const count = parser.readInteger();
    position = skipSpace(bytes, parser.position);
    for (let i = 0; i < count; i += 1) {
      if ((i & 1023) === 1023 && slice.due()) await slice.pause();
      const offset = readDigits(bytes, position, 10);
      readDigits(bytes, position + 11, 5);
      const kind = bytes[position + 17];
      if (kind === 0x6e) index.add(first + i, { offset });
      else if (kind === 0x66) index.add(first + i, "free");
      else throw new PdfSyntaxError("damaged cross-reference table");
      position = skipSpace(bytes, position + 18);
    }
  }
}

function readDigits(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i += 1) {
    const digit = (bytes[i] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) throw new PdfSyntaxError("damaged cross-reference table");
    value = value * 10 + digit;
  }
  return value;
}

function skipSpace(bytes: Uint8Array, at: number): number {
  let position = at;
  while (position < at + 4096) {
    const code = bytes[position];
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return position;
    position += 1;
  }
  throw new PdfSyntaxError("damaged cross-reference table");
}

async function readStreamSection(
  bytes: Uint8Array,
  offset: number,
  index: PdfObjectIndex,
  budget: PdfReadBudget,
  slice: TimeSlice,
): Promise<PdfDictionary> {
  if (slice.due()) await slice.pause();
  const { value, streamStart } = readIndirectObject(bytes, offset, budget);
  if (!isPdfDictionary(value) || value.get("Type") !== "XRef" || streamStart === undefined) {
    throw new PdfSyntaxError("no cross-reference section");
  }
  const raw = streamBytes(bytes, streamStart, value.get("Length"), budget);
  const charge = (count: number) => budget.crossReference(count);
  const data = await decodePdfStreamData(raw, value, maxCrossReferenceBytes, charge, slice);
  const widths = integers(value.get("W"));
  const size = value.get("Size");
  const ranges = integers(value.get("Index") ?? [0, typeof size === "number" ? size : 0]);
  const [typeWidth = 0, firstWidth = 0, secondWidth = 0] = widths;
  const rowBytes = typeWidth + firstWidth + secondWidth;
  if (widths.length < 3 || widths.some((width) => width > 8) || firstWidth === 0 || ranges.length % 2 !== 0) {
    throw new PdfSyntaxError("damaged cross-reference stream");
  }
  let at = 0;
  let entries = 0;
  for (let range = 0; range < ranges.length; range += 2) {
    const first = ranges[range] as number;
    const count = ranges[range + 1] as number;
    for (let i = 0; i < count && at + rowBytes <= data.length; i += 1, at += rowBytes) {
      entries += 1;
      if ((entries & 1023) === 0 && slice.due()) await slice.pause();
      const type = typeWidth === 0 ? 1 : readNumber(data, at, typeWidth);
      const a = readNumber(data, at + typeWidth, firstWidth);
      const b = readNumber(data, at + typeWidth + firstWidth, secondWidth);
      if (type === 0) index.add(first + i, "free");
      else if (type === 1) index.add(first + i, { offset: a });
      else if (type === 2) index.add(first + i, { stream: a, index: b });
    }
  }
  return value;
}

function readNumber(data: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let i = at; i < at + width; i += 1) value = value * 256 + (data[i] as number);
  return value;
}

function integers(value: PdfValue | undefined): number[] {
  if (!Array.isArray(value) || value.length > 100_000) throw new PdfSyntaxError("array of integers expected");
  return value.map((item) => {
    if (typeof item !== "number" || !Number.isInteger(item) || item < 0) {
      throw new PdfSyntaxError("array of integers expected");
    }
    return item;
  });
}

/** An object that was found by a search. */
interface FoundObject {
  number: number;
  offset: number;
}

/**
 * Finds the objects of a file whose cross-references are damaged, by looking for `n g obj` from the start; the last of
 * each number wins. Readers do the same. A file in which no trailer names the catalog is not recovered: its end is
 * missing, and with it perhaps pages.
 *
 * @param contentsOf lists the object numbers in an object stream
 * @throws PdfSyntaxError when there is nothing to recover
 */
export async function recoverPdfCrossReferences(
  bytes: Uint8Array,
  contentsOf: (object: PdfIndirectObject, trailer: PdfDictionary) => Promise<number[]>,
  budget: PdfReadBudget,
  slice: TimeSlice,
): Promise<PdfCrossReferences> {
  const index = new PdfObjectIndex();
  const { objects, trailers } = await search(bytes, slice);
  const streams: FoundObject[] = [];
  let trailer: PdfDictionary | undefined;
  for (const [step, object] of objects.entries()) {
    if ((step & 255) === 255 && slice.due()) await slice.pause();
    index.replace(object.number, { offset: object.offset });
    // Only objects whose dictionary says so are parsed: parsing all would cost more than the search.
    if (!mayIndexObjects(bytes, object.offset)) continue;
    if (slice.due()) await slice.pause();
    streams.push(object);
    if (streams.length > maxRecoveredStreams) throw tooManyObjects();
    const value = tryObject(bytes, object.offset, budget)?.value;
    if (isPdfDictionary(value) && value.get("Type") === "XRef" && isPdfReference(value.get("Root")))
      trailer = value;
  }
  for (const position of trailers.reverse()) {
    if (slice.due()) await slice.pause();
    const value = tryTrailer(bytes, position, budget);
    if (value === undefined) continue;
    trailer = value;
    break;
  }
  if (trailer === undefined) throw new PdfSyntaxError("no trailer");
  for (const { number, offset } of streams) {
    if (slice.due()) await slice.pause();
    const place = index.get(number);
    if (place === undefined || !("offset" in place) || place.offset !== offset) continue;
    const object = tryObject(bytes, offset, budget);
    if (object === undefined || !isPdfDictionary(object.value) || object.value.get("Type") !== "ObjStm")
      continue;
    const numbers = await contentsOf(object, trailer).catch((error: unknown) => {
      if (error instanceof PdfSyntaxError) return [];
      throw error;
    });
    for (const [position, contained] of numbers.entries()) {
      index.add(contained, { stream: number, index: position });
    }
  }
  return { index, trailer, base: 0 };
}

function tooManyObjects(): FaxError {
  return new FaxError("document_too_large", "the PDF has too many objects");
}

function mayIndexObjects(bytes: Uint8Array, offset: number): boolean {
  const length = Math.min(400, bytes.length - offset);
  const head = Buffer.from(bytes.buffer, bytes.byteOffset + offset, length).toString("latin1");
  return head.includes("/ObjStm") || head.includes("/XRef");
}

function tryObject(bytes: Uint8Array, offset: number, budget: PdfReadBudget): PdfIndirectObject | undefined {
  try {
    return readIndirectObject(bytes, offset, budget);
  } catch (error) {
    if (error instanceof PdfSyntaxError) return undefined;
    throw error;
  }
}

function tryTrailer(bytes: Uint8Array, position: number, budget: PdfReadBudget): PdfDictionary | undefined {
  try {
    const value = new PdfParser(bytes, position + "trailer".length, budget).readValue();
    return isPdfDictionary(value) && isPdfReference(value.get("Root")) ? value : undefined;
  } catch (error) {
    if (error instanceof PdfSyntaxError) return undefined;
    throw error;
  }
}

/** Goes through the file once, for the headers of objects and for the last trailers. */
async function search(
  bytes: Uint8Array,
  slice: TimeSlice,
): Promise<{ objects: FoundObject[]; trailers: number[] }> {
  const objects: FoundObject[] = [];
  const trailers: number[] = [];
  for (let start = 0; start < bytes.length; start += searchBytes) {
    if (slice.due()) await slice.pause();
    const end = Math.min(bytes.length, start + searchBytes);
    for (let at = start; at < end; at += 1) {
      const code = bytes[at];
      if (code === 0x6f && bytes[at + 1] === 0x62 && bytes[at + 2] === 0x6a) {
        const object = objectHeaderBefore(bytes, at);
        if (object !== undefined) objects.push(object);
      } else if (code === 0x74 && isTrailer(bytes, at)) {
        trailers.push(at);
        // The last ones count; drop the others now and then.
        if (trailers.length > 2 * maxSections) trailers.splice(0, maxSections);
      }
    }
    if (objects.length > maxRecoveredObjects) throw tooManyObjects();
  }
  return { objects, trailers };
}

async function firstTrailer(bytes: Uint8Array, from: number, slice: TimeSlice): Promise<number | undefined> {
  for (let start = from; start < bytes.length; start += searchBytes) {
    if (slice.due()) await slice.pause();
    const length = Math.min(bytes.length - start, searchBytes + "trailer".length - 1);
    const window = Buffer.from(bytes.buffer, bytes.byteOffset + start, length);
    const at = window.indexOf("trailer", 0, "latin1");
    if (at >= 0) return start + at;
  }
  return undefined;
}

function isTrailer(bytes: Uint8Array, at: number): boolean {
  for (let i = 1; i < trailerWord.length; i += 1) if (bytes[at + i] !== trailerWord[i]) return false;
  return true;
}

const trailerWord = Buffer.from("trailer", "latin1");

/** The `n g` in front of an `obj`; undefined for `endobj` and for text that only looks like it. */
function objectHeaderBefore(bytes: Uint8Array, obj: number): FoundObject | undefined {
  let at = obj - 1;
  let number = 0;
  for (let part = 0; part < 2; part += 1) {
    const spaces = at;
    while (at >= 0 && spaces - at < 16 && isSpace(bytes[at] as number)) at -= 1;
    if (at === spaces) return undefined;
    const digits = at;
    number = 0;
    for (let unit = 1; at >= 0 && digits - at < 10; unit *= 10, at -= 1) {
      const digit = (bytes[at] as number) - 0x30;
      if (digit < 0 || digit > 9) break;
      number += digit * unit;
    }
    if (at === digits) return undefined;
  }
  return { number, offset: at + 1 };
}

function isSpace(code: number): boolean {
  return code === 32 || code === 10 || code === 13 || code === 9 || code === 12 || code === 0;
}
