import { FaxError } from "@faxbot/core";
import { type Kysely, PostgresAdapter, SqliteAdapter } from "kysely";

/** The databases that Faxbot's tables can live in. */
export type DatabaseDialect = "sqlite" | "postgres";

/**
 * Tells which database a Kysely speaks to.
 *
 * @throws FaxError `config_invalid` when it is neither SQLite nor PostgreSQL
 */
export function dialectOf<DB>(db: Kysely<DB>): DatabaseDialect {
  const { adapter } = db.getExecutor();
  if (adapter instanceof PostgresAdapter) return "postgres";
  if (adapter instanceof SqliteAdapter) return "sqlite";
  throw new FaxError(
    "config_invalid",
    "Faxbot's stores need a Kysely on SQLite or PostgreSQL, whose dialect uses Kysely's own adapter.",
  );
}
