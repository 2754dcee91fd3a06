import type { DocumentEngine, DocumentInfo, PrepareOptions } from "@faxbot/core";
import { type FaxDocument, FaxError } from "@faxbot/core/transport";
import { assemblePdf, checkPaper, type PageOptions } from "./assemble-pdf.ts";
import { ByteParts } from "./byte-parts.ts";
import { readDocumentBytes, readDocumentHead } from "./document-bytes.ts";
import { type DocumentLimits, defaultDocumentLimits } from "./document-limits.ts";
import { isFaxProfile } from "./fax-profile.ts";
import { inspectDocument, recogniseDocument, recognitionBytes } from "./inspect-document.ts";
import type { CoverPageContent, PdfPart } from "./pdf-job.ts";
import { pdfPartOf } from "./pdf-part.ts";
import { checkFaxStyle, type PdfToTiffOptions, pdfToTiff } from "./pdf-to-tiff.ts";
import { readTiffInSlices } from "./tiff-reader.ts";
import { tiffToPdf } from "./tiff-to-pdf.ts";
import { TimeSlice } from "./time-slice.ts";

/** Settings of {@link documents}. */
export interface DocumentsOptions extends PageOptions {
  /** What is refused as too large; each has a default, see {@link defaultDocumentLimits}. */
  limits?: Partial<DocumentLimits>;
  /** How a fax is rendered for a transport that takes TIFF. */
  tiff?: Pick<
    PdfToTiffOptions,
    "resolution" | "compression" | "pageSize" | "halftone" | "engine" | "pageDeadlineMs"
  >;
  /** What every cover page has besides its text. */
  cover?: Pick<CoverPageContent, "logo" | "labels">;
}

/**
 * The document engine to pass to `createFaxbot`. Construction does nothing; each call reads the document it is given.
 *
 * @throws FaxError `config_invalid` for a setting that is none of its words
 * @example
 * const faxbot = createFaxbot({ documents: documents({ limits: { pages: 200 } }), ... });
 */
export function documents(options: DocumentsOptions = {}): DocumentEngine {
  checkPaper(options.paper);
  checkFaxStyle(options.tiff ?? {});
  const settings = { ...options, limits: { ...defaultDocumentLimits, ...options.limits } };
  return {
    adds: ["cover", "header"],
    inspect: (document) => inspectDocument(document, settings.limits),
    prepare: (document, wanted) => prepare(document, wanted, settings),
    toPdf: (document) => toPdf(document, settings),
  };
}

type Settings = DocumentsOptions & { limits: DocumentLimits };

async function prepare(
  document: FaxDocument,
  wanted: PrepareOptions,
  settings: Settings,
): Promise<FaxDocument> {
  const isPlain = wanted.cover === undefined && wanted.header === undefined;
  const mediaType = await recognise(document);
  // What the transport takes as it is loses nothing, so it goes before what the transport likes best.
  if (isPlain && (await isAccepted(document, mediaType, wanted.accepts, settings.limits))) {
    return withMediaType(document, mediaType);
  }
  const target = wanted.accepts
    .map((accepted) => mediaTypeOf(accepted))
    .find((type) => type === "application/pdf" || type === "image/tiff");
  if (target === undefined) {
    throw new FaxError("unsupported", `a document of type ${mediaType} cannot be sent by this transport`);
  }
  const pdf = isPlain ? await toPdf(document, settings) : await withAdditions(document, wanted, settings);
  return target === "application/pdf" ? pdf : toFax(pdf, settings);
}

/** Puts a cover page in front and a line on each page. */
async function withAdditions(
  document: FaxDocument,
  { cover, header }: PrepareOptions,
  settings: Settings,
): Promise<FaxDocument> {
  const { part } = await pdfPartOf(await readDocumentBytes(document, settings.limits.bytes), settings.limits);
  const parts: PdfPart[] = [part];
  if (cover !== undefined) parts.unshift({ kind: "cover", cover: { ...settings.cover, ...cover } });
  const pdf = await assemblePdf({ parts, ...(header !== undefined && { header }) }, settings);
  return pdf.document({ mediaType: "application/pdf", fileName: renamed(document, "pdf") });
}

async function toFax(pdf: FaxDocument, { limits, tiff: options }: Settings): Promise<FaxDocument> {
  const { tiff } = await pdfToTiff(pdf, { ...options, limits });
  return new ByteParts([tiff]).document({ mediaType: "image/tiff", fileName: renamed(pdf, "tif") });
}

async function toPdf(document: FaxDocument, settings: Settings): Promise<FaxDocument> {
  const { limits } = settings;
  const mediaType = await recognise(document);
  if (mediaType === "application/pdf") return withMediaType(document, mediaType);
  const bytes = await readDocumentBytes(document, limits.bytes);
  const pdf =
    mediaType === "image/tiff"
      ? (await tiffToPdf(bytes, { limits })).pdf
      : await assemblePdf({ parts: [(await pdfPartOf(bytes, limits)).part] }, settings);
  return pdf.document({ mediaType: "application/pdf", fileName: renamed(document, "pdf") });
}

/** True when the transport takes the document as it is. */
async function isAccepted(
  document: FaxDocument,
  mediaType: string,
  accepts: readonly string[],
  limits: DocumentLimits,
): Promise<boolean> {
  for (const accepted of accepts) {
    if (mediaTypeOf(accepted) !== mediaType) continue;
    if (!/;\s*profile=fax\b/i.test(accepted)) return true;
    const bytes = await readDocumentBytes(document, limits.bytes);
    const { pages, warnings } = await readTiffInSlices(bytes, limits, new TimeSlice());
    if (warnings.length === 0 && isFaxProfile(pages)) return true;
  }
  return false;
}

/** `image/tiff` of `image/tiff;profile=fax`. */
function mediaTypeOf(accepted: string): string {
  return (accepted.split(";")[0] as string).trim().toLowerCase();
}

async function recognise(document: FaxDocument): Promise<DocumentInfo["mediaType"]> {
  return recogniseDocument(await readDocumentHead(document, recognitionBytes));
}

function renamed(document: FaxDocument, extension: string): string {
  return `${document.fileName.replace(/\.(pdf|tiff?|txt)$/i, "")}.${extension}`;
}

/** The same document under the type that its content has. */
function withMediaType(document: FaxDocument, mediaType: string): FaxDocument {
  if (document.mediaType === mediaType) return document;
  const { fileName, size, sha256 } = document;
  return { mediaType, fileName, size, sha256, open: (range) => document.open(range) };
}
