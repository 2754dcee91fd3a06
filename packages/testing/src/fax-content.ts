import { countPdfPages } from "./pdf-page-count.ts";
import { syntheticPdf } from "./synthetic-pdf.ts";

/**
 * What a provider makes of the files of a fax: PDF pages are counted, anything else is one page; one PDF is kept byte
 * for byte, anything else becomes a synthetic PDF of as many pages.
 */
export function faxContent(files: readonly Buffer[]): { pages: number; document: Buffer } {
  const pages = files.reduce((sum, file) => sum + Math.max(1, countPdfPages(file)), 0);
  const [only] = files;
  const isOnePdf = files.length === 1 && only !== undefined && countPdfPages(only) > 0;
  return { pages, document: isOnePdf ? only : Buffer.from(syntheticPdf({ pages: Math.max(1, pages) })) };
}
