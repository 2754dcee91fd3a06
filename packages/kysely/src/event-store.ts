import type { EventRecord, EventState, EventStore, ReceivedPayload, StatusPayload } from "@faxbot/core";
import { type Insertable, type Selectable, sql } from "kysely";
import { claimDue, heldClaim, noLease } from "./claims.ts";
import { dateOrNull, present, toDate, toJson, toMs } from "./column-values.ts";
import type { FaxbotDatabase } from "./faxbot-database.ts";
import type { EventTable } from "./faxbot-tables.ts";
import { groupedInserts } from "./grouped-inserts.ts";
import { condition, deadEvent, doneEvent, pendingEvent } from "./index-conditions.ts";
import { pageConditions, pageOf } from "./newest-first.ts";

/** Recorded provider events in `faxbot_events`. */
export function kyselyEventStore<Trx>(database: FaxbotDatabase<Trx>): EventStore<Trx> {
  const insertInGroup = groupedInserts<EventRow>((rows) => insertAll(database, rows), byKey);
  return {
    async insert(event, trx) {
      const row = toRow(event);
      if (trx === undefined) return insertInGroup(row);
      return (await insertAll(database, [row], trx)).has(row);
    },

    get: (tenantId, id, trx) =>
      database.run(trx, async (db) => {
        const row = await db
          .selectFrom("faxbot_events")
          .selectAll()
          .where("tenant_id", "=", tenantId)
          .where("id", "=", id)
          .executeTakeFirst();
        return row && fromRow(row);
      }),

    claimDue: (request, trx) =>
      database.run(trx, async (db) =>
        (await claimDue(database, db, "faxbot_events", pendingEvent, request)).map(fromRow),
      ),

    renew: (claim, leaseUntil, trx) =>
      database.run(trx, async (db) => {
        const result = await db
          .updateTable("faxbot_events")
          .set({ lease_until: toMs(leaseUntil) })
          .where(heldClaim(claim))
          .executeTakeFirst();
        return result.numUpdatedRows === 1n;
      }),

    settle: (claim, verdict, trx) =>
      database.run(trx, async (db) => {
        const result = await db
          .updateTable("faxbot_events")
          .set({
            ...noLease,
            state: verdict.state,
            updated_at: toMs(verdict.now),
            ...(verdict.dueAt === undefined ? {} : { due_at: toMs(verdict.dueAt) }),
            ...(verdict.lastError === undefined
              ? {}
              : { last_error: verdict.lastError, tries: sql<number>`tries + 1` }),
          })
          .where(heldClaim(claim))
          .executeTakeFirst();
        return result.numUpdatedRows === 1n;
      }),

    list: (query, trx) =>
      database.run(trx, async (db) => {
        let rows = db.selectFrom("faxbot_events").selectAll().where("tenant_id", "=", query.tenantId);
        if (query.state === "dead") rows = rows.where(condition(deadEvent));
        else if (query.state !== undefined) rows = rows.where("state", "=", query.state);
        for (const part of pageConditions(query)) rows = rows.where(part);
        const found = await rows
          .orderBy("created_at", "desc")
          .orderBy("id", "desc")
          .limit(query.limit + 1)
          .execute();
        return pageOf(found.map(fromRow), query.limit);
      }),

    replay: (tenantId, id, now, trx) =>
      database.run(trx, async (db) => {
        const result = await db
          .updateTable("faxbot_events")
          .set({ state: "pending", tries: 0, due_at: toMs(now), updated_at: toMs(now) })
          .where("tenant_id", "=", tenantId)
          .where("id", "=", id)
          .where(condition(deadEvent))
          .executeTakeFirst();
        return result.numUpdatedRows === 1n;
      }),

    purge: (before, limit, trx) =>
      database.run(trx, async (db) => {
        const result = await db
          .deleteFrom("faxbot_events")
          .where((eb) =>
            eb(
              eb.refTuple("tenant_id", "id"),
              "in",
              eb
                .selectFrom("faxbot_events")
                .select(["tenant_id", "id"])
                .where(condition(doneEvent))
                .where("created_at", "<", before.getTime())
                .orderBy("created_at")
                .limit(limit)
                .$asTuple("tenant_id", "id"),
            ),
          )
          .executeTakeFirst();
        return Number(result.numDeletedRows);
      }),
  };
}

type EventRow = Insertable<EventTable>;

/** The rows that were new: one with a key that is there, or comes earlier in the same list, is left out. */
async function insertAll<Trx>(
  database: FaxbotDatabase<Trx>,
  rows: readonly EventRow[],
  trx?: Trx,
): Promise<ReadonlySet<EventRow>> {
  return database.run(trx, async (db) => {
    const inserted = await db
      .insertInto("faxbot_events")
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .returning(["tenant_id", "id"])
      .execute();
    const fresh = new Set(inserted.map((row) => `${row.tenant_id}/${row.id}`));
    return new Set(rows.filter((row) => fresh.delete(`${row.tenant_id}/${row.id}`)));
  });
}

/** The order of the unique index. */
function byKey(a: EventRow, b: EventRow): number {
  const keyOf = (row: EventRow) => `${row.tenant_id}\0${row.transport_id}\0${row.event_key}`;
  const [first, second] = [keyOf(a), keyOf(b)];
  return first < second ? -1 : Number(first > second);
}

function toRow(event: EventRecord): EventRow {
  return {
    tenant_id: event.tenantId,
    id: event.id,
    transport_id: event.transportId,
    event_key: event.key,
    payload: toJson(event.payload),
    state: event.state,
    tries: event.tries,
    last_error: event.lastError ?? null,
    due_at: toMs(event.dueAt),
    fence: event.fence,
    lease_owner: event.leaseOwner ?? null,
    lease_until: toMs(event.leaseUntil),
    created_at: toMs(event.createdAt),
    updated_at: toMs(event.updatedAt),
  };
}

function fromRow(row: Selectable<EventTable>): EventRecord {
  return {
    tenantId: row.tenant_id,
    id: row.id,
    transportId: row.transport_id,
    key: row.event_key,
    payload: toPayload(row.payload),
    state: row.state as EventState,
    tries: Number(row.tries),
    dueAt: toDate(row.due_at),
    fence: Number(row.fence),
    createdAt: toDate(row.created_at),
    updatedAt: toDate(row.updated_at),
    ...present({
      lastError: row.last_error,
      leaseOwner: row.lease_owner,
      leaseUntil: dateOrNull(row.lease_until),
    }),
  };
}

/** JSON knows no dates: the one in a payload comes back from its text. */
function toPayload(json: string): StatusPayload | ReceivedPayload {
  const payload = JSON.parse(json) as StatusPayload | ReceivedPayload;
  const dated: { occurredAt?: Date | string } = payload.type === "status" ? payload.report : payload;
  if (typeof dated.occurredAt === "string") dated.occurredAt = new Date(dated.occurredAt);
  return payload;
}
