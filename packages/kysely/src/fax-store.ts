import type { Cost, CoverPage, Failure, Fax, FaxStatus, FaxStore, ReviewReason } from "@faxbot/core";
import type { Insertable, Selectable } from "kysely";
import { dateOrNull, fromJson, numberOrNull, present, toDate, toJson, toMs } from "./column-values.ts";
import { toDocument, toDocumentColumns } from "./document-columns.ts";
import type { FaxbotDatabase } from "./faxbot-database.ts";
import type { FaxTable } from "./faxbot-tables.ts";
import { condition, reviewedFax } from "./index-conditions.ts";
import { findBlobs } from "./known-blobs.ts";
import { pageConditions, pageOf } from "./newest-first.ts";

/** Outbound faxes in `faxbot_faxes`. */
export function kyselyFaxStore<Trx>(database: FaxbotDatabase<Trx>): FaxStore<Trx> {
  return {
    async insert(fax, trx) {
      const row = { ...toKey(fax), ...toColumns(fax) };
      return database.run(trx, async (db) => {
        const result = await db
          .insertInto("faxbot_faxes")
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        return result.numInsertedOrUpdatedRows === 1n;
      });
    },

    async update(fax, trx) {
      const columns = toColumns(fax);
      return database.run(trx, async (db) => {
        const result = await db
          .updateTable("faxbot_faxes")
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
          .selectFrom("faxbot_faxes")
          .selectAll()
          .where("tenant_id", "=", tenantId)
          .where("id", "=", id)
          .$if(database.dialect === "postgres" && trx !== undefined, (query) => query.forUpdate())
          .executeTakeFirst();
        return row && fromRow(row);
      }),

    list: (query, trx) =>
      database.run(trx, async (db) => {
        let rows = db.selectFrom("faxbot_faxes").selectAll().where("tenant_id", "=", query.tenantId);
        if (query.status !== undefined) rows = rows.where("status", "=", query.status);
        if (query.transportId !== undefined) rows = rows.where("transport_id", "=", query.transportId);
        if (query.to !== undefined) rows = rows.where("to_number", "=", query.to);
        if (query.needsReview === true) rows = rows.where(condition(reviewedFax));
        if (query.needsReview === false) rows = rows.where("needs_review", "is", null);
        for (const part of pageConditions(query)) rows = rows.where(part);
        const found = await rows
          .orderBy("created_at", "desc")
          .orderBy("id", "desc")
          .limit(query.limit + 1)
          .execute();
        return pageOf(found.map(fromRow), query.limit);
      }),

    knownBlobs: (keys, trx) => database.run(trx, (db) => findBlobs(db, "faxbot_faxes", keys)),
  };
}

function toKey(fax: Fax): Pick<Insertable<FaxTable>, "tenant_id" | "id"> {
  return { tenant_id: fax.tenantId, id: fax.id };
}

function toColumns(fax: Fax): Omit<Insertable<FaxTable>, "tenant_id" | "id"> {
  return {
    to_number: fax.to,
    from_number: fax.from ?? null,
    status: fax.status,
    needs_review: fax.needsReview ?? null,
    transport_id: fax.transportId,
    requested_transport_id: fax.requestedTransportId ?? null,
    ...toDocumentColumns(fax.document),
    cover: toJson(fax.cover),
    options: toJson(fax.options),
    provider_id: fax.providerId ?? null,
    attempts: fax.attempts,
    pages: fax.pages ?? null,
    cost: toJson(fax.cost),
    failure: toJson(fax.failure),
    confirmed_pages: fax.partial?.confirmedPages ?? null,
    next_attempt_at: toMs(fax.nextAttemptAt),
    cancel_requested_at: toMs(fax.cancelRequestedAt),
    expires_at: toMs(fax.expiresAt),
    created_at: toMs(fax.createdAt),
    updated_at: toMs(fax.updatedAt),
    completed_at: toMs(fax.completedAt),
    version: fax.version,
  };
}

function fromRow(row: Selectable<FaxTable>): Fax {
  return {
    tenantId: row.tenant_id,
    id: row.id,
    to: row.to_number,
    status: row.status as FaxStatus,
    transportId: row.transport_id,
    document: toDocument(row),
    options: fromJson<Record<string, unknown>>(row.options),
    attempts: Number(row.attempts),
    expiresAt: toDate(row.expires_at),
    createdAt: toDate(row.created_at),
    updatedAt: toDate(row.updated_at),
    version: Number(row.version),
    ...present({
      from: row.from_number,
      needsReview: row.needs_review as ReviewReason | null,
      requestedTransportId: row.requested_transport_id,
      cover: fromJson<CoverPage>(row.cover),
      providerId: row.provider_id,
      pages: numberOrNull(row.pages),
      cost: fromJson<Cost>(row.cost),
      failure: fromJson<Failure>(row.failure),
      partial: row.confirmed_pages === null ? null : { confirmedPages: Number(row.confirmed_pages) },
      nextAttemptAt: dateOrNull(row.next_attempt_at),
      cancelRequestedAt: dateOrNull(row.cancel_requested_at),
      completedAt: dateOrNull(row.completed_at),
    }),
  };
}
