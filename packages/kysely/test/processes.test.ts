import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Attempt } from "@faxbot/core";
import { startPostgres } from "@faxbot/testing/postgres";
import { describe, expect, it, onTestFinished } from "vitest";
import { openPostgres, openSqlite } from "../src/index.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const now = new Date("2026-11-25T12:00:00Z");

/** Where each process finds the same empty database, and how this one opens it. */
const databases = {
  SQLite: async () => {
    const path = join(await temporaryFolder(), "faxbot.db");
    return { location: path, open: () => openSqlite(path) };
  },
  PostgreSQL: async () => {
    const postgres = await startPostgres();
    onTestFinished(() => postgres.stop());
    const { url } = await postgres.createDatabase();
    return { location: url, open: () => openPostgres(url) };
  },
};

function attempt(index: number): Attempt {
  return {
    tenantId: "default",
    id: randomBytes(16).toString("hex"),
    faxId: randomBytes(16).toString("hex"),
    number: 1,
    transportId: "test",
    state: "prepared",
    dueAt: new Date(now.getTime() - index),
    checks: 0,
    fence: 0,
    createdAt: now,
    updatedAt: now,
    version: 1,
  };
}

/** A process that claims when it is told the time. */
async function startProcess(database: string, location: string, owner: string) {
  const script = fileURLToPath(new URL("claiming-process.mjs", import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [script, database, location, owner], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { PATH: process.env.PATH },
  });
  onTestFinished(() => void child.kill());
  if (!child.stdout) throw new Error("the process has no output");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async () => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error("the process ended without a word");
    return value;
  };
  expect(await nextLine()).toBe("ready");
  return {
    claim: async (): Promise<string[]> => {
      child.stdin?.end(`${now.getTime()}\n`);
      return JSON.parse(await nextLine()) as string[];
    },
  };
}

describe.each(Object.entries(databases))("several processes on %s", (name, createDatabase) => {
  it("make the tables together, and never claim the same attempt", async () => {
    if (!existsSync(new URL("../dist/index.js", import.meta.url)))
      throw new Error("run `npm run build` first");
    const { location, open } = await createDatabase();
    const owners = ["a", "b", "c"];
    const processes = await Promise.all(owners.map((owner) => startProcess(name, location, owner)));
    const { stores, close } = await open();
    onTestFinished(close);
    const attempts = Array.from({ length: 200 }, (_, index) => attempt(index));
    await stores.transaction(async (trx) => {
      for (const each of attempts) await stores.attempts.insert(each, trx);
    });
    const claimed = await Promise.all(processes.map((each) => each.claim()));
    expect(claimed.flat().sort()).toEqual(attempts.map((each) => each.id).sort());
    for (const [index, ids] of claimed.entries()) {
      for (const id of ids.slice(0, 3)) {
        expect(await stores.attempts.find(id)).toMatchObject({ leaseOwner: owners[index], fence: 1 });
      }
    }
  });
});
