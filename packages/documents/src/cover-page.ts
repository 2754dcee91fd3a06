import { FaxError } from "@faxbot/core/transport";
import { assemblePdf, type PageOptions } from "./assemble-pdf.ts";
import type { ByteParts } from "./byte-parts.ts";
import type { CoverPageContent } from "./pdf-job.ts";

/**
 * Makes a cover page. Where the message is long it takes more than one page; nothing is cut off.
 *
 * @throws FaxError `config_invalid` when the logo is neither PNG nor JPEG, or a font cannot be read; `request_invalid` for
 * a field that is no text
 * @example
 * const cover = await coverPage({ to: "Dr. Żak", from: "Billing", subject: "Invoice 17", pages: 3 });
 * await cover.writeFile("cover.pdf");
 */
export async function coverPage(content: CoverPageContent, options: PageOptions = {}): Promise<ByteParts> {
  for (const name of ["to", "from", "subject", "message"] as const) {
    // Callers without types pass null, or a number.
    const value: unknown = content[name];
    if (value === undefined || typeof value === "string") continue;
    throw new FaxError("request_invalid", `"${name}" of the cover page is not a text`);
  }
  return assemblePdf({ parts: [{ kind: "cover", cover: content }] }, options);
}
