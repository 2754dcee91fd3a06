import { startPostgres, type TestPostgres } from "@faxbot/testing/postgres";
import { describeWakeUp } from "@faxbot/testing/vitest";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { postgresWakeUp } from "../src/index.ts";

describeWakeUp("postgresWakeUp", {
  create: async () => {
    const postgres = await startPostgres();
    const { url } = await postgres.createDatabase();
    const pools = [new Pool({ connectionString: url }), new Pool({ connectionString: url })] as const;
    return {
      wakeUp: postgresWakeUp(pools[0]),
      replica: postgresWakeUp(pools[1]),
      close: async () => {
        for (const pool of pools) await pool.end();
        await postgres.stop();
      },
    };
  },
});

describe("postgresWakeUp over a bad network", () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.stop());

  function openPool(url: string, max = 4) {
    const pool = new Pool({ connectionString: url, max });
    pool.on("error", () => {});
    onTestFinished(() => pool.end());
    return pool;
  }
  const listeners = async (pool: Pool) => {
    const { rows } = await pool.query<{ pid: number }>(
      "select pid from pg_stat_activity where query like 'listen%' and datname = current_database()",
    );
    return rows.map((row) => row.pid);
  };

  it("listens again when the connection was lost, and tells what it may have missed", async () => {
    const { url } = await postgres.createDatabase();
    const pool = openPool(url);
    const wakeUp = postgresWakeUp(pool, { channel: 'odd "channel', reconnectMs: 5 });
    const listener = vi.fn();
    const stop = await wakeUp.subscribe(listener);
    const [pid] = await listeners(pool);
    await pool.query("select pg_terminate_backend($1)", [pid]);
    await vi.waitFor(() => expect(listener).toHaveBeenCalled(), { timeout: 5_000 });
    await vi.waitFor(async () => expect(await listeners(pool)).toHaveLength(1), { timeout: 5_000 });
    listener.mockClear();
    await wakeUp.notify();
    await vi.waitFor(() => expect(listener).toHaveBeenCalled(), { timeout: 5_000 });
    await stop();
    await vi.waitFor(async () => expect(await listeners(pool)).toEqual([]), { timeout: 5_000 });
  });

  it("gives its connection back to the pool when it stops", async () => {
    const { url } = await postgres.createDatabase();
    const pool = openPool(url, 1);
    for (let round = 0; round < 3; round += 1) {
      const stop = await postgresWakeUp(pool).subscribe(() => {});
      await stop();
      expect((await pool.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
    }
  });

  it("keeps trying while the server cannot be reached, and never throws", async () => {
    const pool = openPool("postgresql://postgres@127.0.0.1:1/none");
    const connect = vi.spyOn(pool, "connect");
    const wakeUp = postgresWakeUp(pool, { reconnectMs: 1 });
    expect(await wakeUp.notify()).toBeUndefined();
    const stop = await wakeUp.subscribe(() => {});
    await vi.waitFor(() => expect(connect.mock.calls.length).toBeGreaterThan(3), { timeout: 5_000 });
    await stop();
    const calls = connect.mock.calls.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(connect.mock.calls.length).toBeLessThanOrEqual(calls + 1);
  });
});
