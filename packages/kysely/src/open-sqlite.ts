import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { FaxError, isFaxError, type Stores } from "@faxbot/core";
import { Kysely, sql, type Transaction } from "kysely";
import { databaseError } from "./database-error.ts";
import { ImmediateSqliteDialect } from "./immediate-sqlite-dialect.ts";
import { kyselyStores } from "./kysely-stores.ts";
import { migrateFaxbot } from "./migrate.ts";

/** How to open the file. */
export interface OpenSqliteOptions {
  /** Whether to make and update the tables; default true. */
  migrate?: boolean;
  /** How long to wait while another process writes, in milliseconds; default 5,000. */
  busyTimeoutMs?: number;
}

/** An open SQLite file. `DB` names the host's own tables in it, if there are any. */
export interface OpenSqlite<DB> {
  db: Kysely<DB>;
  stores: Stores<Transaction<DB>>;
  /** Closes the file. Stop the engine first. */
  close: () => Promise<void>;
}

/**
 * Opens a SQLite file for Faxbot with better-sqlite3, and makes it when it is not there (readable by its owner only).
 * Every commit is on the disk when it returns (WAL, synchronous=FULL). Several processes of one machine may
 * open the same file; do not put it on a network drive.
 *
 * @param path the file; its folder is made as well
 * @throws FaxError `config_invalid` when this Node.js is too old, better-sqlite3 is not installed or the file is not a
 * SQLite database, `store_unavailable` when the disk refuses
 * @example
 * const { stores, close } = await openSqlite("/var/lib/faxbot/faxbot.db");
 * const faxbot = createFaxbot({ transports, stores, blobs: folderBlobs("/var/lib/faxbot/documents") });
 */
export async function openSqlite<DB = unknown>(
  path: string,
  options: OpenSqliteOptions = {},
): Promise<OpenSqlite<DB>> {
  if (path === "" || path === ":memory:") {
    throw new FaxError(
      "config_invalid",
      "SQLite in memory forgets every fax: name a file, or use memoryStores() in tests.",
    );
  }
  // A database's URL is a valid path as well: without this a misread setting would quietly begin an empty ledger.
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) {
    throw new FaxError(
      "config_invalid",
      "openSqlite() takes the path of a file, not a URL; see openPostgres().",
    );
  }
  refuseOldNode(process.versions);
  const Database = await loadDriver();
  try {
    await makePrivateFile(path);
    // The short time-out covers another connection's short write; longer waits must not block the event loop.
    const database = new Database(path, { timeout: 10 });
    const db = new Kysely<DB>({
      dialect: new ImmediateSqliteDialect(database, options.busyTimeoutMs ?? 5_000),
    });
    try {
      // Over Kysely, which waits when another process is just opening the same new file.
      for (const setting of ["journal_mode = wal", "synchronous = full", "foreign_keys = on"]) {
        await sql.raw(`pragma ${setting}`).execute(db);
      }
      if (options.migrate !== false) await migrateFaxbot(db);
    } catch (error) {
      database.close();
      throw error;
    }
    return { db, stores: kyselyStores(db), close: () => db.destroy() };
  } catch (error) {
    if (isFaxError(error)) throw error;
    if (error instanceof Error && Reflect.get(error, "code") === "SQLITE_NOTADB") {
      throw new FaxError("config_invalid", "The file is not a SQLite database.", { cause: error });
    }
    throw databaseError(error);
  }
}

/**
 * better-sqlite3 is built for Node-API 10. On an older Node.js, which its own package.json allows, it crashes the process
 * without a word, so it must not even be loaded there.
 *
 * @internal
 */
export function refuseOldNode(versions: Readonly<Record<string, string | undefined>>): void {
  if (Number(versions.napi) >= 10) return;
  throw new FaxError(
    "config_invalid",
    `SQLite needs Node.js 22.14 or newer (this is ${versions.node}): better-sqlite3 would crash it.`,
  );
}

async function loadDriver() {
  try {
    const { default: Database } = await import("better-sqlite3");
    return Database;
  } catch (error) {
    throw new FaxError("config_invalid", "better-sqlite3 cannot be loaded: install it to use openSqlite().", {
      cause: error,
    });
  }
}

/** SQLite would make a file that everybody may read. What it writes beside it takes over the rights. */
async function makePrivateFile(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const handle = await open(path, "a", 0o600);
  await handle.close();
}
