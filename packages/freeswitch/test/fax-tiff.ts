import { documentFromBytes, type FaxDocument } from "@faxbot/core/transport";
import { syntheticFaxTiff } from "@faxbot/testing";

/** A fax as the document engine makes it. */
export function faxTiff(pages = 1, text?: string): FaxDocument {
  const bytes = syntheticFaxTiff({ pages, ...(text === undefined ? {} : { text }) });
  return documentFromBytes(bytes, { mediaType: "image/tiff;profile=fax", fileName: "fax.tif" });
}
