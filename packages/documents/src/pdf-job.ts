/** The sizes of paper that pages are made for. */
export type Paper = "a4" | "letter";

/** Width and height in points (1/72 inch). */
export const paperSizes: Readonly<Record<Paper, readonly [width: number, height: number]>> = Object.freeze({
  a4: [595.28, 841.89],
  letter: [612, 792],
});

/** What stands on a cover page. Everything but `pages` may hold any script. */
export interface CoverPageContent {
  to?: string;
  from?: string;
  subject?: string;
  /** May have several lines; what one page cannot hold goes on to the next. */
  message?: string;
  /** How many pages the fax has, cover pages included. Default: not said, unless the cover is put before a document. */
  pages?: number;
  /** A picture for the upper right corner, PNG or JPEG, fitted into 200 by 72 points. */
  logo?: Uint8Array;
  /** Words for another language. Default: English. */
  labels?: Partial<CoverPageLabels>;
}

/** The words that a cover page has of its own. */
export interface CoverPageLabels {
  title: string;
  to: string;
  from: string;
  subject: string;
  pages: string;
}

/** One part of the document that a {@link PdfJob} makes. PDF and text must have passed inspection. */
export type PdfPart =
  | { kind: "pdf"; bytes: Uint8Array }
  | { kind: "text"; bytes: Uint8Array }
  | { kind: "cover"; cover: CoverPageContent };

/** What is to be made into one PDF, in this order. */
export interface PdfJob {
  parts: readonly PdfPart[];
  /** Stamped at the top of each page; `{page}` and `{pages}` are replaced. */
  header?: string;
  /** TrueType or OpenType fonts for characters that the own fonts do not have, in the order they are tried. */
  fonts: readonly Uint8Array[];
  paper: Paper;
}

/** What the worker answers. */
export type PdfJobResult =
  | { pdf: Uint8Array<ArrayBuffer> }
  | { code: "document_invalid" | "config_invalid"; message: string; cause: unknown };
