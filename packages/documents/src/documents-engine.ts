import type { DocumentEngine, DocumentInfo, PrepareOptions } from "@faxbot/core";
import { type FaxDocument, FaxError } from "@faxbot/core/transport";
import { readDocumentBytes, readDocumentHead } from "./document-bytes.ts";
import { type DocumentLimits, defaultDocumentLimits } from "./document-limits.ts";
import { isFaxProfile } from "./fax-profile.ts";
import { inspectDocument, recogniseDocument, recognitionBytes } from "./inspect-document.ts";
import { readTiff } from "./tiff-reader.ts";
import { tiffToPdf } from "./tiff-to-pdf.ts";

/** Settings of {@link documents}. */
export interface DocumentsOptions {
  /** What is refused as too large; each has a default, see {@link defaultDocumentLimits}. */
  limits?: Partial<DocumentLimits>;
}

/**
 * The document engine to pass to `createFaxbot`. Construction does nothing; each call reads the document it is given.
 *
 * @example
 * const faxbot = createFaxbot({ documents: documents({ limits: { pages: 200 } }), ... });
 */
export function documents(options: DocumentsOptions = {}): DocumentEngine {
  const limits: DocumentLimits = { ...defaultDocumentLimits, ...options.limits };
  return {
    inspect: (document) => inspectDocument(document, limits),
    prepare: (document, wanted) => prepare(document, wanted, limits),
    toPdf: (document) => toPdf(document, limits),
  };
}

async function prepare(
  document: FaxDocument,
  options: PrepareOptions,
  limits: DocumentLimits,
): Promise<FaxDocument> {
  if (options.cover !== undefined || options.header !== undefined) {
    throw new FaxError("unsupported", "cover pages and header lines are not available");
  }
  const mediaType = await recognise(document);
  if (await isAccepted(document, mediaType, options.accepts, limits))
    return withMediaType(document, mediaType);
  if (options.accepts.includes("application/pdf")) return toPdf(document, limits);
  throw new FaxError("unsupported", `a document of type ${mediaType} cannot be sent by this transport`);
}

/** True when the transport takes the document as it is. */
async function isAccepted(
  document: FaxDocument,
  mediaType: string,
  accepts: readonly string[],
  limits: DocumentLimits,
): Promise<boolean> {
  for (const accepted of accepts) {
    const [type = "", ...parameters] = accepted.split(";").map((part) => part.trim().toLowerCase());
    if (type !== mediaType) continue;
    if (!parameters.includes("profile=fax")) return true;
    const { pages, warnings } = readTiff(await readDocumentBytes(document, limits.bytes), limits);
    if (warnings.length === 0 && isFaxProfile(pages)) return true;
  }
  return false;
}

async function toPdf(document: FaxDocument, limits: DocumentLimits): Promise<FaxDocument> {
  const mediaType = await recognise(document);
  if (mediaType === "application/pdf") return withMediaType(document, mediaType);
  if (mediaType === "image/tiff") {
    const { pdf } = await tiffToPdf(await readDocumentBytes(document, limits.bytes), { limits });
    const fileName = `${document.fileName.replace(/\.tiff?$/i, "")}.pdf`;
    return pdf.document({ mediaType: "application/pdf", fileName });
  }
  throw new FaxError("unsupported", `a document of type ${mediaType} cannot be made into a PDF`);
}

async function recognise(document: FaxDocument): Promise<DocumentInfo["mediaType"]> {
  return recogniseDocument(await readDocumentHead(document, recognitionBytes));
}

/** The same document under the type that its content has. */
function withMediaType(document: FaxDocument, mediaType: string): FaxDocument {
  if (document.mediaType === mediaType) return document;
  const { fileName, size, sha256 } = document;
  return { mediaType, fileName, size, sha256, open: (range) => document.open(range) };
}
