import { join } from "node:path";
import { inspect } from "node:util";
import { startPostgres, type TestPostgres } from "@faxbot/testing/postgres";
import Database from "better-sqlite3";
import {
  CamelCasePlugin,
  DummyDriver,
  Kysely,
  MysqlAdapter,
  MysqlIntrospector,
  MysqlQueryCompiler,
  PostgresDialect,
  SqliteDialect,
  sql,
} from "kysely";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { kyselyStores, migrateFaxbot } from "../src/index.ts";
import { fax } from "./sample-fax.ts";
import { temporaryFolder } from "./temporary-folder.ts";

interface HostTables {
  orderLines: { id: string; faxId: string };
}

/** Kysely with a host's habits: camel case, and a query log. */
function hostKysely(dialect: PostgresDialect | SqliteDialect) {
  const db = new Kysely<HostTables>({ dialect, plugins: [new CamelCasePlugin()] });
  onTestFinished(() => db.destroy());
  return db;
}

async function provesHostTransactions(db: Kysely<HostTables>): Promise<void> {
  await migrateFaxbot(db);
  const stores = kyselyStores(db);
  await sql`create table order_lines (id text primary key, fax_id text not null)`.execute(db);
  const record = fax({ options: { resolutionDpi: 200 }, attempts: 3 });
  await db.transaction().execute(async (trx) => {
    await trx.insertInto("orderLines").values({ id: "1", faxId: record.id }).execute();
    expect(await stores.faxes.insert(record, trx)).toBe(true);
    expect(await stores.faxes.insert(record, trx)).toBe(false);
  });
  expect(await stores.faxes.get(record.tenantId, record.id)).toStrictEqual(record);

  const controlled = await db.startTransaction().execute();
  await stores.faxes.update({ ...record, attempts: 4, version: 2 }, controlled);
  await controlled.rollback().execute();
  expect(await stores.faxes.get(record.tenantId, record.id)).toStrictEqual(record);
}

describe("a host's own SQLite", () => {
  const open = async (name = "host.db") => {
    const database = new Database(join(await temporaryFolder(), name));
    return { database, db: hostKysely(new SqliteDialect({ database })) };
  };

  it("holds Faxbot's tables beside the host's, whatever its plugins do", async () => {
    const { db } = await open();
    await provesHostTransactions(db);
  });

  it("must not be one that forgets", async () => {
    const { database, db } = await open();
    const stores = kyselyStores(db);
    await migrateFaxbot(db);
    const refused = (words: string) =>
      expect(stores.checkReady()).rejects.toMatchObject({
        code: "config_invalid",
        message: expect.stringContaining(words),
      });
    await refused("pragma journal_mode = wal");
    database.pragma("journal_mode = wal");
    database.pragma("synchronous = normal");
    await refused("pragma synchronous = full");
    database.pragma("synchronous = off");
    await refused("pragma synchronous = full");
    for (const enough of ["full", "extra"]) {
      database.pragma(`synchronous = ${enough}`);
      expect(await stores.checkReady()).toBeUndefined();
    }
    const inMemory = hostKysely(new SqliteDialect({ database: new Database(":memory:") }));
    await migrateFaxbot(inMemory);
    await expect(kyselyStores(inMemory).checkReady()).rejects.toMatchObject({
      message: expect.stringContaining("memoryStores()"),
    });
  });

  it("takes its write lock when a transaction of the stores begins", async () => {
    const path = join(await temporaryFolder(), "host.db");
    const connect = () => {
      const database = new Database(path, { timeout: 0 });
      database.pragma("journal_mode = wal");
      return hostKysely(new SqliteDialect({ database }));
    };
    const db = connect();
    const other = connect();
    await migrateFaxbot(db);
    const stores = kyselyStores(db);
    const record = fax();
    await stores.faxes.insert(record);
    await stores.transaction(async (trx) => {
      // Kysely's own transaction would only read so far, and the other could write and break this one.
      await stores.faxes.get(record.tenantId, record.id, trx);
      const intruding = kyselyStores(other).faxes.insert(fax());
      await expect(intruding).rejects.toMatchObject({ code: "store_unavailable" });
      expect(await stores.faxes.update({ ...record, version: 2 }, trx)).toBe(true);
    });
    expect(await kyselyStores(other).faxes.insert(fax())).toBe(true);
  });

  it("says so when it was closed", async () => {
    const { db } = await open();
    await migrateFaxbot(db);
    const stores = kyselyStores(db);
    await db.destroy();
    await expect(stores.faxes.insert(fax())).rejects.toMatchObject({ code: "store_unavailable" });
    await expect(stores.transaction(async () => {})).rejects.toMatchObject({ code: "store_unavailable" });
  });
});

