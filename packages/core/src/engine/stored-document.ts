import type { BlobStore } from "../ports/blob-store.ts";
import type { StoredDocument } from "../records/fax.ts";
import type { FaxDocument } from "../transport/fax-document.ts";

/** A stored document as one that can be read. */
export function openStoredDocument(blobs: BlobStore, stored: StoredDocument): FaxDocument {
  return {
    mediaType: stored.mediaType,
    fileName: stored.fileName,
    size: stored.size,
    sha256: stored.sha256,
    open: (range) => blobs.open(stored.blobKey, range),
  };
}
