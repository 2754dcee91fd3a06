import { rm } from "node:fs/promises";
import { createFaxbot, type DocumentEngine, type Faxbot, memoryBlobs, memoryStores } from "@faxbot/core";
import { readDocument } from "@faxbot/core/transport";
import { startEslEmulator } from "@faxbot/testing";
import { expect, onTestFinished, test } from "vitest";
import { freeswitch } from "../src/index.ts";
import { exchangeSettings, newFolder } from "./exchange-folders.ts";
import { eventually } from "./exchange-in-test.ts";
import { faxTiff } from "./fax-tiff.ts";

const to = "+12025550123";

/** Takes every document for a fax TIFF of two pages, which is what the tests send. */
const documents: DocumentEngine = {
  inspect: async () => {
    const page = { width: 1728, height: 2156 };
    return { mediaType: "image/tiff", pages: [page, page], encrypted: false };
  },
  prepare: async (document) => document,
  toPdf: async (document) => document,
};

/** An engine that can be stopped and made anew on the same stores, as a process is that is started again. */
async function engines() {
  const emulator = await startEslEmulator({ completeAfterMs: 30 });
  const spoolOut = await newFolder("out");
  const stores = memoryStores();
  const blobs = memoryBlobs();
  const running: Faxbot<unknown>[] = [];
  onTestFinished(async () => {
    for (const faxbot of running) await faxbot.stop();
    await emulator.stop();
    await rm(spoolOut, { recursive: true, force: true });
  });
  const start = async () => {
    const transport = freeswitch({
      ...exchangeSettings({ spoolOut, spoolIn: emulator.spoolIn }),
      port: emulator.port,
      password: emulator.password,
    });
    const delivery = { pollMs: 20, statusPollMs: 50 };
    const faxbot = createFaxbot<unknown>({ transports: [transport], stores, blobs, documents, delivery });
    running.push(faxbot);
    await faxbot.start();
    return faxbot;
  };
  const document = await readDocument(faxTiff(2));
  return { emulator, start, document };
}

test("the engine sends a fax and hears of its end", async () => {
  const { emulator, start, document } = await engines();
  const faxbot = await start();
  const fax = await faxbot.send({ to, document });
  await eventually(async () =>
    expect(await faxbot.get(fax.id)).toMatchObject({ status: "delivered", pages: 2 }),
  );
  expect(emulator.faxes).toHaveLength(1);
});

test("an engine that was stopped in the middle of a call hears of its true end, and dials once", async () => {
  const { emulator, start, document } = await engines();
  const first = await start();
  emulator.pauseAt = "transferring";
  const fax = await first.send({ to, document });
  await emulator.reached("transferring");
  await first.stop();
  const second = await start();
  await eventually(() => expect(emulator.calls.uuid_exists).toBeGreaterThan(0));
  emulator.resume();
  await eventually(async () =>
    expect(await second.get(fax.id)).toMatchObject({ status: "delivered", pages: 2 }),
  );
  expect(emulator.faxes).toHaveLength(1);
});

test("an engine whose call ended unheard asks a person, and does not dial again", async () => {
  const { emulator, start, document } = await engines();
  const first = await start();
  emulator.pauseAt = "transferring";
  const fax = await first.send({ to, document });
  await emulator.reached("transferring");
  await first.stop();
  emulator.resume();
  await emulator.idle();
  const second = await start();
  await eventually(async () =>
    expect(await second.get(fax.id)).toMatchObject({ status: "in_progress", needsReview: "outcome_unknown" }),
  );
  expect(emulator.faxes).toHaveLength(1);
});

test("the engine cancels a call, and tries a busy line again", async () => {
  const { emulator, start, document } = await engines();
  const faxbot = await start();
  emulator.pauseAt = "ringing";
  const fax = await faxbot.send({ to, document });
  await emulator.reached("ringing");
  await faxbot.cancel(fax.id);
  await eventually(async () => expect((await faxbot.get(fax.id)).status).toBe("canceled"));
  emulator.resume();
  emulator.script(to.slice(1), "busy");
  const busy = await faxbot.send({ to, document });
  await eventually(async () => {
    const [attempt] = await faxbot.attempts(busy.id);
    expect(attempt).toMatchObject({ state: "failed", failure: { reason: "busy" } });
  });
  expect(await faxbot.get(busy.id)).toMatchObject({ status: "queued", attempts: 2 });
});
