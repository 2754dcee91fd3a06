// The process that the crash tests kill: a whole host (stores, blobs, inbox, HTTP handler, Sinch transport) that does
// one job and kills itself, or is killed, on the way. Runs the built packages, as a user's process would.
import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { createFaxbot, folderBlobs } from "@faxbot/core";
import { documents } from "@faxbot/documents";
import { faxbotApi } from "@faxbot/http";
import { toNode } from "@faxbot/http/node";
import { createInbox } from "@faxbot/inbound";
import { kyselyStores, migrateFaxbot, openSqlite } from "@faxbot/kysely";
import { sinch } from "@faxbot/sinch";
import { syntheticPdf } from "@faxbot/testing";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";

/** @type {import("./crash-plan.ts").ChildPlan} */
const plan = JSON.parse(process.argv[2] ?? "{}");
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const die = () => process.kill(process.pid, "SIGKILL");

async function openStores() {
  if (!/^postgres(ql)?:/.test(plan.database)) return (await openSqlite(plan.database)).stores;
  const db = new Kysely({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: plan.database, max: 4 }) }),
  });
  await migrateFaxbot(db);
  return kyselyStores(db);
}

/** Sinch has no cancel; this vendor is as Sinch is, and can. Its calls are counted where the parent listens. */
function withCancel(transport) {
  return {
    ...transport,
    manifest: {
      ...transport.manifest,
      capabilities: [...transport.manifest.capabilities, "cancel"],
      traits: { ...transport.manifest.traits, cancel_supported: true },
    },
    async cancel(providerId) {
      const answer = await fetch(`${plan.cancelUrl}/${providerId}`, { method: "POST" });
      if (!answer.ok) throw new Error("the cancel was not taken");
      return { providerId, status: "canceled", providerStatus: "CANCELED" };
    },
  };
}

const stores = await openStores();
const blobs = folderBlobs(plan.blobs);
const engine = documents();
const inbox = createInbox({ stores, blobs, documents: engine });
const publicUrl = `http://127.0.0.1:${plan.port}`;
let hits = 0;
const faxbot = createFaxbot({
  transports: [
    withCancel(
      sinch({
        projectId: plan.sinch.projectId,
        apiKey: plan.sinch.keyId,
        apiSecret: plan.sinch.keySecret,
        baseUrl: plan.sinch.url,
        webhookUser: "hook",
        webhookPass: "hook-secret",
      }),
    ),
  ],
  stores,
  blobs,
  documents: engine,
  inbox,
  ...(plan.webhooks ? { publicUrl } : {}),
  delivery: { leaseMs: 400, pollMs: 25, statusPollMs: plan.webhooks ? 1_000 : 40 },
  faultPoint: (name) => {
    if (name !== plan.killAt) return;
    hits += 1;
    if (hits === (plan.killAtHit ?? 1)) die();
  },
});
faxbot.on("fax.delivered", () => {});
faxbot.on("inbound.received", () => {});
const api = faxbotApi({ faxbot, inbox, publicUrl, apiKey: "fbk_live_crash_test_key_of_this_run" });
const server = createServer(toNode(api));
for (let tries = 100; !server.listening; tries -= 1) {
  try {
    server.listen(plan.port, "127.0.0.1");
    await once(server, "listening");
  } catch (error) {
    // Between two children another process can have the port for a moment.
    if (error.code !== "EADDRINUSE" || tries === 0) throw error;
    await sleep(100);
  }
}
await faxbot.start();
say({ type: "ready" });

const send = async (job) => {
  const fax = await faxbot.send({
    to: job.to,
    document: syntheticPdf({ pages: 1, text: job.key }),
    idempotencyKey: job.key,
    transport: "sinch",
  });
  say({ type: "accepted", key: job.key, faxId: fax.id });
  return fax;
};
const settled = (fax) => fax.needsReview !== undefined || !["queued", "in_progress"].includes(fax.status);
const waitFor = async (check) => {
  while (!(await check())) await new Promise((resolve) => setTimeout(resolve, 10));
};
const everything = async () => {
  const faxes = (await faxbot.list({ limit: 1_000 })).items;
  const inbound = (await inbox.list({ limit: 1_000 })).items;
  const receiving = (await inbox.list({ limit: 1_000, status: "receiving" })).items;
  return { faxes, inbound, receiving };
};

// Whoever got no answer asks again, with the same key, as a caller would.
for (const job of [...plan.unanswered, ...plan.jobs]) {
  const { id } = await send(job);
  if (!job.cancel) continue;
  if (job.cancel === "submitted") {
    await waitFor(async () => {
      const fax = await faxbot.get(id);
      return fax.providerId !== undefined || settled(fax);
    });
  }
  await faxbot.cancel(id);
  say({ type: "canceled", key: job.key });
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.type === "send") send(command.job).catch(() => {});
  if (command.type === "settle") {
    // Past this, what is not settled shows in the report.
    const deadline = performance.now() + 60_000;
    await waitFor(async () => {
      const { faxes, inbound, receiving } = await everything();
      const done = faxes.every(settled) && receiving.length === 0 && inbound.length >= command.inbound;
      return done || performance.now() > deadline;
    });
    say({ type: "settled", ...(await everything()) });
    await faxbot.stop();
    process.exit(0);
  }
}
// The parent is gone.
process.exit(1);
