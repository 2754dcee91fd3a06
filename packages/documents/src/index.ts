export { ByteParts } from "./byte-parts.ts";
export type { DocumentLimits } from "./document-limits.ts";
export { defaultDocumentLimits } from "./document-limits.ts";
export type { DocumentsOptions } from "./documents-engine.ts";
export { documents } from "./documents-engine.ts";
export { inspectDocument, recogniseDocument, recognitionBytes } from "./inspect-document.ts";
export { layOutText, textLayout } from "./text-layout.ts";
export type { TiffPageReport, TiffToPdfOptions, TiffToPdfReport } from "./tiff-to-pdf.ts";
export { tiffToPdf } from "./tiff-to-pdf.ts";
