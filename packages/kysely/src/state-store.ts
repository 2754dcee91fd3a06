import type { StateStore } from "@faxbot/core";
import type { FaxbotDatabase } from "./faxbot-database.ts";

/** Small values of transports in `faxbot_transport_state`. */
export function kyselyStateStore<Trx>(database: FaxbotDatabase<Trx>): StateStore<Trx> {
  return {
    get: (tenantId, transportId, key, trx) =>
      database.run(trx, async (db) => {
        const row = await db
          .selectFrom("faxbot_transport_state")
          .select("value")
          .where("tenant_id", "=", tenantId)
          .where("transport_id", "=", transportId)
          .where("state_key", "=", key)
          .executeTakeFirst();
        return row?.value;
      }),

    set: (tenantId, transportId, key, value, trx) =>
      database.run(trx, async (db) => {
        await db
          .insertInto("faxbot_transport_state")
          .values({ tenant_id: tenantId, transport_id: transportId, state_key: key, value })
          .onConflict((conflict) =>
            conflict.columns(["tenant_id", "transport_id", "state_key"]).doUpdateSet({ value }),
          )
          .execute();
      }),
  };
}
