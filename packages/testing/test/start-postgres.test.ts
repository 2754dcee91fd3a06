import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { findPostgresPackage } from "../src/postgres/postgres-binaries.ts";
import { startPostgres } from "../src/postgres/start-postgres.ts";

describe.skipIf(findPostgresPackage() === undefined)(
  "startPostgres (where its binaries are installed)",
  () => {
    beforeEach(() => void vi.stubEnv("FAXBOT_TEST_POSTGRES_URL", undefined));
    afterEach(() => void vi.unstubAllEnvs());

    async function query(url: string, sql: string): Promise<unknown[]> {
      const client = new Client({ connectionString: url });
      await client.connect();
      try {
        return (await client.query({ text: sql, rowMode: "array" })).rows.flat();
      } finally {
        await client.end();
      }
    }

    it("runs a server with databases of one's own, and leaves nothing when it stops", async () => {
      const postgres = await startPostgres({ settings: { max_connections: "17" } });
      const one = await postgres.createDatabase();
      const two = await postgres.createDatabase();
      await query(one.url, "create table t (id int)");
      expect(await query(one.url, "select count(*)::int from t")).toEqual([0]);
      await expect(query(two.url, "select * from t")).rejects.toMatchObject({ code: "42P01" });
      expect(await query(two.url, "show max_connections")).toEqual(["17"]);
      expect(await query(two.url, "show fsync")).toEqual(["off"]);
      const [folder] = (await query(postgres.url, "show data_directory")) as [string];

      await two.drop();
      await two.drop();
      await expect(query(two.url, "select 1")).rejects.toMatchObject({ code: "3D000" });
      await postgres.stop();
      await postgres.stop();
      await expect(query(one.url, "select 1")).rejects.toMatchObject({ code: "ECONNREFUSED" });
      expect(existsSync(folder)).toBe(false);
    });

    it("asks for a password, as other users of the machine may knock", async () => {
      const postgres = await startPostgres({ fsync: true });
      onTestFinished(() => postgres.stop());
      const guess = new URL(postgres.url);
      guess.password = "guess";
      await expect(query(guess.href, "select 1")).rejects.toMatchObject({ code: "28P01" });
      expect(await query(postgres.url, "show fsync")).toEqual(["on"]);
    });

    it("uses the server that the environment names, and takes its databases away again", async () => {
      const running = await startPostgres();
      onTestFinished(() => running.stop());
      vi.stubEnv("FAXBOT_TEST_POSTGRES_URL", running.url);
      const used = await startPostgres();
      expect(used.url).toBe(running.url);
      const { url } = await used.createDatabase();
      expect(await query(url, "select 1")).toEqual([1]);
      await used.stop();
      await expect(query(url, "select 1")).rejects.toMatchObject({ code: "3D000" });
      expect(await query(running.url, "select 1")).toEqual([1]);
    });

    it.each(["is killed", "ends without stopping it"])("does not outlive a process that %s", async (how) => {
      if (!existsSync(new URL("../dist/postgres/index.js", import.meta.url)))
        throw new Error("run `npm run build` first");
      const script = fileURLToPath(new URL("postgres-process.mjs", import.meta.url));
      const child = spawn(process.execPath, [script, how === "is killed" ? "stay" : "leave"], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      onTestFinished(() => void child.kill("SIGKILL"));
      const ended = once(child, "exit");
      const [url] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
      if (how === "is killed") child.kill("SIGKILL");
      await ended;
      await vi.waitFor(
        () =>
          expect(query(url, "select 1")).rejects.toMatchObject({
            code: expect.stringMatching(/ECONNREFUSED|57P0/),
          }),
        { timeout: 10_000, interval: 50 },
      );
    });
  },
);
