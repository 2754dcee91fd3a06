import { assemblePdf, type PageOptions } from "./assemble-pdf.ts";
import type { ByteParts } from "./byte-parts.ts";
import type { CoverPageContent } from "./pdf-job.ts";

/**
 * Makes a cover page. Where the message is long it takes more than one page; nothing is cut off.
 *
 * @throws FaxError `config_invalid` when the logo is neither PNG nor JPEG, or a font cannot be read
 * @example
 * const cover = await coverPage({ to: "Dr. Żak", from: "Billing", subject: "Invoice 17", pages: 3 });
 * await cover.writeFile("cover.pdf");
 */
export function coverPage(content: CoverPageContent, options: PageOptions = {}): Promise<ByteParts> {
  return assemblePdf({ parts: [{ kind: "cover", cover: content }] }, options);
}
