import type { Stores } from "@faxbot/core";
import type { Kysely, Transaction } from "kysely";
import { kyselyApiKeyStore } from "./api-key-store.ts";
import { kyselyAttemptStore } from "./attempt-store.ts";
import { checkReady } from "./check-ready.ts";
import { kyselyEventStore } from "./event-store.ts";
import { kyselyFaxStore } from "./fax-store.ts";
import { faxbotDatabase } from "./faxbot-database.ts";
import { kyselyIdempotencyStore } from "./idempotency-store.ts";
import { kyselyInboundStore } from "./inbound-store.ts";
import { kyselyLeaseStore } from "./lease-store.ts";
import { kyselyMailboxStore } from "./mailbox-store.ts";
import { kyselyNoticeStore } from "./notice-store.ts";
import { kyselyStateStore } from "./state-store.ts";
import { kyselyTokenStore } from "./token-store.ts";

/**
 * Faxbot's stores in the host's own database: SQLite or PostgreSQL 12 or newer, over the host's Kysely. Run
 * `migrateFaxbot` first; all tables begin with `faxbot_`. Plugins of the host's Kysely (camel case and the like) do not
 * reach these tables.
 *
 * A method that is handed `trx` works inside that transaction, so a fax and the host's own rows become real together.
 * On SQLite, where there is one connection, a call without `trx` inside a transaction waits for ever.
 *
 * @param db the host's Kysely; it stays the host's, to destroy as well
 * @throws FaxError `config_invalid` when the database is neither SQLite nor PostgreSQL
 * @example
 * const db = new Kysely<HostTables>({ dialect: new PostgresDialect({ pool: new Pool({ connectionString }) }) });
 * await migrateFaxbot(db);
 * const faxbot = createFaxbot({ transports, blobs, stores: kyselyStores(db) });
 *
 * await db.transaction().execute(async (trx) => {
 *   await trx.insertInto("orders").values(order).execute();
 *   await faxbot.send({ to: "+12025550123", document }, { trx });
 * });
 */
export function kyselyStores<DB>(db: Kysely<DB>): Stores<Transaction<DB>> {
  const database = faxbotDatabase(db);
  return {
    transaction: (fn) => database.transaction(fn),
    checkReady: () => checkReady(database),
    faxes: kyselyFaxStore(database),
    attempts: kyselyAttemptStore(database),
    events: kyselyEventStore(database),
    notices: kyselyNoticeStore(database),
    inbound: kyselyInboundStore(database),
    idempotency: kyselyIdempotencyStore(database),
    tokens: kyselyTokenStore(database),
    leases: kyselyLeaseStore(database),
    state: kyselyStateStore(database),
    mailboxes: kyselyMailboxStore(database),
    apiKeys: kyselyApiKeyStore(database),
  };
}
