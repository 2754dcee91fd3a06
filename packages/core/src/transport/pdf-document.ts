import { type FaxDocument, readAll } from "./fax-document.ts";
import { FaxError } from "./fax-error.ts";

/** Tells whether a document is a PDF by its first bytes: what its sender calls it proves nothing. */
export async function isPdf(document: FaxDocument): Promise<boolean> {
  const start = await readAll(await document.open({ start: 0, end: 4 }), 5);
  return Buffer.from(start).toString("latin1") === "%PDF-";
}

/**
 * Passes a downloaded document on if it is a PDF, and disposes of anything else.
 *
 * @param transportId manifest id, for the error
 * @throws FaxError `transport_unavailable`: an error page, or half a document, may be a whole one the next time
 */
export async function onlyPdf<Document extends FaxDocument>(
  transportId: string,
  document: Document,
): Promise<Document> {
  if (await isPdf(document)) return document;
  await document.dispose?.();
  throw new FaxError("transport_unavailable", `${transportId} gave something else than a PDF`, {
    transportId,
  });
}
