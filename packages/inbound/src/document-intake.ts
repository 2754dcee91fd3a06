import {
  type BlobStore,
  type DocumentEngine,
  type FaxDocument,
  FaxError,
  type FaxErrorCode,
  isFaxError,
  openStoredDocument,
  type ReceivedContext,
  type ReceivedPayload,
  readAll,
  type StoredDocument,
} from "@faxbot/core";
import { hashOf, verifiedStream } from "./verified-stream.ts";

/** A received document as it was stored. */
export interface TakenDocument {
  document: StoredDocument;
  /** Counted, or what the provider says when no document engine is there to count. */
  pages?: number;
}

/** Gets a received fax's document into the blob store as PDF. */
export interface DocumentIntake {
  /**
   * @param id the received fax's id; the blob is `inbound/<id>.pdf`
   * @throws FaxError `document_*` and `unsupported` when trying again is of no use; any other error when it may be
   */
  take(
    id: string,
    payload: ReceivedPayload,
    context: Pick<ReceivedContext, "signal" | "fetchDocument" | "faultPoint">,
  ): Promise<TakenDocument>;
}

/** With these the document that came with the event is no good, but the provider's own copy may be. */
const anotherCopyMayHelp: ReadonlySet<FaxErrorCode> = new Set([
  "document_invalid",
  "document_encrypted",
  "document_unsupported",
  "not_found",
]);

/** Makes the intake. `maxPdfBytes` bounds the document before and after its conversion. */
export function createDocumentIntake(parts: {
  blobs: BlobStore;
  documents?: DocumentEngine;
  maxPdfBytes: number;
}): DocumentIntake {
  const { blobs, documents, maxPdfBytes } = parts;

  /** The pages of a PDF or TIFF; text is refused: it is a provider's error page, never a fax. */
  async function inspect(document: FaxDocument): Promise<number | undefined> {
    if (document.size > maxPdfBytes) {
      throw new FaxError("document_too_large", `a received document is larger than ${maxPdfBytes} bytes`);
    }
    if (documents) {
      const info = await documents.inspect(document);
      if (info.mediaType === "text/plain") {
        throw new FaxError("document_unsupported", "a received document is neither PDF nor TIFF");
      }
      return info.pages.length;
    }
    const head = await readAll(await document.open({ start: 0, end: 4 }), document.size);
    if (Buffer.from(head).toString("latin1") !== "%PDF-") {
      throw new FaxError(
        "document_unsupported",
        "a received document is not PDF, and no document engine is given",
      );
    }
    return undefined;
  }

  async function toPdf(source: FaxDocument): Promise<{ pdf: FaxDocument; pages: number | undefined }> {
    const pages = await inspect(source);
    const pdf = documents ? await documents.toPdf(source) : source;
    if (pdf.size > maxPdfBytes) {
      throw new FaxError(
        "document_too_large",
        `a received document is larger than ${maxPdfBytes} bytes as PDF`,
      );
    }
    return { pdf, pages };
  }

  async function fetched(
    context: Pick<ReceivedContext, "fetchDocument" | "faultPoint">,
  ): Promise<FaxDocument> {
    await context.faultPoint("inbox.before-fetch");
    const document = await context.fetchDocument();
    await context.faultPoint("inbox.after-fetch");
    // Providers answer with nothing while they still make the file: not a bad document, one to come back for.
    if (document.size === 0) throw new FaxError("not_found", "the provider has no document yet");
    return document;
  }

  /** The event's own document; the provider's copy when there is none or it is no good. */
  async function obtain(
    payload: ReceivedPayload,
    context: Pick<ReceivedContext, "fetchDocument" | "faultPoint">,
  ) {
    if (!payload.document || payload.document.size === 0) return toPdf(await fetched(context));
    try {
      return await toPdf(openStoredDocument(blobs, payload.document));
    } catch (error) {
      if (!isFaxError(error) || !anotherCopyMayHelp.has(error.code)) throw error;
      try {
        return await toPdf(await fetched(context));
      } catch (second) {
        // What is wrong with the document tells more than that there is no second one.
        const noCopy = isFaxError(second, "unsupported") || isFaxError(second, "not_found");
        throw noCopy && error.code !== "not_found" ? error : second;
      }
    }
  }

  /** The PDF that an earlier run stored: blobs are written whole or not at all, and nobody else writes this key. */
  async function alreadyStored(key: string, id: string): Promise<StoredDocument | undefined> {
    const blob = await blobs.head(key);
    if (!blob) return undefined;
    return { blobKey: key, ...aboutPdf(id), size: blob.size, sha256: await hashOf(await blobs.open(key)) };
  }

  return {
    async take(id, payload, context) {
      const key = `inbound/${id}.pdf`;
      const earlier = await alreadyStored(key, id);
      if (earlier) return taken(earlier, await inspect(openStoredDocument(blobs, earlier)), payload);

      const { pdf, pages } = await obtain(payload, context);
      context.signal.throwIfAborted();
      await context.faultPoint("inbox.before-blob");
      // Asked again: another run may have stored it during the fetch, and what is stored is never replaced.
      let document = await alreadyStored(key, id);
      if (!document) {
        const content = verifiedStream(await pdf.open(), pdf);
        const written = await blobs.put(key, content, {
          mediaType: "application/pdf",
          signal: context.signal,
        });
        document = { blobKey: key, ...aboutPdf(id), ...written };
      }
      await context.faultPoint("inbox.after-blob");
      return taken(document, pages, payload);
    },
  };
}

function aboutPdf(id: string): Pick<StoredDocument, "mediaType" | "fileName"> {
  return { mediaType: "application/pdf", fileName: `${id}.pdf` };
}

function taken(
  document: StoredDocument,
  counted: number | undefined,
  payload: ReceivedPayload,
): TakenDocument {
  const pages = counted ?? payload.pages;
  return pages === undefined ? { document } : { document: { ...document, pages }, pages };
}
