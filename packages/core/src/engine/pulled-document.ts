import type { Fax } from "../records/fax.ts";
import type { FaxDocument } from "../transport/fax-document.ts";
import { FaxError } from "../transport/fax-error.ts";
import type { FaxTransportV1 } from "../transport/fax-transport.ts";
import type { Engine } from "./engine.ts";

/** Longer than a provider holds a fax in its queue: SignalWire may fetch the document only when it dials. */
const tokenTtlMs = 48 * 3_600_000;

/**
 * Puts the prepared document where a provider that pulls can fetch it.
 *
 * @returns the URL with a fresh token, or `undefined` for a transport that is handed the bytes
 */
export async function offerDocument<Trx>(
  engine: Engine<Trx>,
  transport: FaxTransportV1,
  fax: Fax,
  document: FaxDocument,
): Promise<string | undefined> {
  if (transport.manifest.documentDelivery !== "pull") return undefined;
  // All that is to be known later stands in the key: bytes and type are as the engine prepared them.
  const key = `${folderOf(fax.tenantId, fax.id)}${document.sha256}.${extensionOf(document.mediaType)}`;
  await engine.blobs.put(key, await document.open(), { mediaType: document.mediaType });
  const { token } = await engine.tokens.issueToken({
    tenantId: fax.tenantId,
    purpose: "outbound_document",
    subjectId: fax.id,
    ttlMs: tokenTtlMs,
  });
  const url = new URL(`${engine.publicUrl}/fax/${fax.id}/pdf`);
  url.searchParams.set("token", token);
  if (fax.tenantId !== "default") url.searchParams.set("tenant", fax.tenantId);
  return url.href;
}

/** Opens what {@link offerDocument} offered. Any number of times, since providers fetch more than once. */
export async function openPulledDocument<Trx>(
  engine: Engine<Trx>,
  tenantId: string,
  faxId: string,
  token: string,
): Promise<FaxDocument> {
  await engine.tokens.redeemToken({ tenantId, purpose: "outbound_document", subjectId: faxId, token });
  let offered: { key: string; size: number; sha256: string; extension: string } | undefined;
  let newest = Number.NEGATIVE_INFINITY;
  for await (const blob of engine.blobs.list(folderOf(tenantId, faxId))) {
    const [, sha256, extension] = /\/([0-9a-f]{64})\.(pdf|tiff)$/.exec(blob.key) ?? [];
    if (!sha256 || !extension || blob.modifiedAt.getTime() < newest) continue;
    newest = blob.modifiedAt.getTime();
    offered = { key: blob.key, size: blob.size, sha256, extension };
  }
  if (!offered) throw new FaxError("not_found", "the document is no longer offered");
  const { key, size, sha256, extension } = offered;
  return {
    mediaType: extension === "tiff" ? "image/tiff" : "application/pdf",
    fileName: `fax.${extension}`,
    size,
    sha256,
    open: (range) => engine.blobs.open(key, range),
  };
}

function folderOf(tenantId: string, faxId: string): string {
  return `prepared/${tenantId}/${faxId}/`;
}

function extensionOf(mediaType: string): "pdf" | "tiff" {
  return mediaType.startsWith("image/tiff") ? "tiff" : "pdf";
}
