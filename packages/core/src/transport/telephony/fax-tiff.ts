import { type FaxDocument, readAll } from "../fax-document.ts";
import { FaxError } from "../fax-error.ts";

/** Field types of TIFF 6.0 section 2 that the tags below use. */
const short = 3;
const long = 4;
const rational = 5;

const windowBytes = 64 * 1024;
const mostPages = 10_000;
const pageWidth = 1728;
const dotsPerInch = 204;
const linesPerInch = [98, 196, 391];
/** Files of 200 x 100 and 200 x 200 dots per inch are sent as 204 x 98 and 204 x 196. */
const tolerance = 0.05;

/**
 * Checks that a TIFF file is one that Asterisk and FreeSWITCH send as it is: on every page 1 bit per pixel, 1728 pixels
 * wide, Group 3 or 4 in strips, 204 dots and 98, 196 or 391 lines per inch (RFC 2306). They find out only after the far
 * end has answered, which costs a call.
 *
 * @throws FaxError `transport_rejected` with `failure.reason` `document`
 * @example
 * const { pages } = await checkFaxTiff(job.document);
 */
export async function checkFaxTiff(document: FaxDocument): Promise<{ pages: number }> {
  const reader = new TiffWindow(document);
  const order = (await reader.bytes(0, 2)).toString("latin1");
  if (order !== "II" && order !== "MM") throw notSendable("it is no TIFF file");
  reader.littleEndian = order === "II";
  if ((await reader.uint16(2)) !== 42) throw notSendable("it is no TIFF file");
  const seen = new Set<number>();
  let offset = await reader.uint32(4);
  while (offset !== 0) {
    if (seen.has(offset) || seen.size === mostPages) throw notSendable("its pages never end");
    seen.add(offset);
    const entries = await reader.uint16(offset);
    checkPage(await readTags(reader, offset + 2, entries), document.size);
    offset = await reader.uint32(offset + 2 + entries * 12);
  }
  if (seen.size === 0) throw notSendable("it has no pages");
  return { pages: seen.size };
}

/** The values of the tags that matter, by their numbers in TIFF 6.0. */
type Tags = ReadonlyMap<number, readonly number[]>;

const wanted = {
  width: 256,
  height: 257,
  bitsPerSample: 258,
  compression: 259,
  stripOffsets: 273,
  samplesPerPixel: 277,
  stripByteCounts: 279,
  xResolution: 282,
  yResolution: 283,
  resolutionUnit: 296,
} as const;
const wantedNumbers: ReadonlySet<number> = new Set(Object.values(wanted));

async function readTags(reader: TiffWindow, start: number, entries: number): Promise<Tags> {
  const tags = new Map<number, number[]>();
  for (let index = 0; index < entries; index++) {
    const at = start + index * 12;
    const tag = await reader.uint16(at);
    if (!wantedNumbers.has(tag)) continue;
    const type = await reader.uint16(at + 2);
    const count = await reader.uint32(at + 4);
    const size = type === short ? 2 : type === long ? 4 : type === rational ? 8 : 0;
    if (size === 0 || count === 0) throw notSendable("a tag has an odd type");
    const values = count * size <= 4 ? at + 8 : await reader.uint32(at + 8);
    if (values + count * size > reader.size) throw notSendable("it is cut off");
    const read: number[] = [];
    for (let each = 0; each < count; each++) read.push(await reader.value(type, values + each * size));
    tags.set(tag, read);
  }
  return tags;
}

function checkPage(tags: Tags, fileSize: number): void {
  const one = (tag: number, otherwise: number) => tags.get(tag)?.[0] ?? otherwise;
  if (one(wanted.width, 0) !== pageWidth) throw notSendable(`a page is not ${pageWidth} pixels wide`);
  if (one(wanted.height, 0) === 0) throw notSendable("a page has no length");
  if (one(wanted.bitsPerSample, 1) !== 1 || one(wanted.samplesPerPixel, 1) !== 1)
    throw notSendable("a page is not black and white");
  if (![3, 4].includes(one(wanted.compression, 1))) throw notSendable("a page is not Group 3 or 4");
  // Dots per centimetre where the unit says so; spandsp takes a page without the tags for one of standard resolution.
  const perInch = one(wanted.resolutionUnit, 2) === 3 ? 2.54 : 1;
  const x = one(wanted.xResolution, 0) * perInch;
  const y = one(wanted.yResolution, 0) * perInch;
  if (
    one(wanted.resolutionUnit, 2) === 1 ||
    !isNear(x, dotsPerInch) ||
    !linesPerInch.some((lines) => isNear(y, lines))
  )
    throw notSendable("a page has a resolution that fax machines do not know");
  const offsets = tags.get(wanted.stripOffsets) ?? [];
  const lengths = tags.get(wanted.stripByteCounts) ?? [];
  if (offsets.length === 0 || offsets.length !== lengths.length) throw notSendable("a page has no strips");
  if (offsets.some((offset, index) => offset + (lengths[index] as number) > fileSize))
    throw notSendable("it is cut off");
}

function isNear(value: number, nominal: number): boolean {
  return Math.abs(value - nominal) <= nominal * tolerance;
}

function notSendable(why: string): FaxError {
  return new FaxError("transport_rejected", `this TIFF file cannot be sent as a fax: ${why}`, {
    failure: { reason: "document", retryable: false, providerCode: "TIFF" },
  });
}

/** Reads numbers of a document here and there without holding all of it. */
class TiffWindow {
  littleEndian = true;
  readonly size: number;
  readonly #document: FaxDocument;
  #window: Buffer = Buffer.alloc(0);
  #start = 0;

  constructor(document: FaxDocument) {
    this.#document = document;
    this.size = document.size;
  }

  async bytes(at: number, length: number): Promise<Buffer> {
    if (at + length > this.size) throw notSendable("it is cut off");
    if (at < this.#start || at + length > this.#start + this.#window.byteLength) {
      const end = Math.min(at + windowBytes, this.size) - 1;
      const read = await readAll(await this.#document.open({ start: at, end }), end - at + 1);
      if (read.byteLength < length) throw notSendable("it is cut off");
      this.#window = Buffer.from(read.buffer, read.byteOffset, read.byteLength);
      this.#start = at;
    }
    return this.#window.subarray(at - this.#start, at - this.#start + length);
  }

  async uint16(at: number): Promise<number> {
    const bytes = await this.bytes(at, 2);
    return this.littleEndian ? bytes.readUInt16LE() : bytes.readUInt16BE();
  }

  async uint32(at: number): Promise<number> {
    const bytes = await this.bytes(at, 4);
    return this.littleEndian ? bytes.readUInt32LE() : bytes.readUInt32BE();
  }

  async value(type: number, at: number): Promise<number> {
    if (type === short) return this.uint16(at);
    if (type === long) return this.uint32(at);
    const denominator = await this.uint32(at + 4);
    return denominator === 0 ? 0 : (await this.uint32(at)) / denominator;
  }
}