describe("a host's own PostgreSQL", () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.stop());

  const open = async (options = "") => {
    const { url } = await postgres.createDatabase();
    const pool = new Pool({ connectionString: url, max: 4, options });
    pool.on("error", () => {});
    return { pool, db: hostKysely(new PostgresDialect({ pool })) };
  };

  it("holds Faxbot's tables beside the host's, whatever its plugins do", async () => {
    const { db } = await open();
    await provesHostTransactions(db);
  });

  it("must not be one that forgets, and must have the tables", async () => {
    const forgetful = await open("-c synchronous_commit=off");
    await migrateFaxbot(forgetful.db);
    await expect(kyselyStores(forgetful.db).checkReady()).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("synchronous_commit"),
    });
    const empty = await open();
    await expect(kyselyStores(empty.db).checkReady()).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("run migrateFaxbot(db)"),
    });
    await migrateFaxbot(empty.db);
    expect(await kyselyStores(empty.db).checkReady()).toBeUndefined();
  });

  it("runs the stores' transactions at read committed, whatever the default is", async () => {
    const { db } = await open("-c default_transaction_isolation=serializable");
    await migrateFaxbot(db);
    const stores = kyselyStores(db);
    const level = await stores.transaction(async (trx) => {
      const { rows } = await sql<{
        level: string;
      }>`select current_setting('transaction_isolation') as level`.execute(trx);
      return rows[0]?.level;
    });
    expect(level).toBe("read committed");
  });

  it("never says that a transaction was kept when the server gave it up", async () => {
    const { db } = await open();
    await migrateFaxbot(db);
    const stores = kyselyStores(db);
    const record = fax();
    const transaction = stores.transaction(async (trx) => {
      await stores.faxes.insert(record, trx);
      await sql`select 1 / 0`.execute(trx).catch(() => {});
    });
    await expect(transaction).rejects.toMatchObject({ code: "store_unavailable" });
    expect(await stores.faxes.get(record.tenantId, record.id)).toBeUndefined();
  });

  it("keeps what PostgreSQL says about a row out of the error and its causes", async () => {
    const { db } = await open();
    await migrateFaxbot(db);
    await sql`alter table faxbot_faxes add constraint odd check (attempts <> 13)`.execute(db);
    await sql`alter table faxbot_faxes add constraint number_format check (to_number::text <> '+12025550177')`.execute(
      db,
    );
    const stores = kyselyStores(db);
    const record = fax({ to: "+12025550177", options: { password: "swordfish" } });
    const errors = [
      await stores.faxes.insert(record).catch((error: unknown) => error),
      await stores.faxes.insert(fax({ to: "+12025550178", attempts: 13 })).catch((error: unknown) => error),
      // Text where a number belongs: PostgreSQL quotes it.
      await stores.faxes
        .insert(fax({ attempts: "no. +12025550177" as unknown as number }))
        .catch((error: unknown) => error),
    ];
    for (const error of errors) {
      expect(error).toMatchObject({
        code: "store_unavailable",
        cause: { code: expect.stringMatching(/^2/) },
      });
      const shown = inspect(error, { depth: 10, showHidden: true });
      expect(shown).not.toMatch(/1202555|swordfish/);
    }
    expect(errors[0]).toMatchObject({ cause: { constraint: "number_format", table: "faxbot_faxes" } });
  });

  it("says so when it cannot be reached", async () => {
    const unreachable = () => {
      const connectionString = "postgresql://postgres:swordfish@127.0.0.1:1/none";
      return hostKysely(new PostgresDialect({ pool: new Pool({ connectionString }) }));
    };
    const stores = kyselyStores(unreachable());
    const refusal = { code: "store_unavailable", status: 503, retryable: true };
    const error: unknown = await stores.faxes.insert(fax()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ ...refusal, message: "The database cannot be used (ECONNREFUSED)." });
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("swordfish");
    await expect(stores.checkReady()).rejects.toMatchObject(refusal);
    await expect(stores.transaction(async () => {})).rejects.toMatchObject(refusal);
    await expect(migrateFaxbot(unreachable())).rejects.toMatchObject(refusal);
  });
});

it("refuses a database that is neither", () => {
  const db = new Kysely<HostTables>({
    dialect: {
      createAdapter: () => new MysqlAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (any) => new MysqlIntrospector(any),
      createQueryCompiler: () => new MysqlQueryCompiler(),
    },
  });
  expect(() => kyselyStores(db)).toThrow(expect.objectContaining({ code: "config_invalid" }));
});
