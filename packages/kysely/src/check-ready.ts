import { FaxError } from "@faxbot/core";
import { sql } from "kysely";
import type { FaxbotDatabase, FaxbotKysely } from "./faxbot-database.ts";
import { faxbotMigrations } from "./migrations.ts";

/**
 * Refuses a database that would break a promise: without the tables, or one that may forget what it said was written.
 *
 * @throws FaxError `config_invalid`, which says how to mend it, or `store_unavailable`
 */
export async function checkReady<Trx>(database: FaxbotDatabase<Trx>): Promise<void> {
  await database.run(undefined, async (db) => {
    if (database.dialect === "sqlite") await checkSqliteDurability(db);
    else await checkPostgresDurability(db);
    const applied = await db.selectFrom("faxbot_migrations").select("name").execute();
    const names = new Set(applied.map((row) => row.name));
    const missing = Object.keys(faxbotMigrations).filter((name) => !names.has(name));
    if (missing.length > 0) {
      throw new FaxError(
        "config_invalid",
        `Migrations are missing (${missing.join(", ")}): run migrateFaxbot(db).`,
      );
    }
  });
}

async function checkSqliteDurability(db: FaxbotKysely): Promise<void> {
  const journal = await sql<{ journal_mode: string }>`pragma journal_mode`.execute(db);
  const mode = journal.rows[0]?.journal_mode;
  if (mode !== "wal") {
    throw new FaxError(
      "config_invalid",
      mode === "memory"
        ? "SQLite in memory forgets every fax: open a file, or use memoryStores() in tests."
        : `SQLite's journal_mode is ${mode}: run "pragma journal_mode = wal", or open the file with openSqlite().`,
    );
  }
  const synchronous = await sql<{ synchronous: number }>`pragma synchronous`.execute(db);
  if (Number(synchronous.rows[0]?.synchronous) < 2) {
    throw new FaxError(
      "config_invalid",
      'SQLite may forget its last commits when the power fails: run "pragma synchronous = full" on every connection, or open the file with openSqlite().',
    );
  }
}

async function checkPostgresDurability(db: FaxbotKysely): Promise<void> {
  const { rows } = await sql<{
    value: string;
  }>`select current_setting('synchronous_commit') as value`.execute(db);
  if (rows[0]?.value === "off") {
    throw new FaxError(
      "config_invalid",
      "PostgreSQL may forget its last commits when it crashes: set synchronous_commit to on for this user or database.",
    );
  }
}
