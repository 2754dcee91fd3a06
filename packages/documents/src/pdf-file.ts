import { FaxError } from "@faxbot/core/transport";
import {
  type PdfCrossReferences,
  type PdfIndirectObject,
  readIndirectObject,
  readPdfCrossReferences,
  recoverPdfCrossReferences,
  streamBytes,
} from "./pdf-cross-references.ts";
import { PdfDecryption } from "./pdf-decryption.ts";
import {
  isPdfDictionary,
  isPdfReference,
  type PdfDictionary,
  PdfParser,
  PdfSyntaxError,
  type PdfValue,
} from "./pdf-parser.ts";
import { PdfReadBudget } from "./pdf-read-budget.ts";
import { decodePdfStreamData } from "./pdf-stream-data.ts";
import type { TimeSlice } from "./time-slice.ts";

interface ObjectStream {
  number: number;
  content: Uint8Array;
  /** Number and offset in {@link content} of each object, in order. */
  objects: { number: number; offset: number }[];
  /** Where the first object of a number is in {@link objects}. */
  places: Map<number, number>;
}

const headerRange = 1024;
const maxObjectStreamBytes = 8 << 20;
const maxObjectsInStream = 100_000;
const keptObjectStreams = 2;

/**
 * The objects of a PDF file, found by its cross-references or, when these are damaged, by a search. Reads only what is
 * asked for and never believes a number in the file without a bound.
 */
export class PdfFile {
  readonly #bytes: Uint8Array;
  readonly #slice: TimeSlice;
  #references: PdfCrossReferences | undefined;
  #decryption: PdfDecryption | undefined;
  readonly #budget = new PdfReadBudget();
  /** Most recently used last. */
  #objectStreams: ObjectStream[] = [];
  /** True when the cross-references were damaged and the objects had to be searched. */
  recovered = false;
  /** True when the file is encrypted; it opens without a password then. */
  encrypted = false;

  private constructor(bytes: Uint8Array, slice: TimeSlice) {
    this.#bytes = bytes;
    this.#slice = slice;
  }

