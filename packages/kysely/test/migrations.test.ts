import { join } from "node:path";
import { onTheLineStates, openAttemptStates } from "@faxbot/core";
import { startPostgres, type TestPostgres } from "@faxbot/testing/postgres";
import { type Kysely, sql } from "kysely";
import { Migrator } from "kysely/migration";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { faxbotMigrations, kyselyStores, migrateFaxbot, openPostgres, openSqlite } from "../src/index.ts";
import { onTheLine, openAttempt } from "../src/index-conditions.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const names = Object.keys(faxbotMigrations);

it("names the states of core in the indexes", () => {
  const listed = (states: readonly string[]) =>
    `state in (${states.map((state) => `'${state}'`).join(", ")})`;
  expect(openAttempt).toBe(listed(openAttemptStates));
  expect(onTheLine).toBe(`line_key is not null and ${listed(onTheLineStates)}`);
});

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());

/** Makes an empty database and hands out connections to it, as different replicas have them. */
const databases = {
  SQLite: async () => {
    const path = join(await temporaryFolder(), "faxbot.db");
    return async () => (await openSqlite(path, { migrate: false })).db;
  },
  PostgreSQL: async () => {
    const { url } = await postgres.createDatabase();
    return async () => (await openPostgres(url, { migrate: false, maxConnections: 2 })).db;
  },
};

describe.each(Object.entries(databases))("migrations on %s", (_name, createDatabase) => {
  const openReplicas = async (count: number) => {
    const open = await createDatabase();
    const replicas = await Promise.all(Array.from({ length: count }, open));
    onTestFinished(async () => void (await Promise.all(replicas.map((db) => db.destroy()))));
    return replicas;
  };
  const first = <T>(items: T[]): T => {
    const [item] = items;
    if (item === undefined) throw new Error("there is none");
    return item;
  };

  it("are applied once, by one of many replicas that start at once", async () => {
    const replicas = await openReplicas(6);
    const applied = await Promise.all(replicas.map((db) => migrateFaxbot(db)));
    expect(applied.flat()).toEqual(names);
    expect(await migrateFaxbot(first(replicas))).toEqual([]);
    for (const db of replicas) expect(await kyselyStores(db).checkReady()).toBeUndefined();
  });

  it("can be run by the host's own migrator", async () => {
    const db = first(await openReplicas(1));
    const hostMigration = {
      up: async (host: Kysely<unknown>) => void (await sql`create table orders (id text)`.execute(host)),
    };
    const migrator = new Migrator({
      db,
      provider: { getMigrations: async () => ({ "0001_orders": hostMigration, ...faxbotMigrations }) },
    });
    const { error, results } = await migrator.migrateToLatest();
    expect(error).toBeUndefined();
    expect(results?.map((result) => result.status)).toEqual(["Success", ...names.map(() => "Success")]);
    expect(await kyselyStores(db).checkReady()).toBeUndefined();
    expect(await migrateFaxbot(db)).toEqual([]);
  });

  it("leave nothing behind when they fail", async () => {
    const db = first(await openReplicas(1));
    // The last table is there already, so the migration stops at its end.
    await sql`create table faxbot_api_keys (id text)`.execute(db);
    await expect(migrateFaxbot(db)).rejects.toMatchObject({ code: "store_unavailable" });
    const tables = await db.introspection.getTables();
    expect(tables.map((table) => table.name)).toEqual(["faxbot_api_keys"]);
    await expect(kyselyStores(db).checkReady()).rejects.toMatchObject({ code: "config_invalid" });
    await sql`drop table faxbot_api_keys`.execute(db);
    expect(await migrateFaxbot(db)).toEqual(names);
  });

  it("begin every key with the tenant", async () => {
    const db = first(await openReplicas(1));
    await migrateFaxbot(db);
    const tables = (await db.introspection.getTables()).filter(
      (table) => !/leases|migrations/.test(table.name),
    );
    expect(tables).toHaveLength(11);
    for (const table of tables) {
      expect(table.columns[0]).toMatchObject({ name: "tenant_id", isNullable: false, hasDefaultValue: true });
    }
  });
});
