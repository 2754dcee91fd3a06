export type { DocumentLimits } from "./document-limits.ts";
export { defaultDocumentLimits } from "./document-limits.ts";
export type { DocumentsOptions } from "./documents-engine.ts";
export { documents } from "./documents-engine.ts";
export { inspectDocument, recogniseDocument, recognitionBytes } from "./inspect-document.ts";
export { layOutText, textLayout } from "./text-layout.ts";
