import { readdir } from "node:fs/promises";
import type { StatusReport } from "@faxbot/core/transport";
import { sendJob, transportCall } from "@faxbot/testing";
import { describe, expect, test } from "vitest";
import { type ExchangeInTest, eventually, exchangeInTest, reportsOf } from "./exchange-in-test.ts";
import { faxTiff } from "./fax-tiff.ts";

/** How far a call is when the connection breaks; each step begins with the ones before it. */
const steps = {
  taken: () => {},
  ringing: ({ exchange }: ExchangeInTest, uuid: string) => exchange.progress(uuid),
  answered: ({ exchange }: ExchangeInTest, uuid: string) => exchange.answer(uuid),
  "first page": ({ exchange }: ExchangeInTest, uuid: string) => exchange.page(uuid, 1),
  "second page": ({ exchange }: ExchangeInTest, uuid: string) => exchange.page(uuid, 2),
} as const;
type Step = keyof typeof steps;
const names = Object.keys(steps) as Step[];

/** Where the engine has a report from last: the loop's events, or an answer to its poll. */
async function callAt(step: Step) {
  const inTest = await exchangeInTest({ settings: { maxCalls: 1 } });
  const { host } = inTest.run();
  const job = sendJob({ document: faxTiff(2) });
  const sent = await inTest.transport.send(job, transportCall());
  const uuid = sent.providerId;
  for (const name of names.slice(0, names.indexOf(step) + 1)) steps[name](inTest, uuid);
  const pages = step === "second page" ? 2 : step === "first page" ? 1 : undefined;
  if (names.indexOf(step) >= names.indexOf("answered")) {
    await eventually(() =>
      expect(reportsOf(host).at(-1)).toMatchObject({ status: "in_progress", ...(pages ? { pages } : {}) }),
    );
  }
  return { ...inTest, host, job, uuid };
}

function finals(reports: readonly StatusReport[]): StatusReport[] {
  return reports.filter(({ status }) => status !== "queued" && status !== "in_progress");
}

describe.each(names)("the connection breaks when a call is at: %s", (step) => {
  test("and the call goes on: its true result is reported, and it is dialled once", async () => {
    const { exchange, host, uuid, job } = await callAt(step);
    exchange.drop();
    await eventually(() => expect(exchange.connections).toBe(2));
    await eventually(() => expect(exchange.commands).toContain(`api uuid_exists ${uuid}`));
    exchange.answer(uuid);
    exchange.result(uuid, 0, 2);
    exchange.hangUp(uuid, "NORMAL_CLEARING");
    await eventually(() => expect(finals(reportsOf(host))).toHaveLength(1));
    expect(finals(reportsOf(host))[0]).toMatchObject({
      status: "delivered",
      pages: 2,
      reference: job.attemptId,
    });
    expect(exchange.taken).toBe(1);
  });

  test("and the call ends meanwhile: nothing is guessed, and the line is free again", async () => {
    const { exchange, host, uuid, transport } = await callAt(step);
    await exchange.listen(false);
    exchange.forget(uuid);
    await exchange.listen(true);
    await eventually(() => expect(transport.hasLine()).toBe(true));
    await eventually(() =>
      expect(transport.getStatus(uuid, transportCall())).rejects.toMatchObject({ code: "not_found" }),
    );
    await eventually(() =>
      expect(exchange.commands.filter((command) => command.endsWith(uuid)).length).toBeGreaterThan(1),
    );
    expect(finals(reportsOf(host))).toEqual([]);
    expect(exchange.taken).toBe(1);
  });

  test("and the call ends in the moment before: its last event still counts", async () => {
    const { exchange, host, uuid, folders } = await callAt(step);
    exchange.result(uuid, 49, 1);
    exchange.hangUp(uuid, "NORMAL_CLEARING");
    await eventually(() => expect(finals(reportsOf(host))).toHaveLength(1));
    exchange.drop();
    expect(finals(reportsOf(host))[0]).toMatchObject({
      status: "failed",
      failure: { providerCode: "T.30/49", retryable: true },
    });
    await eventually(async () => expect(await readdir(folders.spoolOut)).toEqual([]));
  });
});

