import type { FaxDocument } from "../transport/fax-document.ts";

/** One page as the document declares it. */
export interface PageInfo {
  /** Pixels for an image page, points (1/72 inch) for a PDF page, columns for text. */
  width: number;
  height: number;
  /** Resolution in dots per inch; absent for PDF and text. */
  xDpi?: number;
  yDpi?: number;
}

/** What {@link DocumentEngine.inspect} found, by content alone. */
export interface DocumentInfo {
  mediaType: "application/pdf" | "image/tiff" | "text/plain";
  pages: PageInfo[];
  /** True for a PDF that is encrypted but opens without a password (owner password only). */
  encrypted: boolean;
}

/** What a transport takes and what to add, for {@link DocumentEngine.prepare}. */
export interface PrepareOptions {
  /** Media types that the transport takes, best first, e.g. `["application/pdf"]` or `["image/tiff;profile=fax"]`. */
  accepts: readonly string[];
  /** A cover page to put in front. */
  cover?: CoverPage;
  /** A line to stamp at the top of each page. */
  header?: string;
}

/** The text of a cover page. */
export interface CoverPage {
  to?: string;
  from?: string;
  subject?: string;
  message?: string;
}

/**
 * Port: what core needs of documents. `@faxbot/documents` implements it; without one, core takes only documents that
 * the transport accepts as they are.
 *
 * All methods throw `FaxError` with one of `document_invalid`, `document_encrypted`, `document_unsupported`,
 * `document_too_large`, or `unsupported` for an option that the engine does not have.
 */
export interface DocumentEngine {
  /** What {@link DocumentEngine.prepare} can add; default: nothing. Anything else is refused when the fax is accepted. */
  readonly adds?: readonly ("cover" | "header")[];
  /** Recognises, counts pages and refuses what is broken, encrypted or too large; bounded in time and memory. */
  inspect(document: FaxDocument): Promise<DocumentInfo>;
  /** Brings a document into a form that the transport accepts. */
  prepare(document: FaxDocument, options: PrepareOptions): Promise<FaxDocument>;
  /** Brings a received document into PDF; a PDF is returned as it is. */
  toPdf(document: FaxDocument): Promise<FaxDocument>;
}
