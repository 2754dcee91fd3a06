import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { describe, expect, it, onTestFinished } from "vitest";
import { openSqlite } from "../src/index.ts";
import { refuseOldNode } from "../src/open-sqlite.ts";
import { fax } from "./sample-fax.ts";
import { temporaryFolder } from "./temporary-folder.ts";

interface HostTables {
  orders: { id: string; fax_id: string };
}

async function openFile(options?: Parameters<typeof openSqlite>[1]) {
  const path = join(await temporaryFolder(), "made on demand", "faxbot.db");
  const opened = await openSqlite<HostTables>(path, options);
  onTestFinished(() => opened.close());
  return { path, ...opened };
}

describe("openSqlite", () => {
  it("opens a file that is ready and that only its owner can read", async () => {
    const { path, stores, db } = await openFile();
    await stores.checkReady();
    await stores.faxes.insert(fax());
    for (const suffix of ["", "-wal", "-shm"]) expect((await stat(path + suffix)).mode & 0o777).toBe(0o600);
    const pragma = async (name: string) =>
      Object.values((await sql<object>`pragma ${sql.raw(name)}`.execute(db)).rows[0] ?? {})[0];
    expect(await pragma("journal_mode")).toBe("wal");
    expect(await pragma("synchronous")).toBe(2);
    expect(await pragma("foreign_keys")).toBe(1);
  });

  it("finds everything again when it is opened again", async () => {
    const path = join(await temporaryFolder(), "faxbot.db");
    const first = await openSqlite(path);
    const record = fax();
    await first.stores.faxes.insert(record);
    await first.close();
    const second = await openSqlite(path);
    expect(await second.stores.faxes.get(record.tenantId, record.id)).toStrictEqual(record);
    await second.close();
  });

  it("makes a fax and the host's own row real together, or neither", async () => {
    const { db, stores } = await openFile();
    await sql`create table orders (id text primary key, fax_id text not null)`.execute(db);
    const order = async (id: string, fail: boolean) => {
      const record = fax();
      await db.transaction().execute(async (trx) => {
        await trx.insertInto("orders").values({ id, fax_id: record.id }).execute();
        await stores.faxes.insert(record, trx);
        if (fail) throw new Error("the order is refused");
      });
      return record;
    };
    await expect(order("1", true)).rejects.toThrow("the order is refused");
    const record = await order("2", false);
    expect(await db.selectFrom("orders").selectAll().execute()).toEqual([{ id: "2", fax_id: record.id }]);
    expect((await stores.faxes.list({ tenantId: "default", limit: 9 })).items).toStrictEqual([record]);
  });

  it("refuses what would forget", async () => {
    for (const path of [":memory:", "", "postgresql://postgres@127.0.0.1/faxbot", "file:///faxbot.db"]) {
      await expect(openSqlite(path)).rejects.toMatchObject({ code: "config_invalid" });
    }
    const { stores } = await openFile({ migrate: false });
    await expect(stores.checkReady()).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("run migrateFaxbot(db)"),
    });
    await expect(stores.faxes.insert(fax())).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("run migrateFaxbot(db)"),
    });
  });

  it("says that a file is no database, and that a folder is no file", async () => {
    const folder = await temporaryFolder();
    const file = join(folder, "letter.txt");
    await writeFile(file, "Dear Sir or Madam, ".repeat(100));
    await expect(openSqlite(file)).rejects.toMatchObject({ code: "config_invalid" });
    await expect(openSqlite(folder)).rejects.toMatchObject({ code: "store_unavailable" });
    await expect(openSqlite(join(file, "below.db"))).rejects.toMatchObject({ code: "store_unavailable" });
  });

  it("refuses a Node.js that better-sqlite3 would crash", () => {
    const versions = (node: string, napi?: string) => ({ node, napi });
    for (const [node, napi] of [
      ["20.20.2", "9"],
      ["22.12.0", "9"],
      ["unknown", undefined],
    ] as const) {
      expect(() => refuseOldNode(versions(node, napi))).toThrow(
        expect.objectContaining({
          code: "config_invalid",
          message: expect.stringContaining(`this is ${node}`),
        }),
      );
    }
    expect(refuseOldNode(versions("22.14.0", "10"))).toBeUndefined();
    expect(refuseOldNode(versions("26.10.0", "11"))).toBeUndefined();
  });
});

describe("a SQLite file that another process writes to", () => {
  async function openTwice(busyTimeoutMs: number) {
    const { path, stores } = await openFile({ busyTimeoutMs });
    const other = await openSqlite<HostTables>(path);
    onTestFinished(() => other.close());
    return { stores, other };
  }
  /** Holds the write lock in the other connection until it is told to end. */
  async function holdLock(other: Awaited<ReturnType<typeof openTwice>>["other"]) {
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    let holding: Promise<void> | undefined;
    await new Promise<void>((locked) => {
      holding = other.db.transaction().execute(async () => {
        locked();
        await ended;
      });
    });
    return async () => {
      end();
      await holding;
    };
  }

  it("waits for it without standing still", async () => {
    const { stores, other } = await openTwice(10_000);
    const release = await holdLock(other);
    let turns = 0;
    const ticking = setInterval(() => {
      turns += 1;
    }, 1);
    const writing = [
      stores.faxes.insert(fax()),
      stores.transaction((trx) => stores.faxes.insert(fax(), trx)),
      stores.attempts.claimDue({ owner: "w", leaseMs: 1, limit: 1, now: new Date() }),
    ];
    // Many turns of the event loop pass while the lock is held.
    while (turns < 20) await new Promise((resolve) => setTimeout(resolve, 1));
    await release();
    expect(await Promise.all(writing)).toEqual([true, true, []]);
    clearInterval(ticking);
  });

  it("gives up in time, and says who can help", async () => {
    const { stores, other } = await openTwice(50);
    const release = await holdLock(other);
    const refusal = {
      code: "store_unavailable",
      retryable: true,
      message: expect.stringContaining("Another process"),
    };
    await expect(stores.faxes.insert(fax())).rejects.toMatchObject(refusal);
    await expect(stores.transaction(async () => {})).rejects.toMatchObject(refusal);
    // Reading goes on beside the writer.
    expect(await stores.faxes.list({ tenantId: "default", limit: 1 })).toEqual({ items: [] });
    await release();
    expect(await stores.faxes.insert(fax())).toBe(true);
  });

  it("writes in a transaction that began by reading, though the other wrote in between", async () => {
    const { stores, other } = await openTwice(5_000);
    const record = fax();
    await stores.faxes.insert(record);
    const results = await Promise.all(
      [stores, other.stores].flatMap((mine) =>
        Array.from({ length: 10 }, () =>
          mine.transaction(async (trx) => {
            const current = await mine.faxes.get(record.tenantId, record.id, trx);
            if (!current) throw new Error("the fax is gone");
            await new Promise((resolve) => setImmediate(resolve));
            const next = { ...current, attempts: current.attempts + 1, version: current.version + 1 };
            return mine.faxes.update(next, trx);
          }),
        ),
      ),
    );
    expect(results.every(Boolean)).toBe(true);
    expect((await stores.faxes.get(record.tenantId, record.id))?.attempts).toBe(20);
  });
});
