import type { Lease, LeaseStore } from "@faxbot/core";
import { sql } from "kysely";
import { toMs } from "./column-values.ts";
import type { FaxbotDatabase } from "./faxbot-database.ts";

/** Leases on names in `faxbot_leases`. */
export function kyselyLeaseStore<Trx>(database: FaxbotDatabase<Trx>): LeaseStore<Trx> {
  return {
    acquire: ({ name, owner, leaseMs, now }, trx) =>
      database.run(trx, async (db) => {
        const nowMs = now.getTime();
        const row = await db
          .insertInto("faxbot_leases")
          .values({ name, fence: 1, owner, lease_until: nowMs + leaseMs, due_at: null })
          .onConflict((conflict) =>
            conflict
              .column("name")
              .doUpdateSet((eb) => ({
                fence: sql<number>`faxbot_leases.fence + 1`,
                owner: eb.ref("excluded.owner"),
                lease_until: eb.ref("excluded.lease_until"),
                due_at: null,
              }))
              .where(
                sql<boolean>`(faxbot_leases.lease_until is null or faxbot_leases.lease_until <= ${nowMs})`,
              )
              .where(sql<boolean>`(faxbot_leases.due_at is null or faxbot_leases.due_at <= ${nowMs})`),
          )
          .returning("fence")
          .executeTakeFirst();
        return row && { name, fence: Number(row.fence) };
      }),

    renew: (lease, leaseUntil, trx) =>
      database.run(trx, async (db) => {
        const result = await db
          .updateTable("faxbot_leases")
          .set({ lease_until: toMs(leaseUntil) })
          .where(held(lease))
          .executeTakeFirst();
        return result.numUpdatedRows === 1n;
      }),

    release: (lease, { dueAt }, trx) =>
      database.run(trx, async (db) => {
        const result = await db
          .updateTable("faxbot_leases")
          .set({ owner: null, lease_until: null, due_at: toMs(dueAt) })
          .where(held(lease))
          .executeTakeFirst();
        return result.numUpdatedRows === 1n;
      }),
  };
}

function held(lease: Lease) {
  return sql<boolean>`name = ${lease.name} and fence = ${lease.fence} and lease_until is not null`;
}
