import {
  type Attempt,
  type AttemptState,
  type AttemptStore,
  type Cost,
  type Failure,
  openAttemptStates,
} from "@faxbot/core";
import type { Insertable, Selectable } from "kysely";
import { claimDue, heldClaim, noLease } from "./claims.ts";
import { dateOrNull, fromJson, numberOrNull, present, toDate, toJson, toMs } from "./column-values.ts";
import type { FaxbotDatabase, FaxbotKysely } from "./faxbot-database.ts";
import type { AttemptTable } from "./faxbot-tables.ts";
import { openAttempt } from "./index-conditions.ts";

const openStates: ReadonlySet<AttemptState> = new Set(openAttemptStates);

/** The ledger of attempts in `faxbot_attempts`. */
export function kyselyAttemptStore<Trx>(database: FaxbotDatabase<Trx>): AttemptStore<Trx> {
  return {
    async insert(attempt, trx) {
      const row = { ...toKey(attempt), ...toColumns(attempt), ...toLease(attempt) };
      return database.run(trx, async (db) => {
        const result = await db
          .insertInto("faxbot_attempts")
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        return result.numInsertedOrUpdatedRows === 1n;
      });
    },

    async update(attempt, options, trx) {
      // Without the lease: that belongs to whoever claims.
      const columns = toColumns(attempt);
      const change = async (db: FaxbotKysely) => {
        let update = db
          .updateTable("faxbot_attempts")
          .set(columns)
          .where("tenant_id", "=", attempt.tenantId)
          .where("id", "=", attempt.id)
          .where("version", "=", attempt.version - 1);
        if (options?.fence !== undefined) update = update.where("fence", "=", options.fence);
        return (await update.executeTakeFirst()).numUpdatedRows === 1n;
      };
      // A closed attempt is in neither of the unique indexes, so it cannot be refused and needs no savepoint.
      const isOpen = openStates.has(attempt.state);
      return isOpen ? database.runUnlessTaken(trx, change) : database.run(trx, change);
    },

    get: (tenantId, id, trx) =>
      database.run(trx, async (db) => {
        const row = await db
          .selectFrom("faxbot_attempts")
          .selectAll()
          .where("tenant_id", "=", tenantId)
          .where("id", "=", id)
          .$if(database.dialect === "postgres" && trx !== undefined, (query) => query.forUpdate())
          .executeTakeFirst();
        return row && fromRow(row);
      }),

    find: (id, trx) =>
      database.run(trx, async (db) => {
        const row = await db
          .selectFrom("faxbot_attempts")
          .selectAll()
          .where("id", "=", id)
          .executeTakeFirst();
        return row && fromRow(row);
      }),

    findByProviderId: (tenantId, transportId, providerId, trx) =>
      database.run(trx, async (db) => {
        const row = await db
          .selectFrom("faxbot_attempts")
          .selectAll()
          .where("tenant_id", "=", tenantId)
          .where("transport_id", "=", transportId)
          .where("provider_id", "=", providerId)
          .orderBy("created_at", "desc")
          .orderBy("number", "desc")
          .limit(1)
          .executeTakeFirst();
        return row && fromRow(row);
      }),

    listByFax: (tenantId, faxId, trx) =>
      database.run(trx, async (db) => {
        const rows = await db
          .selectFrom("faxbot_attempts")
          .selectAll()
          .where("tenant_id", "=", tenantId)
          .where("fax_id", "=", faxId)
          .orderBy("number")
          .execute();
        return rows.map(fromRow);
      }),

    claimDue: (request, trx) =>
      database.run(trx, async (db) =>
        (await claimDue(database, db, "faxbot_attempts", openAttempt, request)).map(fromRow),
      ),

    renew: (claim, leaseUntil, trx) =>
      database.run(trx, async (db) => {
        const result = await db
          .updateTable("faxbot_attempts")
          .set({ lease_until: toMs(leaseUntil) })
          .where(heldClaim(claim))
          .executeTakeFirst();
        return result.numUpdatedRows === 1n;
      }),

    release: (claim, trx) =>
      database.run(trx, async (db) => {
        const result = await db
          .updateTable("faxbot_attempts")
          .set(noLease)
          .where(heldClaim(claim))
          .executeTakeFirst();
        return result.numUpdatedRows === 1n;
      }),
  };
}

type Key = "tenant_id" | "id";
type Lease = "fence" | "lease_owner" | "lease_until";

function toKey(attempt: Attempt): Pick<Insertable<AttemptTable>, Key> {
  return { tenant_id: attempt.tenantId, id: attempt.id };
}

function toLease(attempt: Attempt): Pick<Insertable<AttemptTable>, Lease> {
  return {
    fence: attempt.fence,
    lease_owner: attempt.leaseOwner ?? null,
    lease_until: toMs(attempt.leaseUntil),
  };
}

function toColumns(attempt: Attempt): Omit<Insertable<AttemptTable>, Key | Lease> {
  return {
    fax_id: attempt.faxId,
    number: attempt.number,
    transport_id: attempt.transportId,
    state: attempt.state,
    provider_id: attempt.providerId ?? null,
    provider_status: attempt.providerStatus ?? null,
    failure: toJson(attempt.failure),
    pages: attempt.pages ?? null,
    cost: toJson(attempt.cost),
    line_key: attempt.lineKey ?? null,
    due_at: toMs(attempt.dueAt),
    checks: attempt.checks,
    submitting_at: toMs(attempt.submittingAt),
    created_at: toMs(attempt.createdAt),
    updated_at: toMs(attempt.updatedAt),
    completed_at: toMs(attempt.completedAt),
    version: attempt.version,
  };
}

function fromRow(row: Selectable<AttemptTable>): Attempt {
  return {
    tenantId: row.tenant_id,
    id: row.id,
    faxId: row.fax_id,
    number: Number(row.number),
    transportId: row.transport_id,
    state: row.state as AttemptState,
    checks: Number(row.checks),
    fence: Number(row.fence),
    createdAt: toDate(row.created_at),
    updatedAt: toDate(row.updated_at),
    version: Number(row.version),
    ...present({
      providerId: row.provider_id,
      providerStatus: row.provider_status,
      failure: fromJson<Failure>(row.failure),
      pages: numberOrNull(row.pages),
      cost: fromJson<Cost>(row.cost),
      lineKey: row.line_key,
      dueAt: dateOrNull(row.due_at),
      leaseOwner: row.lease_owner,
      leaseUntil: dateOrNull(row.lease_until),
      submittingAt: dateOrNull(row.submitting_at),
      completedAt: dateOrNull(row.completed_at),
    }),
  };
}
