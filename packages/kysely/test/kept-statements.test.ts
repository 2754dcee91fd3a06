import { join } from "node:path";
import Database from "better-sqlite3";
import { Kysely, type SqliteDatabase, sql } from "kysely";
import { describe, expect, it, onTestFinished } from "vitest";
import { ImmediateSqliteDialect } from "../src/immediate-sqlite-dialect.ts";
import { keepStatements } from "../src/kept-statements.ts";
import { temporaryFolder } from "./temporary-folder.ts";

interface Tables {
  numbers: { n: number };
}

async function openNumbers() {
  const path = join(await temporaryFolder(), "numbers.db");
  const database = new Database(path);
  database.exec("create table numbers (n integer); insert into numbers values (1), (2), (3)");
  const prepared: string[] = [];
  const prepare = database.prepare.bind(database);
  database.prepare = ((text: string) => {
    prepared.push(text);
    return prepare(text);
  }) as typeof database.prepare;
  const db = new Kysely<Tables>({ dialect: new ImmediateSqliteDialect(database, 1000) });
  onTestFinished(() => db.destroy());
  return { path, db, prepared };
}

describe("statements of a SQLite file", () => {
  it("are prepared once, whatever their parameters", async () => {
    const { db, prepared } = await openNumbers();
    const above = (n: number) => db.selectFrom("numbers").selectAll().where("n", ">", n).execute();
    expect(await above(1)).toEqual([{ n: 2 }, { n: 3 }]);
    expect(await above(2)).toEqual([{ n: 3 }]);
    expect(prepared).toHaveLength(1);
  });

  it("see a column that another process has added", async () => {
    const { path, db, prepared } = await openNumbers();
    const all = () => db.selectFrom("numbers").selectAll().where("n", "=", 1).execute();
    expect(await all()).toEqual([{ n: 1 }]);
    const other = new Database(path);
    other.exec("alter table numbers add column name text default 'one'");
    other.close();
    expect(await all()).toEqual([{ n: 1, name: "one" }]);
    expect(prepared).toHaveLength(1);
  });

  it("go on after one of them failed", async () => {
    const { db } = await openNumbers();
    await db.schema.createIndex("one_each").on("numbers").column("n").unique().execute();
    const insert = (n: number) => db.insertInto("numbers").values({ n }).execute();
    await insert(4);
    await expect(insert(4)).rejects.toThrow("UNIQUE");
    await insert(5);
    expect((await sql<{ sum: number }>`select sum(n) as sum from numbers`.execute(db)).rows).toEqual([
      { sum: 15 },
    ]);
  });

  it("are forgotten when they have not been used for long", () => {
    const prepared: string[] = [];
    const database = keepStatements({
      close: () => {},
      prepare: (text) => {
        prepared.push(text);
        return { reader: true } as ReturnType<SqliteDatabase["prepare"]>;
      },
    });
    database.prepare("often");
    for (let index = 0; index < 1000; index += 1) {
      database.prepare(`once ${index}`);
      database.prepare("often");
    }
    database.prepare("once 0");
    expect(prepared.filter((text) => text === "often")).toHaveLength(1);
    expect(prepared.filter((text) => text === "once 0")).toHaveLength(2);
  });
});
