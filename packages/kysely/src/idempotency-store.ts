import type { IdempotencyStore } from "@faxbot/core";
import type { FaxbotDatabase } from "./faxbot-database.ts";

/** Idempotency keys in `faxbot_idempotency_keys`. */
export function kyselyIdempotencyStore<Trx>(database: FaxbotDatabase<Trx>): IdempotencyStore<Trx> {
  return {
    claim: (entry, trx) =>
      database.run(trx, async (db) => {
        for (;;) {
          // PostgreSQL waits here until another claim of the same key is committed or rolled back.
          const result = await db
            .insertInto("faxbot_idempotency_keys")
            .values({
              tenant_id: entry.tenantId,
              idempotency_key: entry.key,
              fingerprint: entry.fingerprint,
              fax_id: entry.faxId,
              created_at: entry.createdAt.getTime(),
            })
            .onConflict((conflict) => conflict.doNothing())
            .executeTakeFirst();
          if (result.numInsertedOrUpdatedRows === 1n) return { claimed: true };
          const holder = await db
            .selectFrom("faxbot_idempotency_keys")
            .select(["fax_id", "fingerprint"])
            .where("tenant_id", "=", entry.tenantId)
            .where("idempotency_key", "=", entry.key)
            .executeTakeFirst();
          if (holder) return { claimed: false, faxId: holder.fax_id, fingerprint: holder.fingerprint };
          // It was purged between the two statements: now it is free.
        }
      }),

    purge: (before, limit, trx) =>
      database.run(trx, async (db) => {
        const result = await db
          .deleteFrom("faxbot_idempotency_keys")
          .where((eb) =>
            eb(
              eb.refTuple("tenant_id", "idempotency_key"),
              "in",
              eb
                .selectFrom("faxbot_idempotency_keys")
                .select(["tenant_id", "idempotency_key"])
                .where("created_at", "<", before.getTime())
                .orderBy("created_at")
                .limit(limit)
                .$asTuple("tenant_id", "idempotency_key"),
            ),
          )
          .executeTakeFirst();
        return Number(result.numDeletedRows);
      }),
  };
}
