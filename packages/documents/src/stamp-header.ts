import { FaxError } from "@faxbot/core/transport";
import { assemblePdf, type PageOptions } from "./assemble-pdf.ts";
import type { ByteParts } from "./byte-parts.ts";
import { type DocumentLimits, defaultDocumentLimits } from "./document-limits.ts";
import { inspectBytes } from "./inspect-document.ts";

/** How {@link stampHeader} works. */
export interface StampHeaderOptions extends Pick<PageOptions, "fonts"> {
  /** What is refused as too large. */
  limits?: Partial<DocumentLimits>;
}

/**
 * Stamps a line at the top of every page as it is seen, that is of its CropBox and turned by its Rotate: 8 points high
 * when the page is faxed, smaller when it would not fit. What is under it is painted over; images are not touched.
 *
 * A transport that has the fax machine draw the header line of T.30 must not be given a stamped document as well.
 *
 * @param pdf a PDF; owner-password encryption is removed
 * @param text one line; `{page}` and `{pages}` are replaced by numbers
 * @throws FaxError `document_unsupported` when it is no PDF, `document_invalid`, `document_encrypted` and
 * `document_too_large` as `inspectDocument` does
 * @example
 * const stamped = await stampHeader(await readFile("order.pdf"), "From +12025550123   page {page} of {pages}");
 */
export async function stampHeader(
  pdf: Uint8Array,
  text: string,
  { limits, ...page }: StampHeaderOptions = {},
): Promise<ByteParts> {
  const { mediaType } = await inspectBytes(pdf, { ...defaultDocumentLimits, ...limits });
  if (mediaType !== "application/pdf") {
    throw new FaxError("document_unsupported", `the document is not PDF but ${mediaType}`);
  }
  return assemblePdf({ parts: [{ kind: "pdf", bytes: pdf }], header: text }, page);
}
