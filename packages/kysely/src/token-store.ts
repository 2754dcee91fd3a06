import type { TokenStore } from "@faxbot/core";
import { toDate, toMs } from "./column-values.ts";
import type { FaxbotDatabase } from "./faxbot-database.ts";

/** Hashes of capability tokens in `faxbot_tokens`. */
export function kyselyTokenStore<Trx>(database: FaxbotDatabase<Trx>): TokenStore<Trx> {
  return {
    insert: (token, trx) =>
      database.run(trx, async (db) => {
        const result = await db
          .insertInto("faxbot_tokens")
          .values({
            tenant_id: token.tenantId,
            hash: token.hash,
            purpose: token.purpose,
            subject_id: token.subjectId,
            expires_at: toMs(token.expiresAt),
            created_at: toMs(token.createdAt),
          })
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        return result.numInsertedOrUpdatedRows === 1n;
      }),

    find: (tenantId, hash, purpose, trx) =>
      database.run(trx, async (db) => {
        const row = await db
          .selectFrom("faxbot_tokens")
          .selectAll()
          .where("tenant_id", "=", tenantId)
          .where("hash", "=", hash)
          .where("purpose", "=", purpose)
          .executeTakeFirst();
        return (
          row && {
            tenantId: row.tenant_id,
            hash: row.hash,
            purpose,
            subjectId: row.subject_id,
            expiresAt: toDate(row.expires_at),
            createdAt: toDate(row.created_at),
          }
        );
      }),

    purge: (before, limit, trx) =>
      database.run(trx, async (db) => {
        const result = await db
          .deleteFrom("faxbot_tokens")
          .where((eb) =>
            eb(
              eb.refTuple("tenant_id", "hash"),
              "in",
              eb
                .selectFrom("faxbot_tokens")
                .select(["tenant_id", "hash"])
                .where("expires_at", "<", before.getTime())
                .orderBy("expires_at")
                .limit(limit)
                .$asTuple("tenant_id", "hash"),
            ),
          )
          .executeTakeFirst();
        return Number(result.numDeletedRows);
      }),
  };
}
