import { FaxError } from "@faxbot/core/transport";

/** How much of each kind of work one file may still cost, whatever in it asks for the same thing again and again. */
export class PdfReadBudget {
  // The parser's bytes, and a few more for each value: half a second, or 6 kB for each of 5,000 pages.
  #parsing = 32 << 20;
  #inflating = 48 << 20;
  // Costs far more a byte: every few of them are an entry. Room for more than a million objects.
  #crossReferences = 16 << 20;
  #searching = 128 << 20;

  /** Notes what was parsed: bytes, or as many as take as long. */
  parse(bytes: number): void {
    this.#parsing -= bytes;
    if (this.#parsing < 0) {
      throw new FaxError("document_too_large", "the PDF's objects refer to one another too often");
    }
  }

  /** Notes what an object stream is inflated to. */
  inflate(bytes: number): void {
    this.#inflating -= bytes;
    if (this.#inflating < 0) {
      throw new FaxError("document_too_large", "the PDF's compressed objects are too large");
    }
  }

  /** Notes what a cross-reference stream is inflated to. */
  crossReference(bytes: number): void {
    this.#crossReferences -= bytes;
    if (this.#crossReferences < 0) {
      throw new FaxError("document_too_large", "the PDF's cross-references are too large");
    }
  }

  /** How many bytes may still be searched for the ends of streams whose length is wrong. */
  get searching(): number {
    return this.#searching;
  }

  /** Notes what was searched. */
  search(bytes: number): void {
    this.#searching -= bytes;
  }
}
