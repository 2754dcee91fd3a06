import type { ApiKey, ApiKeyStore } from "@faxbot/core";
import { type Insertable, type Selectable, sql } from "kysely";
import { dateOrNull, fromJson, present, toDate, toJson, toMs } from "./column-values.ts";
import type { FaxbotDatabase } from "./faxbot-database.ts";
import type { ApiKeyTable } from "./faxbot-tables.ts";

const usesPerStatement = 500;

/** Hashes of API keys in `faxbot_api_keys`. */
export function kyselyApiKeyStore<Trx>(database: FaxbotDatabase<Trx>): ApiKeyStore<Trx> {
  return {
    async insert(key, trx) {
      const row = toRow(key);
      return database.run(trx, async (db) => {
        const result = await db
          .insertInto("faxbot_api_keys")
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        return result.numInsertedOrUpdatedRows === 1n;
      });
    },

    find: (id, trx) =>
      database.run(trx, async (db) => {
        const row = await db
          .selectFrom("faxbot_api_keys")
          .selectAll()
          .where("id", "=", id)
          .executeTakeFirst();
        return row && fromRow(row);
      }),

    list: (tenantId, trx) =>
      database.run(trx, async (db) => {
        const rows = await db
          .selectFrom("faxbot_api_keys")
          .selectAll()
          .where("tenant_id", "=", tenantId)
          .orderBy("created_at")
          .orderBy("id")
          .execute();
        return rows.map(fromRow);
      }),

    revoke: (tenantId, id, at, trx) =>
      database.run(trx, async (db) => {
        const result = await db
          .updateTable("faxbot_api_keys")
          .set({ revoked_at: sql<number>`coalesce(revoked_at, ${at.getTime()})` })
          .where("tenant_id", "=", tenantId)
          .where("id", "=", id)
          .executeTakeFirst();
        return result.numUpdatedRows === 1n;
      }),

    touch: (uses, trx) =>
      database.run(trx, async (db) => {
        const latest = new Map<string, number>();
        for (const { id, at } of uses) latest.set(id, Math.max(at.getTime(), latest.get(id) ?? 0));
        const all = [...latest];
        for (let start = 0; start < all.length; start += usesPerStatement) {
          const part = all.slice(start, start + usesPerStatement);
          const ids = part.map(([id]) => id);
          const times = part.map(([id, ms]) => sql`when ${id} then cast(${ms} as bigint)`);
          const at = sql<number>`case id ${sql.join(times, sql` `)} end`;
          await db
            .updateTable("faxbot_api_keys")
            .set({ last_used_at: at })
            // Locked in one order everywhere, or two replicas that touch the same keys could wait for each other.
            .where("id", "in", (eb) =>
              eb
                .selectFrom("faxbot_api_keys")
                .select("id")
                .where("id", "in", ids)
                .orderBy("id")
                .$if(database.dialect === "postgres", (query) => query.forUpdate()),
            )
            .where(sql<boolean>`(last_used_at is null or last_used_at < ${at})`)
            .execute();
        }
      }),
  };
}

function toRow(key: ApiKey): Insertable<ApiKeyTable> {
  return {
    tenant_id: key.tenantId,
    id: key.id,
    name: key.name ?? null,
    secret_hash: key.secretHash,
    scopes: toJson(key.scopes),
    expires_at: toMs(key.expiresAt),
    revoked_at: toMs(key.revokedAt),
    last_used_at: toMs(key.lastUsedAt),
    created_at: toMs(key.createdAt),
  };
}

function fromRow(row: Selectable<ApiKeyTable>): ApiKey {
  return {
    tenantId: row.tenant_id,
    id: row.id,
    secretHash: row.secret_hash,
    scopes: fromJson<string[]>(row.scopes),
    createdAt: toDate(row.created_at),
    ...present({
      name: row.name,
      expiresAt: dateOrNull(row.expires_at),
      revokedAt: dateOrNull(row.revoked_at),
      lastUsedAt: dateOrNull(row.last_used_at),
    }),
  };
}