describe("the connection breaks around the order to call", () => {
  test("before the login: proven not taken", async () => {
    const { exchange, transport } = await exchangeInTest();
    await exchange.listen(false);
    await expect(transport.send(sendJob({ document: faxTiff() }), transportCall())).rejects.toMatchObject({
      code: "transport_unavailable",
    });
    expect(transport.hasLine()).toBe(true);
  });

  test("while events are asked for: proven not taken", async () => {
    const { exchange, transport, folders } = await exchangeInTest();
    exchange.react = (command) => (command.startsWith("event") ? "hang up" : "as usual");
    await expect(transport.send(sendJob({ document: faxTiff() }), transportCall())).rejects.toMatchObject({
      code: "transport_unavailable",
    });
    expect(exchange.taken).toBe(0);
    expect(await readdir(folders.spoolOut)).toEqual([]);
  });

  test.each([true, false])("after it was written, unread, with a loop: %s: unknown", async (loop) => {
    const inTest = await exchangeInTest();
    const { exchange, transport } = inTest;
    if (loop) inTest.run();
    exchange.react = (command) => (command.includes("originate") ? "hang up" : "as usual");
    const job = sendJob({ document: faxTiff() });
    await expect(transport.send(job, transportCall())).rejects.toMatchObject({ code: "outcome_unknown" });
    await eventually(async () =>
      expect(await transport.findByReference(job.attemptId, transportCall())).toBeUndefined(),
    );
    await eventually(() => expect(transport.hasLine()).toBe(true));
  });

  test.each([true, false])("after it was taken, with a loop: %s: unknown, and found again", async (loop) => {
    const inTest = await exchangeInTest();
    const { exchange, transport } = inTest;
    const { host } = loop ? inTest.run() : { host: undefined };
    exchange.react = (command) => (command.includes("originate") ? "take and hang up" : "as usual");
    const job = sendJob({ document: faxTiff() });
    await expect(transport.send(job, transportCall())).rejects.toMatchObject({ code: "outcome_unknown" });
    const found = await eventually(() => transport.findByReference(job.attemptId, transportCall()));
    expect(found).toMatchObject({ status: "queued", reference: job.attemptId });
    expect(exchange.taken).toBe(1);
    if (!host) return;
    // The call that was lost sight of is heard of again.
    const uuid = found?.providerId ?? "";
    await eventually(() => expect(exchange.connections).toBeGreaterThan(1));
    await eventually(() => expect(exchange.commands.at(-1)).not.toMatch(/^(event|filter)/));
    exchange.answer(uuid);
    exchange.result(uuid, 0, 1);
    await eventually(() => expect(finals(reportsOf(host))).toMatchObject([{ status: "delivered" }]));
  });

  test("an answer that does not come is an outcome that is not known", async () => {
    const { exchange, transport } = await exchangeInTest({ timing: { replyMs: 150 } });
    exchange.react = (command) => (command.includes("originate") ? "silence" : "as usual");
    await expect(transport.send(sendJob({ document: faxTiff() }), transportCall())).rejects.toMatchObject({
      code: "outcome_unknown",
    });
  });

  test.each([
    ["garbage", "Content-Length: x\n\n", "outcome_unknown"],
    ["an answer to something else", "Content-Type: api/response\nContent-Length: 0\n\n", "outcome_unknown"],
    ["a strange answer", "Content-Type: command/reply\nReply-Text: maybe\n\n", "outcome_unknown"],
    [
      "an error that proves nothing",
      "Content-Type: command/reply\nReply-Text: -ERR no\n\n",
      "outcome_unknown",
    ],
    [
      "a refusal",
      "Content-Type: command/reply\nReply-Text: -ERR permission denied\n\n",
      "transport_unauthorized",
    ],
  ])("%s", async (_, reply, code) => {
    const { exchange, transport } = await exchangeInTest();
    exchange.react = (command) => (command.includes("originate") ? { reply } : "as usual");
    await expect(transport.send(sendJob({ document: faxTiff() }), transportCall())).rejects.toMatchObject({
      code,
    });
  });
});

describe("a process that was killed and started again", () => {
  test("finds the call that still runs by its file, and reports the true result", async () => {
    const inTest = await exchangeInTest();
    const { exchange } = inTest;
    const first = inTest.run();
    const job = sendJob({ document: faxTiff() });
    const { providerId } = await inTest.transport.send(job, transportCall());
    exchange.answer(providerId);
    await first.stop();
    const again = inTest.another();
    const { host } = inTest.run({}, again);
    await eventually(() => expect(exchange.commands).toContain(`api uuid_exists ${providerId}`));
    expect(await again.findByReference(job.attemptId, transportCall())).toMatchObject({ providerId });
    exchange.result(providerId, 0, 1);
    exchange.hangUp(providerId, "NORMAL_CLEARING");
    await eventually(() =>
      expect(finals(reportsOf(host))).toMatchObject([{ status: "delivered", pages: 1 }]),
    );
    expect(exchange.taken).toBe(1);
    await eventually(async () => expect(await readdir(inTest.folders.spoolOut)).toEqual([]));
  });

  test("knows a call by its marks, whatever became of the file", async () => {
    const inTest = await exchangeInTest();
    const { exchange } = inTest;
    const job = sendJob({ document: faxTiff() });
    const { providerId } = await inTest.transport.send(job, transportCall());
    const { host } = inTest.run({}, inTest.another({ spoolOut: "/nonexistent/faxbot" }));
    await eventually(() => expect(exchange.connections).toBe(2));
    await eventually(() =>
      expect(exchange.commands.filter((each) => each.startsWith("filter"))).toHaveLength(6),
    );
    exchange.result(providerId, 2, 0);
    await eventually(() =>
      expect(finals(reportsOf(host))).toMatchObject([
        { status: "failed", reference: job.attemptId, failure: { reason: "no_fax_tone" } },
      ]),
    );
  });

  test("says that it does not know when the call is gone", async () => {
    const inTest = await exchangeInTest();
    const { exchange } = inTest;
    const job = sendJob({ document: faxTiff() });
    const { providerId } = await inTest.transport.send(job, transportCall());
    exchange.forget(providerId);
    const again = inTest.another();
    const { host } = inTest.run({}, again);
    await expect(again.getStatus(providerId, transportCall())).rejects.toMatchObject({ code: "not_found" });
    expect(await again.findByReference(job.attemptId, transportCall())).toBeUndefined();
    expect(host.events).toEqual([]);
    expect(exchange.taken).toBe(1);
  });
});
