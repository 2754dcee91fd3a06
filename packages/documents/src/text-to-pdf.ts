import { FaxError } from "@faxbot/core/transport";
import { assemblePdf, type PageOptions } from "./assemble-pdf.ts";
import type { ByteParts } from "./byte-parts.ts";
import { type DocumentLimits, defaultDocumentLimits } from "./document-limits.ts";
import { inspectBytes } from "./inspect-document.ts";
import { decodeText } from "./text-decoder.ts";
import { TimeSlice } from "./time-slice.ts";

/** How {@link textToPdf} works. */
export interface TextToPdfOptions extends PageOptions {
  /** What is refused as too large. */
  limits?: Partial<DocumentLimits>;
}

/**
 * Sets plain text on pages of 80 columns and 60 lines, in any script: the pages are those that `inspectDocument` counts.
 * No character is lost: one that no font has is shown as its code point in a small box, and is found under it when the
 * text is searched or copied. Scripts that are written from right to left, or that join their letters, are not shaped.
 *
 * @param text a string, or bytes in UTF-8, UTF-16 with a byte order mark, or Windows-1252
 * @throws FaxError `document_unsupported` when it holds control characters other than tab, line break and form feed;
 * `document_invalid` when it is empty; `document_too_large` above a limit; `config_invalid` for an unreadable font
 * @example
 * const pdf = await textToPdf("Dear Sir,\n...");
 * await pdf.writeFile("letter.pdf");
 */
export async function textToPdf(
  text: string | Uint8Array,
  { limits, ...page }: TextToPdfOptions = {},
): Promise<ByteParts> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const { mediaType } = await inspectBytes(bytes, { ...defaultDocumentLimits, ...limits });
  if (mediaType !== "text/plain") {
    throw new FaxError("document_unsupported", `The document is not text but ${mediaType}.`);
  }
  return assemblePdf({ parts: [{ kind: "text", text: await decodeText(bytes, new TimeSlice()) }] }, page);
}
