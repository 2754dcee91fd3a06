import { FaxError, type Stores, type WakeUp } from "@faxbot/core";
import { Kysely, PostgresDialect, type Transaction } from "kysely";
import { kyselyStores } from "./kysely-stores.ts";
import { migrateFaxbot } from "./migrate.ts";
import { postgresWakeUp } from "./postgres-wake-up.ts";

/** How to connect. */
export interface OpenPostgresOptions {
  /** Whether to make and update the tables; default true. */
  migrate?: boolean;
  /** The most connections at once; default 10. One of them listens while the engine runs. */
  maxConnections?: number;
  /** How long to wait for a connection, in milliseconds; default 10,000. */
  connectTimeoutMs?: number;
  /** Whether to demand TLS with a certificate that this machine trusts; default: what the connection string says. */
  tls?: boolean;
}

/** A PostgreSQL database in use. `DB` names the host's own tables in it, if there are any. */
export interface OpenPostgres<DB> {
  db: Kysely<DB>;
  stores: Stores<Transaction<DB>>;
  /** Wakes all replicas on this database; hand it to `createFaxbot`. */
  wakeUp: WakeUp;
  /** Closes all connections. Stop the engine first. */
  close(): Promise<void>;
}

/**
 * Connects to PostgreSQL for Faxbot with `pg`. For a host without a Kysely of its own; a host that has one calls
 * `kyselyStores(db)` and `postgresWakeUp(pool)` itself.
 *
 * @param connectionString e.g. `postgresql://faxbot@db.example.com/faxbot`
 * @throws FaxError `config_invalid` when `pg` is not installed, `store_unavailable` when the server cannot be reached
 * @example
 * const { stores, wakeUp, close } = await openPostgres(process.env.DATABASE_URL);
 * const faxbot = createFaxbot({ transports, blobs, stores, wakeUp });
 */
export async function openPostgres<DB = unknown>(
  connectionString: string,
  options: OpenPostgresOptions = {},
): Promise<OpenPostgres<DB>> {
  const Pool = await loadPool();
  const pool = new Pool({
    connectionString,
    max: options.maxConnections ?? 10,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
    keepAlive: true,
    ...(options.tls ? { ssl: true } : {}),
  });
  // A connection that breaks says so by an event as well, idle or not, and an event that nobody hears ends the process.
  // Whoever uses the connection is told by the failing query.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool }) });
  try {
    if (options.migrate !== false) await migrateFaxbot(db);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return { db, stores: kyselyStores(db), wakeUp: postgresWakeUp(pool), close: () => db.destroy() };
}

async function loadPool() {
  try {
    const { Pool } = await import("pg");
    return Pool;
  } catch (error) {
    throw new FaxError("config_invalid", "pg cannot be loaded: install it to use openPostgres().", {
      cause: error,
    });
  }
}
