// A process of its own that claims attempts as fast as it can, and says which it got.
// It runs from dist: the oldest supported Node.js does not run TypeScript.
import { createInterface } from "node:readline";
import { openPostgres, openSqlite } from "@faxbot/kysely";

const [database, location, owner] = process.argv.slice(2);
const { stores, close } = await (database === "SQLite" ? openSqlite(location) : openPostgres(location));
process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  const request = { owner, leaseMs: 60_000, limit: 5, now: new Date(Number(line)) };
  const ids = [];
  // Whoever passes over rows that others are just claiming may come away empty before all are taken.
  for (let empty = 0; empty < 3; ) {
    const claimed = await stores.attempts.claimDue(request);
    if (claimed.length === 0) empty += 1;
    ids.push(...claimed.map((attempt) => attempt.id));
  }
  process.stdout.write(`${JSON.stringify(ids)}\n`);
  break;
}
await close();
