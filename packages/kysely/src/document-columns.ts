import type { StoredDocument } from "@faxbot/core";
import { numberOrNull, present } from "./column-values.ts";

/** A stored document as its columns hold it. */
export function toDocumentColumns(document: StoredDocument) {
  return {
    document_blob_key: document.blobKey,
    document_media_type: document.mediaType,
    document_file_name: document.fileName,
    document_size: document.size,
    document_sha256: document.sha256,
    document_pages: document.pages ?? null,
  };
}

/** The columns of a fax that has no document (any more). */
export const noDocumentColumns = {
  document_blob_key: null,
  document_media_type: null,
  document_file_name: null,
  document_size: null,
  document_sha256: null,
  document_pages: null,
};

/** A stored document from its columns. */
export function toDocument(row: {
  document_blob_key: string;
  document_media_type: string | null;
  document_file_name: string | null;
  document_size: number | string | null;
  document_sha256: string | null;
  document_pages: number | string | null;
}): StoredDocument {
  return {
    blobKey: row.document_blob_key,
    mediaType: row.document_media_type ?? "",
    fileName: row.document_file_name ?? "",
    size: Number(row.document_size),
    sha256: row.document_sha256 ?? "",
    ...present({ pages: numberOrNull(row.document_pages) }),
  };
}
