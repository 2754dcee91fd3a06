import { type Kysely, sql } from "kysely";
import { type DatabaseDialect, dialectOf } from "./database-dialect.ts";
import { databaseError } from "./database-error.ts";
import { faxbotMigrations, migrationTable } from "./migrations.ts";

/** Any number that nobody else locks: "faxbot" in ASCII. */
const advisoryLock = 0x666178626f74;

/**
 * Makes and updates Faxbot's tables. Run it at every start, before `faxbot.start()`: what was applied is noted in
 * `faxbot_migrations` and not done again, and several replicas may run it at once. Applies all that is missing or, when
 * it fails, nothing.
 *
 * @returns the names of the migrations that were applied now
 * @throws FaxError `store_unavailable`, or `config_invalid` when the database is neither SQLite nor PostgreSQL
 * @example
 * await migrateFaxbot(db);
 */
export async function migrateFaxbot<DB>(db: Kysely<DB>): Promise<string[]> {
  const dialect = dialectOf(db);
  try {
    return await db
      .withoutPlugins()
      .connection()
      .execute((connection) => migrateExclusively(connection, dialect));
  } catch (error) {
    throw databaseError(error);
  }
}

async function migrateExclusively<DB>(db: Kysely<DB>, dialect: DatabaseDialect): Promise<string[]> {
  // Kysely's transactions begin SQLite's without the lock, and a second replica would read before the first one wrote.
  await sql.raw(dialect === "sqlite" ? "begin immediate" : "begin").execute(db);
  try {
    if (dialect === "postgres") await sql`select pg_advisory_xact_lock(${advisoryLock}::bigint)`.execute(db);
    await sql.raw(migrationTable(dialect)).execute(db);
    const { rows } = await sql<{ name: string }>`select name from faxbot_migrations`.execute(db);
    const done = new Set(rows.map((row) => row.name));
    const missing = Object.entries(faxbotMigrations).filter(([name]) => !done.has(name));
    for (const [, migration] of missing) await migration.up(db);
    await sql`commit`.execute(db);
    return missing.map(([name]) => name);
  } catch (error) {
    await sql`rollback`.execute(db).catch(() => {});
    throw error;
  }
}
