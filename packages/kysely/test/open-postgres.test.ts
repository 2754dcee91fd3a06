import { startPostgres, type TestPostgres } from "@faxbot/testing/postgres";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type OpenPostgresOptions, openPostgres } from "../src/index.ts";
import { fax } from "./sample-fax.ts";

interface HostTables {
  orders: { id: string; fax_id: string };
}

describe("openPostgres", () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.stop());
  const openDatabase = async (options?: OpenPostgresOptions) => {
    const { url } = await postgres.createDatabase();
    const opened = await openPostgres<HostTables>(url, options);
    onTestFinished(() => opened.close());
    return { url, ...opened };
  };

  it("opens a database that is ready", async () => {
    const { stores, wakeUp } = await openDatabase();
    expect(await stores.checkReady()).toBeUndefined();
    expect(await stores.faxes.insert(fax())).toBe(true);
    expect(await wakeUp.notify()).toBeUndefined();
    const unmigrated = await openDatabase({ migrate: false });
    await expect(unmigrated.stores.checkReady()).rejects.toMatchObject({ code: "config_invalid" });
  });

  it("makes a fax and the host's own row real together, or neither", async () => {
    const { db, stores } = await openDatabase();
    await sql`create table orders (id text primary key, fax_id text not null)`.execute(db);
    const order = async (id: string) => {
      const record = fax();
      await db.transaction().execute(async (trx) => {
        await stores.faxes.insert(record, trx);
        await trx.insertInto("orders").values({ id, fax_id: record.id }).execute();
      });
      return record;
    };
    const record = await order("1");
    await expect(order("1")).rejects.toMatchObject({ code: "23505" });
    expect((await stores.faxes.list({ tenantId: "default", limit: 9 })).items).toStrictEqual([record]);
  });

  it("locks the row that a transaction reads, so that a reader that writes later loses no change", async () => {
    const { db, stores } = await openDatabase();
    const record = fax();
    await stores.faxes.insert(record);
    await stores.transaction(async (trx) => {
      await stores.faxes.get(record.tenantId, record.id, trx);
      const intruding = sql`select id from faxbot_faxes where id = ${record.id} for update nowait`.execute(
        db,
      );
      await expect(intruding).rejects.toMatchObject({ code: "55P03" });
      expect(await stores.faxes.get(record.tenantId, record.id)).toStrictEqual(record);
    });
  });

  it("survives a server that drops its connections, in a transaction or not", async () => {
    const { url, db, stores } = await openDatabase();
    const admin = await openPostgres(url);
    onTestFinished(() => admin.close());
    const dropAll = () =>
      sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`.execute(admin.db);
    const refusal = { code: "store_unavailable", status: 503, retryable: true };
    const broken = stores.transaction(async (trx) => {
      await stores.faxes.insert(fax(), trx);
      await dropAll();
      await stores.faxes.insert(fax(), trx);
    });
    await expect(broken).rejects.toMatchObject(refusal);
    await dropAll();
    // The pool hands out a new connection as soon as it has noticed.
    await expect.poll(() => stores.faxes.insert(fax()).catch(() => false), { timeout: 5_000 }).toBe(true);
    expect((await stores.faxes.list({ tenantId: "default", limit: 9 })).items).toHaveLength(1);
    expect((await sql`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }]);
  });

  it("says so when the server cannot be reached", async () => {
    const opening = openPostgres("postgresql://postgres:swordfish@127.0.0.1:1/none");
    await expect(opening).rejects.toMatchObject({ code: "store_unavailable" });
  });
});
