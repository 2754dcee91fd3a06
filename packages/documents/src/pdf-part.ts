import type { DocumentInfo } from "@faxbot/core";
import type { DocumentLimits } from "./document-limits.ts";
import { inspectBytes } from "./inspect-document.ts";
import type { PdfPart } from "./pdf-job.ts";
import { tiffToPdf } from "./tiff-to-pdf.ts";

/** Inspects a document of any kind and brings it into a form that can be part of a PDF. */
export async function pdfPartOf(
  bytes: Uint8Array,
  limits: DocumentLimits,
): Promise<{ part: PdfPart; info: DocumentInfo }> {
  const info = await inspectBytes(bytes, limits);
  switch (info.mediaType) {
    case "application/pdf":
      return { part: { kind: "pdf", bytes }, info };
    case "text/plain":
      return { part: { kind: "text", bytes }, info };
    case "image/tiff": {
      const { pdf } = await tiffToPdf(bytes, { limits });
      return { part: { kind: "pdf", bytes: await pdf.bytes() }, info };
    }
    default:
      return info.mediaType satisfies never;
  }
}
