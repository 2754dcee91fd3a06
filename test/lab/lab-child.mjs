// The process that the lab's tests kill in the middle of a fax: a library with its SQLite file and documents in a folder.
// Runs the built packages, as a user's process would.
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { asterisk } from "@faxbot/asterisk";
import { createFaxbot, folderBlobs } from "@faxbot/core";
import { documents } from "@faxbot/documents";
import { openSqlite } from "@faxbot/kysely";

/** @type {import("./lab-process.ts").LabPlan} */
const plan = JSON.parse(process.argv[2] ?? "{}");
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

const { stores } = await openSqlite(`${plan.folder}/faxbot.sqlite`);
const faxbot = createFaxbot({
  transports: [asterisk(plan.settings)],
  stores,
  blobs: folderBlobs(`${plan.folder}/blobs`),
  documents: documents(),
  delivery: {
    leaseMs: 1_000,
    pollMs: 100,
    statusPollMs: 1_000,
    // One call is looked at. What never became a call is made one.
    retry: { busy: { retries: 0 }, no_answer: { retries: 0 }, line_error: { retries: 0 } },
  },
  faultPoint: (name) => {
    if (name === plan.killAt) process.kill(process.pid, "SIGKILL");
  },
});
await faxbot.start();
// Asterisk's database has just been told since when it has notes: what is sent in the same second is not covered.
await sleep(2_000);
const { id } = await faxbot.send({
  to: plan.to,
  document: await readFile(plan.tiff),
  idempotencyKey: "the only one",
});
say({ type: "sent", id });
const fax = await faxbot.waitFor(id);
say({ type: "settled", fax, attempts: await faxbot.attempts(id) });
await faxbot.stop({ timeoutMs: 5_000 });
