import { FaxError } from "@faxbot/core/transport";
import { assemblePdf, type PageOptions } from "./assemble-pdf.ts";
import type { ByteParts } from "./byte-parts.ts";
import { type DocumentLimits, defaultDocumentLimits } from "./document-limits.ts";
import { pdfPartOf } from "./pdf-part.ts";

/** How {@link mergeDocuments} works. */
export interface MergeDocumentsOptions extends PageOptions {
  /** What is refused as too large: each document, and bytes and pages also of all together. */
  limits?: Partial<DocumentLimits>;
}

/**
 * Puts documents one after another into one PDF. Fax images of a TIFF go in as they are.
 *
 * @param documents PDF, TIFF and text in any mixture, recognised by content
 * @throws FaxError `request_invalid` when there is none; otherwise as `inspectDocument` does, for any of them
 * @example
 * const pdf = await mergeDocuments([await readFile("letter.txt"), await readFile("scan.tif")]);
 */
export async function mergeDocuments(
  documents: readonly Uint8Array[],
  { limits, ...page }: MergeDocumentsOptions = {},
): Promise<ByteParts> {
  if (documents.length === 0) throw new FaxError("request_invalid", "there is no document to merge");
  const bounds = { ...defaultDocumentLimits, ...limits };
  const bytes = documents.reduce((sum, document) => sum + document.length, 0);
  if (bytes > bounds.bytes) {
    throw new FaxError("document_too_large", `the documents have more than ${bounds.bytes} bytes together`);
  }
  const parts = [];
  let pages = 0;
  for (const document of documents) {
    const { part, info } = await pdfPartOf(document, bounds);
    pages += info.pages.length;
    if (pages > bounds.pages) {
      throw new FaxError("document_too_large", `the documents have more than ${bounds.pages} pages together`);
    }
    parts.push(part);
  }
  return assemblePdf({ parts }, page);
}