  /**
   * @throws PdfSyntaxError when the file cannot be read
   * @throws FaxError `document_encrypted` when it needs a password
   */
  static async open(bytes: Uint8Array, slice: TimeSlice): Promise<PdfFile> {
    const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, headerRange));
    const headerOffset = head.indexOf("%PDF-", 0, "latin1");
    if (headerOffset < 0) throw new PdfSyntaxError("no header");
    const file = new PdfFile(bytes, slice);
    try {
      file.#references = await readPdfCrossReferences(bytes, headerOffset, file.#budget, slice);
      await file.#openEncryption(file.#references.trailer);
      await file.catalog();
    } catch (error) {
      if (!(error instanceof PdfSyntaxError)) throw error;
      await file.recover();
    }
    return file;
  }

  /** Forgets the cross-references and searches the objects. */
  async recover(): Promise<void> {
    if (this.recovered) throw new PdfSyntaxError("cannot be recovered");
    this.recovered = true;
    this.#references = undefined;
    this.#decryption = undefined;
    this.#objectStreams = [];
    const contentsOf = async (object: PdfIndirectObject, trailer: PdfDictionary) => {
      // Encrypted files keep their object streams encrypted too.
      if (trailer.has("Encrypt") && this.#decryption === undefined) return [];
      return (await this.#readObjectStream(object)).objects.map(({ number }) => number);
    };
    const references = await recoverPdfCrossReferences(this.#bytes, contentsOf, this.#budget, this.#slice);
    this.#references = references;
    await this.#openEncryption(references.trailer);
    if (this.#decryption !== undefined) {
      // Again, now that the object streams can be read.
      this.#references = await recoverPdfCrossReferences(this.#bytes, contentsOf, this.#budget, this.#slice);
    }
    await this.catalog();
  }

  /** The document catalog. */
  async catalog(): Promise<PdfDictionary> {
    const root = await this.resolve(this.#references?.trailer.get("Root"));
    if (!isPdfDictionary(root) || !root.has("Pages")) throw new PdfSyntaxError("no catalog");
    return root;
  }

  /** Follows references until a value comes; a reference to nothing is `null`. */
  async resolve(value: PdfValue | undefined): Promise<PdfValue> {
    let current: PdfValue = value ?? null;
    for (let steps = 0; isPdfReference(current); steps += 1) {
      if (steps === 16) throw new PdfSyntaxError("references in a circle");
      current = await this.#load(current.number);
    }
    return current;
  }

  async #load(number: number): Promise<PdfValue> {
    if (this.#slice.due()) await this.#slice.pause();
    const place = this.#references?.index.get(number);
    if (place === undefined) return null;
    if ("offset" in place) return this.#objectAt(number, place.offset).value;
    const stream = await this.#objectStream(place.stream);
    // Old files count wrongly; the number in the stream decides.
    const isThere = stream.objects[place.index]?.number === number;
    const entry = stream.objects[isThere ? place.index : (stream.places.get(number) ?? -1)];
    if (entry === undefined) throw new PdfSyntaxError("object not in its stream");
    return new PdfParser(stream.content, entry.offset, this.#budget).readValue();
  }

  #objectAt(number: number, offset: number): PdfIndirectObject {
    const object = readIndirectObject(this.#bytes, offset + (this.#references?.base ?? 0), this.#budget);
    if (object.number !== number) throw new PdfSyntaxError("another object than expected");
    return object;
  }

  async #objectStream(number: number): Promise<ObjectStream> {
    const kept = this.#objectStreams.find((stream) => stream.number === number);
    if (kept !== undefined) return kept;
    const place = this.#references?.index.get(number);
    // An object stream inside another is against the rules (7.5.7) and would nest without end.
    if (place === undefined || !("offset" in place)) throw new PdfSyntaxError("no object stream");
    const stream = await this.#readObjectStream(this.#objectAt(number, place.offset));
    this.#objectStreams.push(stream);
    if (this.#objectStreams.length > keptObjectStreams) this.#objectStreams.shift();
    return stream;
  }

  async #readObjectStream(object: PdfIndirectObject): Promise<ObjectStream> {
    const { value, streamStart, number, generation } = object;
    if (!isPdfDictionary(value) || value.get("Type") !== "ObjStm" || streamStart === undefined) {
      throw new PdfSyntaxError("no object stream");
    }
    const length = value.get("Length");
    const resolved = isPdfReference(length) ? this.#direct(length.number) : length;
    let raw = streamBytes(this.#bytes, streamStart, resolved, this.#budget);
    if (raw.length > maxObjectStreamBytes) throw tooLarge();
    if (this.#decryption !== undefined)
      raw = await this.#decryption.decrypt(raw, number, generation, this.#slice);
    const charge = (bytes: number) => this.#budget.inflate(bytes);
    const content = await decodePdfStreamData(raw, value, maxObjectStreamBytes, charge, this.#slice);
    const count = value.get("N");
    const first = value.get("First");
    if (typeof count !== "number" || typeof first !== "number" || count > maxObjectsInStream) {
      throw new PdfSyntaxError("damaged object stream");
    }
    const objects = await this.#objectStreamHeader(content, count, first);
    const places = new Map<number, number>();
    for (const [place, object] of objects.entries()) {
      if (!places.has(object.number)) places.set(object.number, place);
    }
    return { number, content, objects, places };
  }

  async #objectStreamHeader(
    content: Uint8Array,
    count: number,
    first: number,
  ): Promise<ObjectStream["objects"]> {
    if (content.length === 0) throw new PdfSyntaxError("empty object stream");
    const parser = new PdfParser(content, 0, this.#budget);
    const objects: ObjectStream["objects"] = [];
    for (let i = 0; i < count; i += 1) {
      if ((i & 1023) === 1023 && this.#slice.due()) await this.#slice.pause();
      const number = parser.readInteger();
      objects.push({ number, offset: first + parser.readInteger() });
    }
    return objects;
  }

  /** A value that is a number and not in an object stream, for `/Length`. */
  #direct(number: number): PdfValue {
    const place = this.#references?.index.get(number);
    return place !== undefined && "offset" in place ? this.#objectAt(number, place.offset).value : null;
  }

  async #openEncryption(trailer: PdfDictionary): Promise<void> {
    const encrypt = await this.resolve(trailer.get("Encrypt"));
    if (encrypt === null) return;
    if (!isPdfDictionary(encrypt)) throw new PdfSyntaxError("damaged encryption dictionary");
    const id = await this.resolve(trailer.get("ID"));
    const first = Array.isArray(id) ? await this.resolve(id[0]) : null;
    const fileId = first instanceof Uint8Array ? first : new Uint8Array();
    this.#decryption = await PdfDecryption.open(encrypt, fileId, this.#slice);
    this.encrypted = true;
  }
}

function tooLarge(): FaxError {
  return new FaxError("document_too_large", "the PDF's compressed objects are too large");
}
