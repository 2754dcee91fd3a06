import { type InboundFax, inboundStatuses } from "@faxbot/core";
import { z } from "@hono/zod-openapi";
import type { TransportDirectory } from "./transport-directory.ts";

const time = z.iso.datetime();

/** A received fax as the API shows it: the classic names and the record's own names side by side. */
export const inboundEntrySchema = z
  .object({
    id: z.string(),
    fr: z.string().nullable().openapi({ description: "The classic name of from." }),
    from: z.string().nullable(),
    from_number: z.string().nullable().openapi({ description: "The same as from." }),
    to: z.string().nullable(),
    to_number: z.string().nullable().openapi({ description: "The same as to." }),
    status: z.enum(inboundStatuses),
    partial: z.boolean().openapi({ description: "The far end hung up before its last page." }),
    backend: z.string(),
    provider_sid: z.string(),
    pages: z.int().nullable(),
    size_bytes: z.int().nullable(),
    sha256: z.string().nullable(),
    mailbox: z.string().nullable(),
    mailbox_label: z.string().nullable().openapi({ description: "The same as mailbox." }),
    retention_until: time.nullable(),
    error: z.string().nullable().openapi({ description: "A fixed error code while status is failed." }),
    created_at: time,
    received_at: time.nullable(),
    updated_at: time,
  })
  .openapi("InboundFax");

/** Shows a received fax. */
export function inboundEntry(
  fax: InboundFax,
  directory: TransportDirectory,
): z.output<typeof inboundEntrySchema> {
  const from = fax.from ?? null;
  const to = fax.to ?? null;
  const mailbox = fax.mailbox ?? null;
  return {
    id: fax.id,
    fr: from,
    from,
    from_number: from,
    to,
    to_number: to,
    status: fax.status,
    partial: fax.partial,
    backend: directory.backendOf(fax.transportId),
    provider_sid: fax.providerId,
    pages: fax.pages ?? null,
    size_bytes: fax.document?.size ?? null,
    sha256: fax.document?.sha256 ?? null,
    mailbox,
    mailbox_label: mailbox,
    retention_until: fax.retentionUntil?.toISOString() ?? null,
    error: fax.error ?? null,
    created_at: fax.createdAt.toISOString(),
    received_at: fax.receivedAt?.toISOString() ?? null,
    updated_at: fax.updatedAt.toISOString(),
  };
}
