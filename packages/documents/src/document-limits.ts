/** How much of a document is looked at before it is refused with `document_too_large`. */
export interface DocumentLimits {
  /** Bytes of the whole document, which is held in memory while it is read. Default 50 MB (52,428,800). */
  bytes: number;
  /** Pages. Default 5,000. */
  pages: number;
  /** Pixels of one image page, width times height. Default 100,000,000. */
  pixels: number;
  /** Width or height of a PDF page in points (1/72 inch). Default 14,400, the largest box of ISO 32000. */
  pagePoints: number;
}

/** The limits that hold where none is given. */
export const defaultDocumentLimits: Readonly<DocumentLimits> = Object.freeze({
  bytes: 50 * 1024 * 1024,
  pages: 5_000,
  pixels: 100_000_000,
  pagePoints: 14_400,
});
