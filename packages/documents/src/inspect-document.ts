import type { DocumentInfo, PageInfo } from "@faxbot/core";
import { type FaxDocument, FaxError } from "@faxbot/core/transport";
import { checkInput, checkSize, noInput, readDocumentBytes, readDocumentHead } from "./document-bytes.ts";
import { type DocumentLimits, defaultDocumentLimits } from "./document-limits.ts";
import { inspectPdf } from "./pdf-inspector.ts";
import { decodeText } from "./text-decoder.ts";
import { layOutText, textLayout } from "./text-layout.ts";
import { readTiffInSlices } from "./tiff-reader.ts";
import { tiffResolution } from "./tiff-resolution.ts";
import { TimeSlice } from "./time-slice.ts";

/** How many bytes {@link recogniseDocument} wants to see. */
export const recognitionBytes = 1024;

/**
 * Tells by its first bytes what a document is. `text/plain` means only that it is neither of the others: whether it
 * really is text shows when it is read.
 *
 * @param head the first {@link recognitionBytes} bytes, or all of a shorter document
 * @example
 * recogniseDocument(new TextEncoder().encode("%PDF-1.7 ...")); // "application/pdf"
 */
export function recogniseDocument(head: Uint8Array): DocumentInfo["mediaType"] {
  const [a, b, c, d] = head;
  if (a === 0x49 && b === 0x49 && (c === 42 || c === 43) && d === 0) return "image/tiff";
  if (a === 0x4d && b === 0x4d && c === 0 && (d === 42 || d === 43)) return "image/tiff";
  // Readers accept junk in front of the header (ISO 32000-1, annex H.3).
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, recognitionBytes));
  return text.includes("%PDF-", 0, "latin1") ? "application/pdf" : "text/plain";
}

/**
 * Recognises a document by its content, counts its pages and refuses what could not be faxed. The media type and name
 * that the document came with are not looked at. Nothing is rendered, and time and memory are bounded whatever the
 * file holds: the document itself is held in memory, and little else.
 *
 * @param document PDF, TIFF (also BigTIFF) or plain text (UTF-8, UTF-16 with a byte order mark, or Windows-1252)
 * @param limits what is refused as too large; see {@link defaultDocumentLimits}
 * @throws FaxError `document_invalid` when it is broken or empty; `document_encrypted` when it needs a password;
 * `document_unsupported` when it is something else; `document_too_large` above a limit
 * @example
 * const info = await inspectDocument(await readFile("order.pdf"));
 * console.log(info.mediaType, info.pages.length); // application/pdf 2
 */
export async function inspectDocument(
  document: FaxDocument | Uint8Array | Blob,
  limits: Partial<DocumentLimits> = {},
): Promise<DocumentInfo> {
  const bounds = { ...defaultDocumentLimits, ...limits };
  checkInput(document);
  if (document instanceof Uint8Array) return inspectBytes(document, bounds);
  if (document instanceof Blob) return inspectBytes(await readDocumentBytes(document, bounds.bytes), bounds);
  if (document.size === 0) throw new FaxError("document_invalid", "the document is empty");
  checkSize(document, bounds.bytes);
  const head = await readDocumentHead(document, recognitionBytes);
  const mediaType = recogniseDocument(head);
  if (mediaType === "text/plain" && head.includes(0) && !hasByteOrderMark(head)) {
    // Spares reading the rest of a picture or an archive.
    throw new FaxError("document_unsupported", "the document is neither PDF, TIFF nor plain text");
  }
  return inspectBytes(await readDocumentBytes(document, bounds.bytes), bounds);
}

/** Does what {@link inspectDocument} does for a document that is in memory already. */
export async function inspectBytes(bytes: Uint8Array, bounds: DocumentLimits): Promise<DocumentInfo> {
  if (!(bytes instanceof Uint8Array)) throw noInput();
  if (bytes.length === 0) throw new FaxError("document_invalid", "the document is empty");
  checkSize(bytes, bounds.bytes);
  const mediaType = recogniseDocument(bytes.subarray(0, recognitionBytes));
  switch (mediaType) {
    case "application/pdf":
      return inspectPdf(bytes, bounds);
    case "image/tiff":
      return inspectTiff(bytes, bounds);
    case "text/plain":
      return { mediaType, pages: await inspectText(bytes, bounds), encrypted: false };
    default:
      return mediaType satisfies never;
  }
}

function hasByteOrderMark(head: Uint8Array): boolean {
  return (head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff);
}

async function inspectTiff(bytes: Uint8Array, limits: DocumentLimits): Promise<DocumentInfo> {
  const { pages, warnings } = await readTiffInSlices(bytes, limits, new TimeSlice());
  // To send fewer pages than the sender believes is worse than to refuse.
  const warning = warnings[0];
  if (warning !== undefined) throw new FaxError("document_invalid", `the TIFF file is damaged: ${warning}`);
  return {
    mediaType: "image/tiff",
    pages: pages.map((page) => ({ width: page.width, height: page.height, ...tiffResolution(page) })),
    encrypted: false,
  };
}

async function inspectText(bytes: Uint8Array, limits: DocumentLimits): Promise<PageInfo[]> {
  const slice = new TimeSlice();
  const text = await decodeText(bytes, slice);
  const pages: PageInfo[] = [];
  for (const _ of layOutText(text)) {
    if (slice.due()) await slice.pause();
    if (pages.length === limits.pages) {
      throw new FaxError("document_too_large", `the document has more than ${limits.pages} pages`);
    }
    pages.push({ width: textLayout.columns, height: textLayout.linesPerPage });
  }
  return pages;
}
