import { join, resolve } from "node:path";
import { FaxError, type Stores, type WakeUp } from "@faxbot/core";
import { faxbotMigrations, migrateFaxbot, openPostgres, openSqlite } from "@faxbot/kysely";
import type { Kysely, Transaction } from "kysely";
import type { HostSettings } from "./host-settings.ts";

/** A transaction of the host's database; the host's own tables are not typed here. */
export type DatabaseTransaction = Transaction<unknown>;

/** One migration and whether the database has it. */
export interface MigrationState {
  name: string;
  applied: boolean;
}

/** The open database. Nothing in it was changed by opening it. */
export interface Database {
  stores: Stores<DatabaseTransaction>;
  /** On PostgreSQL: wakes every replica. */
  wakeUp?: WakeUp;
  /** Applies what is missing. @returns the names of what was applied now */
  migrate(): Promise<string[]>;
  migrations(): Promise<MigrationState[]>;
  close(): Promise<void>;
}

/** Where DATABASE_URL leads. */
type DatabaseTarget = { kind: "sqlite"; path: string } | { kind: "postgres"; connectionString: string };

/**
 * Opens the database of DATABASE_URL; without one, `faxbot.db` in the data folder.
 *
 * @param dataDir absolute
 * @throws FaxError `config_invalid` for a URL of another kind, `store_unavailable` when a file cannot be opened
 */
export async function openDatabase(
  settings: Pick<HostSettings, "databaseUrl" | "databaseTls">,
  dataDir: string,
): Promise<Database> {
  const target = databaseTarget(settings.databaseUrl, dataDir);
  if (target.kind === "sqlite") {
    const file = await openSqlite(target.path, { migrate: false });
    return { stores: file.stores, ...migrationsOf(file.db), close: () => file.close() };
  }
  const server = await openPostgres(target.connectionString, {
    migrate: false,
    ...(settings.databaseTls ? { tls: true } : {}),
  });
  return {
    stores: server.stores,
    wakeUp: server.wakeUp,
    ...migrationsOf(server.db),
    close: () => server.close(),
  };
}

function migrationsOf(db: Kysely<unknown>): Pick<Database, "migrate" | "migrations"> {
  return {
    migrate: () => migrateFaxbot(db),
    async migrations() {
      const tables = await db.introspection.getTables();
      const noted = db as Kysely<{ faxbot_migrations: { name: string } }>;
      const rows = tables.some(({ name }) => name === "faxbot_migrations")
        ? await noted.selectFrom("faxbot_migrations").select("name").execute()
        : [];
      const applied = new Set(rows.map(({ name }) => name));
      return Object.keys(faxbotMigrations).map((name) => ({ name, applied: applied.has(name) }));
    },
  };
}

/**
 * Reads DATABASE_URL: `postgres://…`, a SQLite URL with three slashes for a relative and four for an absolute path (as
 * SQLAlchemy writes them, drivers such as `+asyncpg` are dropped), or a path.
 *
 * @throws FaxError `config_invalid`; the URL may hold a password and is not shown
 */
export function databaseTarget(url: string | undefined, dataDir: string): DatabaseTarget {
  if (url === undefined) return { kind: "sqlite", path: join(dataDir, "faxbot.db") };
  const [, scheme, rest] = /^([a-z][a-z0-9]*)(?:\+[a-z0-9]+)?:\/\/(.*)$/is.exec(url) ?? [];
  if (scheme === undefined || rest === undefined) return { kind: "sqlite", path: resolve(url) };
  if (/^postgres(ql)?$/i.test(scheme)) return { kind: "postgres", connectionString: `postgres://${rest}` };
  if (/^sqlite$/i.test(scheme) && rest.startsWith("/") && rest !== "/") {
    return { kind: "sqlite", path: resolve(rest.slice(1)) };
  }
  throw new FaxError(
    "config_invalid",
    "DATABASE_URL must be postgres://…, sqlite:///relative/path, sqlite:////absolute/path or a file's path",
  );
}
