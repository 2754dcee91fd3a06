import { join } from "node:path";
import type { FaxQuery, InboundQuery } from "@faxbot/core";
import { startPostgres } from "@faxbot/testing/postgres";
import Database from "better-sqlite3";
import { CompiledQuery, Kysely, PostgresDialect, SqliteDialect } from "kysely";
import { Pool } from "pg";
import { expect, it, onTestFinished } from "vitest";
import { kyselyStores, migrateFaxbot } from "../src/index.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const now = new Date("2026-11-25T12:00:00Z");
const tenantId = "default";
const page = { tenantId, limit: 50 };

/** Every query whose table may hold a million rows. */
const queries: Record<string, (stores: ReturnType<typeof kyselyStores>) => Promise<unknown>> = {
  ...Object.fromEntries(
    Object.entries<Partial<FaxQuery>>({
      all: {},
      status: { status: "queued" },
      to: { to: "+12025550123" },
      review: { needsReview: true },
      since: { since: now },
    }).map(([name, query]) => [`faxes by ${name}`, (stores) => stores.faxes.list({ ...page, ...query })]),
  ),
  ...Object.fromEntries(
    Object.entries<Partial<InboundQuery>>({
      default: {},
      status: { status: "receiving" },
      to: { to: "+12025550123" },
      mailbox: { mailboxes: ["pharmacy"] },
      mailboxes: { mailboxes: ["pharmacy", "front desk"] },
    }).map(([name, query]) => [`inbound by ${name}`, (stores) => stores.inbound.list({ ...page, ...query })]),
  ),
  "known blobs": (stores) => stores.faxes.knownBlobs(["a", "b"]),
  "known inbound blobs": (stores) => stores.inbound.knownBlobs(["a", "b"]),
  "expired inbound": (stores) => stores.inbound.listExpired(now, 50),
  "inbound by provider": (stores) => stores.inbound.findByProviderId(tenantId, "test", "p"),
  "attempt by id": (stores) => stores.attempts.find("a"),
  "attempts by provider": (stores) => stores.attempts.findByProviderId(tenantId, "test", "p"),
  "attempts of a fax": (stores) => stores.attempts.listByFax(tenantId, "f"),
  "due attempts": (stores) => stores.attempts.claimDue({ owner: "w", leaseMs: 1, limit: 5, now }),
  "due events": (stores) => stores.events.claimDue({ owner: "w", leaseMs: 1, limit: 5, now }),
  "due notices": (stores) => stores.notices.claimDue({ owner: "w", leaseMs: 1, limit: 5, now }),
  "all events": (stores) => stores.events.list(page),
  "dead events": (stores) => stores.events.list({ ...page, state: "dead" }),
  "done events": (stores) => stores.events.purge(now, 50),
  "old idempotency keys": (stores) => stores.idempotency.purge(now, 50),
  "expired tokens": (stores) => stores.tokens.purge(now, 50),
  "an API key": (stores) => stores.apiKeys.find("a"),
};

/** Stores that note each query they make. */
function notedStores(dialect: SqliteDialect | PostgresDialect) {
  const noted: CompiledQuery[] = [];
  const db = new Kysely<unknown>({
    dialect,
    log: (event) => {
      if (event.level === "query") noted.push(event.query);
    },
  });
  onTestFinished(() => db.destroy());
  return { db, stores: kyselyStores(db), noted };
}

/** Explains each query that one call made. */
async function explain(
  { db, stores, noted }: ReturnType<typeof notedStores>,
  query: (typeof queries)[string],
  words: string,
): Promise<string> {
  noted.length = 0;
  await query(stores);
  const plans: string[] = [];
  for (const made of [...noted]) {
    const { rows } = await db.executeQuery<object>(
      CompiledQuery.raw(`${words} ${made.sql}`, [...made.parameters]),
    );
    plans.push(rows.map((row) => Object.values(row).join(" ")).join("\n"));
  }
  return plans.join("\n");
}

it("indexes on SQLite serve every query without reading or sorting the table", async () => {
  const database = new Database(join(await temporaryFolder(), "faxbot.db"));
  const noted = notedStores(new SqliteDialect({ database }));
  await migrateFaxbot(noted.db);
  for (const [name, query] of Object.entries(queries)) {
    const plan = await explain(noted, query, "explain query plan");
    expect.soft(plan, name).toMatch(/SEARCH/);
    expect.soft(plan, name).not.toMatch(/SCAN faxbot|TEMP B-TREE/);
  }
});

it("indexes on PostgreSQL serve every query without reading or sorting the table", async () => {
  const postgres = await startPostgres();
  onTestFinished(() => postgres.stop());
  const { url } = await postgres.createDatabase();
  // Tiny tables would be read whole and sorted; these settings ask what the planner does with large ones.
  const options = "-c enable_seqscan=off -c enable_sort=off -c enable_bitmapscan=off";
  const pool = new Pool({ connectionString: url, max: 1, options });
  const noted = notedStores(new PostgresDialect({ pool }));
  await migrateFaxbot(noted.db);
  for (const [name, query] of Object.entries(queries)) {
    const plan = await explain(noted, query, "explain (costs off)");
    expect.soft(plan, name).toMatch(/Index/);
    expect.soft(plan, name).not.toMatch(/Seq Scan on faxbot|Sort/);
  }
});
