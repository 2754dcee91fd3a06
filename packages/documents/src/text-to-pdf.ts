import { FaxError } from "@faxbot/core/transport";
import { assemblePdf, type PageOptions } from "./assemble-pdf.ts";
import type { ByteParts } from "./byte-parts.ts";
import { copyBytes } from "./copy-bytes.ts";
import { checkSize } from "./document-bytes.ts";
import { type DocumentLimits, defaultDocumentLimits } from "./document-limits.ts";
import { inspectBytes } from "./inspect-document.ts";
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
  const bounds = { ...defaultDocumentLimits, ...limits };
  const bytes = typeof text === "string" ? await encodeText(text, bounds.bytes) : text;
  const { mediaType } = await inspectBytes(bytes, bounds);
  if (mediaType !== "text/plain") {
    throw new FaxError("document_unsupported", `the document is not text but ${mediaType}`);
  }
  return assemblePdf({ parts: [{ kind: "text", bytes }] }, page);
}

const encodeStep = 1 << 18;

/** UTF-8, encoded in slices. */
async function encodeText(text: string, maxBytes: number): Promise<Uint8Array> {
  // No character takes less than a byte.
  checkSize({ size: text.length }, maxBytes);
  const encoder = new TextEncoder();
  const slice = new TimeSlice();
  const parts: Uint8Array[] = [];
  for (let at = 0, end = 0; at < text.length; at = end) {
    if (slice.due()) await slice.pause();
    end = at + encodeStep;
    // Not between the halves of a surrogate pair.
    if (/[\ud800-\udbff]/.test(text.charAt(end - 1))) end += 1;
    parts.push(encoder.encode(text.slice(at, end)));
  }
  return copyBytes(parts);
}
