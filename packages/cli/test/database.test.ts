import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { isFaxError } from "@faxbot/core";
import { postgresMissing, startPostgres } from "@faxbot/testing/postgres";
import { expect, test } from "vitest";
import { type Database, databaseTarget, openDatabase } from "../src/database.ts";

const dataDir = resolve("data");

test.each([
  [undefined, { kind: "sqlite", path: join(dataDir, "faxbot.db") }],
  ["fax.db", { kind: "sqlite", path: resolve("fax.db") }],
  ["/var/lib/fax.db", { kind: "sqlite", path: "/var/lib/fax.db" }],
  ["sqlite:///./fax.db", { kind: "sqlite", path: resolve("fax.db") }],
  ["sqlite:////var/lib/fax.db", { kind: "sqlite", path: "/var/lib/fax.db" }],
  ["sqlite+aiosqlite:///fax.db", { kind: "sqlite", path: resolve("fax.db") }],
  ["postgres://u:p@h/d", { kind: "postgres", connectionString: "postgres://u:p@h/d" }],
  [
    "postgresql://u:p@h/d?sslmode=require",
    { kind: "postgres", connectionString: "postgres://u:p@h/d?sslmode=require" },
  ],
  ["postgresql+asyncpg://u:p@h/d", { kind: "postgres", connectionString: "postgres://u:p@h/d" }],
])("DATABASE_URL %s", (url, target) => {
  expect(databaseTarget(url, dataDir)).toEqual(target);
});

test.each(["mysql://root:hunter2@h/d", "sqlite://", "sqlite:///", "sqlite://host/x.db"])(
  "DATABASE_URL %s is refused without showing it",
  (url) => {
    expect(() => databaseTarget(url, dataDir)).toThrow(
      expect.toSatisfy(
        (error: unknown) => isFaxError(error, "config_invalid") && !error.message.includes("hunter2"),
      ),
    );
  },
);

async function checkMigrations(databaseUrl: string | undefined): Promise<Database> {
  const folder = await mkdtemp(join(tmpdir(), "faxbot-cli-"));
  const database = await openDatabase({ databaseUrl, databaseTls: false }, folder);
  try {
    const before = await database.migrations();
    expect(before.length).toBeGreaterThan(0);
    expect(before.every(({ applied }) => !applied)).toBe(true);
    expect(await database.migrate()).toEqual(before.map(({ name }) => name));
    expect((await database.migrations()).every(({ applied }) => applied)).toBe(true);
    expect(await database.migrate()).toEqual([]);
    await database.stores.checkReady();
    return database;
  } finally {
    await database.close();
    await rm(folder, { recursive: true, force: true });
  }
}

test("a SQLite file is opened untouched and migrated on demand", async () => {
  expect((await checkMigrations(undefined)).wakeUp).toBeUndefined();
});

test.skipIf(postgresMissing())("so is PostgreSQL, which wakes other replicas", async () => {
  const server = await startPostgres();
  try {
    const { url } = await server.createDatabase();
    expect((await checkMigrations(url)).wakeUp).toBeDefined();
  } finally {
    await server.stop();
  }
});

test("a PostgreSQL that cannot be reached is said so", async () => {
  const database = await openDatabase(
    { databaseUrl: "postgres://u:hunter2@127.0.0.1:1/d", databaseTls: false },
    dataDir,
  );
  await expect(database.migrate()).rejects.toThrow(
    expect.toSatisfy(
      (error: unknown) => isFaxError(error, "store_unavailable") && !error.message.includes("hunter2"),
    ),
  );
  await database.close();
});
