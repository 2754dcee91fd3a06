import { FaxError, type Inbox } from "@faxbot/core";
import { type ApiParts, ofTenant } from "./api-parts.ts";

/** A link that opens one received PDF without a key. Whoever has it can read the fax until it expires. */
export interface InboundPdfLink {
  url: string;
  expiresAt: Date;
}

/** Makes a {@link InboundPdfLink}. @throws FaxError `unsupported` without a public URL, `not_found` without a document */
export async function inboundPdfLink(
  parts: ApiParts,
  inbox: Inbox,
  fax: { id: string; tenantId: string },
): Promise<InboundPdfLink> {
  if (parts.publicUrl === undefined) {
    throw new FaxError("unsupported", "links need a publicUrl, and none is configured");
  }
  const { token, expiresAt } = await ofTenant(inbox, fax.tenantId).issueToken(
    fax.id,
    parts.inboundTokenTtlMs,
  );
  const query = new URLSearchParams({ token });
  if (fax.tenantId !== inbox.tenantId) query.set("tenant", fax.tenantId);
  return {
    url: `${parts.publicUrl}/inbound/${encodeURIComponent(fax.id)}/pdf?${query.toString()}`,
    expiresAt,
  };
}
