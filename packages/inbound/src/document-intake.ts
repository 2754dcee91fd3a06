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
  /** True when pages may be missing: the TIFF was damaged, and what could be read of it was kept. */
  isPartial: boolean;
}

/** What a source was made into. */
interface ReadDocument {
  pdf: FaxDocument;
  pages: number | undefined;
  isPartial: boolean;
}

/** Gets a received fax's document into the blob store as PDF. */
export interface DocumentIntake {
  /**
   * @param id the received fax's id; the blob is `inbound/<id>.pdf`, or `inbound/<id>.partial.pdf` when it is not whole
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

/** With these no further try brings a second copy. */
const isFinal = (code: FaxErrorCode) => anotherCopyMayHelp.has(code) || code === "unsupported";

/** Makes the intake. `maxPdfBytes` bounds the document before and after its conversion. */
export function createDocumentIntake(parts: {
  blobs: BlobStore;
  documents?: DocumentEngine;
  maxPdfBytes: number;
}): DocumentIntake {
  const { blobs, documents, maxPdfBytes } = parts;

  function checkSize(document: FaxDocument, what: string): void {
    if (document.size > maxPdfBytes) {
      throw new FaxError("document_too_large", `${what} is larger than ${maxPdfBytes} bytes`);
    }
  }

  /** The pages of a PDF or TIFF; text is refused: it is a provider's error page, never a fax. */
  async function inspect(document: FaxDocument): Promise<number | undefined> {
    checkSize(document, "a received document");
    if (documents) {
      const info = await documents.inspect(document);
      if (info.mediaType === "text/plain") {
        throw new FaxError("document_unsupported", "a received document is neither PDF nor TIFF");
      }
      return info.pages.length;
    }
    if ((await headOf(document, 5)) !== "%PDF-") {
      throw new FaxError(
        "document_unsupported",
        "a received document is not PDF, and no document engine is given",
      );
    }
    return undefined;
  }

  async function toPdf(source: FaxDocument): Promise<ReadDocument> {
    if (documents && (await isTiff(source))) return tiffToPdf(source, documents);
    const pages = await inspect(source);
    const pdf = documents ? await documents.toPdf(source) : source;
    checkSize(pdf, "a received document as PDF");
    return { pdf, pages, isPartial: false };
  }

  /**
   * A TIFF is converted before it is inspected: of a file that breaks off, which inspection refuses, conversion keeps
   * the pages that are there. Both hold to the same limits.
   */
  async function tiffToPdf(source: FaxDocument, engine: DocumentEngine): Promise<ReadDocument> {
    checkSize(source, "a received document");
    const pdf = await engine.toPdf(source);
    const pages = await inspect(pdf);
    const whole = await inspect(source).catch((error: unknown) => {
      if (isFaxError(error, "document_invalid")) return undefined;
      throw error;
    });
    return { pdf, pages, isPartial: whole !== pages };
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

  /** The event's own document; the provider's copy when there is none, or it is no good or not whole. */
  async function obtain(
    payload: ReceivedPayload,
    context: Pick<ReceivedContext, "fetchDocument" | "faultPoint">,
  ): Promise<ReadDocument> {
    if (!payload.document || payload.document.size === 0) return toPdf(await fetched(context));
    let partial: ReadDocument | undefined;
    let reason: FaxError | undefined;
    try {
      const read = await toPdf(openStoredDocument(blobs, payload.document));
      if (!read.isPartial) return read;
      partial = read;
    } catch (error) {
      if (!isFaxError(error) || !anotherCopyMayHelp.has(error.code)) throw error;
      reason = error;
    }
    try {
      const second = await toPdf(await fetched(context));
      return second.isPartial ? (partial ?? second) : second;
    } catch (second) {
      if (partial && isFaxError(second) && isFinal(second.code)) return partial;
      // What is wrong with the document tells more than that there is no second one.
      const noCopy = isFaxError(second, "unsupported") || isFaxError(second, "not_found");
      throw noCopy && reason && reason.code !== "not_found" ? reason : second;
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
      for (const isPartial of [false, true]) {
        const earlier = await alreadyStored(keyOf(id, isPartial), id);
        if (!earlier) continue;
        return taken(earlier, await inspect(openStoredDocument(blobs, earlier)), payload);
      }
      const { pdf, pages, isPartial } = await obtain(payload, context);
      const key = keyOf(id, isPartial);
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

const partialSuffix = ".partial.pdf";

/** What is not whole has a name of its own, so that a run after a crash knows it too. */
function keyOf(id: string, isPartial: boolean): string {
  return `inbound/${id}${isPartial ? partialSuffix : ".pdf"}`;
}

/** True for a document of which pages may be missing. */
export function isPartialDocument({ blobKey }: StoredDocument): boolean {
  return blobKey.endsWith(partialSuffix);
}

async function headOf(document: FaxDocument, count: number): Promise<string> {
  if (document.size < count) return "";
  const head = await readAll(await document.open({ start: 0, end: count - 1 }), document.size);
  return Buffer.from(head).toString("latin1");
}

/** The magic numbers of TIFF and BigTIFF, in both byte orders. */
async function isTiff(document: FaxDocument): Promise<boolean> {
  return ["II*\0", "MM\0*", "II+\0", "MM\0+"].includes(await headOf(document, 4));
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
  const isPartial = isPartialDocument(document);
  return pages === undefined
    ? { document, isPartial }
    : { document: { ...document, pages }, pages, isPartial };
}
