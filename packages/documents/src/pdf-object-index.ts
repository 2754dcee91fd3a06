import { PdfSyntaxError } from "./pdf-parser.ts";

/** Where an object of a PDF file is: at an offset in bytes, or at a place in an object stream. */
export type PdfObjectPlace = { offset: number } | { stream: number; index: number };

// Object numbers above this do not occur in documents that can be faxed; a file that declares them is a bomb.
const maxObjectNumber = 1 << 20;
const free = -1;
const streamBase = 2;
const indexRange = 1 << 24;

/** The place of every object by its number, 8 bytes each. The first place that is set for a number wins. */
export class PdfObjectIndex {
  // 0 not set, -1 free, otherwise offset + 1, or minus (2 + stream * 2^24 + index).
  #places = new Float64Array(1024);

  /** Notes where an object is, unless a newer section of the file has said so already. */
  add(number: number, place: PdfObjectPlace | "free"): void {
    if (number > maxObjectNumber) throw new PdfSyntaxError("too many objects");
    this.#grow(number);
    if (this.#places[number] === 0) this.#places[number] = pack(place);
  }

  /** Notes where an object is, also when it is known already. */
  replace(number: number, place: PdfObjectPlace): void {
    if (number > maxObjectNumber) throw new PdfSyntaxError("too many objects");
    this.#grow(number);
    this.#places[number] = pack(place);
  }

  /** Where an object is; `undefined` when there is none. */
  get(number: number): PdfObjectPlace | undefined {
    const packed = this.#places[number];
    if (packed === undefined || packed === 0 || packed === free) return undefined;
    if (packed > 0) return { offset: packed - 1 };
    const rest = -packed - streamBase;
    return { stream: Math.floor(rest / indexRange), index: rest % indexRange };
  }

  #grow(number: number): void {
    if (number < this.#places.length) return;
    const larger = new Float64Array(Math.max(number + 1, this.#places.length * 2));
    larger.set(this.#places);
    this.#places = larger;
  }
}

function pack(place: PdfObjectPlace | "free"): number {
  if (place === "free") return free;
  if ("offset" in place) return place.offset + 1;
  if (place.stream > maxObjectNumber || place.index >= indexRange)
    throw new PdfSyntaxError("too many objects");
  return -(streamBase + place.stream * indexRange + place.index);
}
