import type { InboundFax, InboundQuery, InboundStatus, InboundStore } from "@faxbot/core";
import type { Insertable, Selectable } from "kysely";
import { dateOrNull, numberOrNull, present, toDate, toMs } from "./column-values.ts";
import { noDocumentColumns, toDocument, toDocumentColumns } from "./document-columns.ts";
import type { FaxbotDatabase, FaxbotKysely } from "./faxbot-database.ts";
import type { InboundFaxTable } from "./faxbot-tables.ts";
import { condition, retainedInbound, visibleInbound } from "./index-conditions.ts";
import { findBlobs } from "./known-blobs.ts";
import { pageConditions, pageOf } from "./newest-first.ts";

/** Received faxes in `faxbot_inbound_faxes`. */
export function kyselyInboundStore<Trx>(database: FaxbotDatabase<Trx>): InboundStore<Trx> {
  return {
    async insert(fax, trx) {
      const row = { ...toKey(fax), ...toColumns(fax) };
      return database.run(trx, async (db) => {
        const result = await db
          .insertInto("faxbot_inbound_faxes")
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        return result.numInsertedOrUpdatedRows === 1n;
      });
    },

    async update(fax, trx) {
      const columns = toColumns(fax);
      return database.runUnlessTaken(trx, async (db) => {
        const result = await db
          .updateTable("faxbot_inbound_faxes")
          .set(columns)
          .where("tenant_id", "=", fax.tenantId)
          .where("id", "=", fax.id)
          .where("version", "=", fax.version - 1)
          .executeTakeFirst();
        return result.numUpdatedRows === 1n;
      });
    },

    get: (tenantId, id, trx) =>
      database.run(trx, async (db) => {
        const row = await db
          .selectFrom("faxbot_inbound_faxes")
          .selectAll()
          .where("tenant_id", "=", tenantId)
          .where("id", "=", id)
          .executeTakeFirst();
        return row && fromRow(row);
      }),

    findByProviderId: (tenantId, transportId, providerId, trx) =>
      database.run(trx, async (db) => {
        const row = await db
          .selectFrom("faxbot_inbound_faxes")
          .selectAll()
          .where("tenant_id", "=", tenantId)
          .where("transport_id", "=", transportId)
          .where("provider_id", "=", providerId)
          .executeTakeFirst();
        return row && fromRow(row);
      }),

    list: (query, trx) =>
      database.run(trx, async (db) => {
        // One query per mailbox, for each of which the index holds the newest first; a database would sort them all.
        const mailboxes = query.mailboxes === undefined ? [undefined] : [...new Set(query.mailboxes)];
        const found: InboundFax[] = [];
        for (const mailbox of mailboxes) found.push(...(await readNewest(db, query, mailbox)));
        if (mailboxes.length > 1) found.sort(newestFirst);
        return pageOf(found.slice(0, query.limit + 1), query.limit);
      }),

    listExpired: (now, limit, trx) =>
      database.run(trx, async (db) => {
        const rows = await db
          .selectFrom("faxbot_inbound_faxes")
          .selectAll()
          .where(condition(retainedInbound))
          .where("retention_until", "<=", now.getTime())
          .orderBy("retention_until")
          .limit(limit)
          .execute();
        return rows.map(fromRow);
      }),

    knownBlobs: (keys, trx) => database.run(trx, (db) => findBlobs(db, "faxbot_inbound_faxes", keys)),
  };
}

async function readNewest(
  db: FaxbotKysely,
  query: InboundQuery,
  mailbox: string | undefined,
): Promise<InboundFax[]> {
  let rows = db.selectFrom("faxbot_inbound_faxes").selectAll().where("tenant_id", "=", query.tenantId);
  if (query.status === undefined) rows = rows.where(condition(visibleInbound));
  else rows = rows.where("status", "=", query.status);
  if (query.to !== undefined) rows = rows.where("to_number", "=", query.to);
  if (mailbox !== undefined) rows = rows.where("mailbox", "=", mailbox);
  for (const part of pageConditions(query)) rows = rows.where(part);
  const found = await rows
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(query.limit + 1)
    .execute();
  return found.map(fromRow);
}

function newestFirst(a: InboundFax, b: InboundFax): number {
  return b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1);
}

function toKey(fax: InboundFax): Pick<Insertable<InboundFaxTable>, "tenant_id" | "id"> {
  return { tenant_id: fax.tenantId, id: fax.id };
}

function toColumns(fax: InboundFax): Omit<Insertable<InboundFaxTable>, "tenant_id" | "id"> {
  return {
    transport_id: fax.transportId,
    provider_id: fax.providerId,
    from_number: fax.from ?? null,
    to_number: fax.to ?? null,
    status: fax.status,
    partial: fax.partial ? 1 : 0,
    pages: fax.pages ?? null,
    ...(fax.document === undefined ? noDocumentColumns : toDocumentColumns(fax.document)),
    mailbox: fax.mailbox ?? null,
    retention_until: toMs(fax.retentionUntil),
    error: fax.error ?? null,
    created_at: toMs(fax.createdAt),
    received_at: toMs(fax.receivedAt),
    updated_at: toMs(fax.updatedAt),
    version: fax.version,
  };
}

function fromRow(row: Selectable<InboundFaxTable>): InboundFax {
  const { document_blob_key: blobKey } = row;
  return {
    tenantId: row.tenant_id,
    id: row.id,
    transportId: row.transport_id,
    providerId: row.provider_id,
    status: row.status as InboundStatus,
    partial: Number(row.partial) === 1,
    createdAt: toDate(row.created_at),
    updatedAt: toDate(row.updated_at),
    version: Number(row.version),
    ...present({
      from: row.from_number,
      to: row.to_number,
      pages: numberOrNull(row.pages),
      document: blobKey === null ? null : toDocument({ ...row, document_blob_key: blobKey }),
      mailbox: row.mailbox,
      retentionUntil: dateOrNull(row.retention_until),
      error: row.error,
      receivedAt: dateOrNull(row.received_at),
    }),
  };
}
