import { documentFromBytes, isFaxError, readDocument, type SendJob } from "@faxbot/core/transport";
import { describe, expect, test } from "vitest";
import {
  capturingLogger,
  countPdfPages,
  manualClock,
  sendJob,
  syntheticNumber,
  syntheticPdf,
  type TestOutcome,
  testNumbers,
  testTransport,
  transportCall,
  transportHost,
  webhookRequest,
} from "../src/index.ts";

const threePages = documentFromBytes(syntheticPdf({ pages: 3 }), {
  mediaType: "application/pdf",
  fileName: "three.pdf",
});

async function outcomeOf(job: Partial<SendJob>, transport = testTransport()): Promise<unknown> {
  const call = transportCall();
  try {
    const { providerId } = await transport.send(sendJob(job), call);
    const status = await transport.getStatus?.(providerId, call);
    return status?.failure?.reason ?? status?.status;
  } catch (error) {
    return isFaxError(error) ? error.code : error;
  }
}

describe("outcomes", () => {
  const expected: Record<Exclude<TestOutcome, "hangs">, string> = {
    delivered: "delivered",
    busy: "busy",
    no_answer: "no_answer",
    no_fax_tone: "no_fax_tone",
    line_error: "line_error",
    transmission_error: "transmission_error",
    partial: "transmission_error",
    invalid_number: "invalid_number",
    rejected: "rejected",
    document: "document",
    account: "account",
    stuck: "in_progress",
    unmapped: "unmapped",
    refused: "transport_rejected",
    unauthorized: "transport_unauthorized",
    rate_limited: "transport_rate_limited",
    unavailable: "transport_unavailable",
    lost_reply: "outcome_unknown",
    lost_request: "outcome_unknown",
  };

  test.each(Object.entries(expected))("%s by its number gives %s", async (outcome, result) => {
    expect(await outcomeOf({ to: testNumbers[outcome as TestOutcome] })).toBe(result);
  });

  test("counts the pages of the document, and confirms one of a partial fax", async () => {
    const transport = testTransport();
    const call = transportCall();
    const sent = await transport.send(sendJob({ document: threePages }), call);
    expect(await transport.getStatus?.(sent.providerId, call)).toMatchObject({
      status: "delivered",
      pages: 3,
    });
    const partial = await transport.send(sendJob({ document: threePages, to: testNumbers.partial }), call);
    expect(await transport.getStatus?.(partial.providerId, call)).toMatchObject({
      status: "failed",
      pages: 1,
    });
  });

  test("what next() says goes before the option, the number and the setting", async () => {
    const transport = testTransport({
      outcome: "no_answer",
      outcomes: { "0142": "busy", "55550142": "line_error" },
    });
    transport.next("stuck");
    const to = syntheticNumber(42);
    expect(await outcomeOf({ to, options: { outcome: "rejected" } }, transport)).toBe("in_progress");
    expect(await outcomeOf({ to, options: { outcome: "rejected" } }, transport)).toBe("rejected");
    expect(await outcomeOf({ to }, transport)).toBe("busy");
    expect(await outcomeOf({ to: syntheticNumber(43) }, transport)).toBe("no_answer");
  });

  test("a list of outcomes is used up send by send, and the last one repeats", async () => {
    const transport = testTransport({ outcomes: { "0105": ["busy", "delivered"] } });
    const seen = [];
    for (let i = 0; i < 3; i += 1) seen.push(await outcomeOf({ to: syntheticNumber(5) }, transport));
    expect(seen).toEqual(["busy", "delivered", "delivered"]);
  });

  test("hangs takes the fax and answers nothing until the call is aborted", async () => {
    const transport = testTransport({ outcome: "hangs", outcomes: {} });
    const controller = new AbortController();
    const sending = transport.send(sendJob(), transportCall({ signal: controller.signal }));
    const first = await Promise.race([
      sending.catch(() => "failed"),
      new Promise((done) => setTimeout(done, 30, "waits")),
    ]);
    expect(first).toBe("waits");
    controller.abort();
    await expect(sending).rejects.toMatchObject({ code: "outcome_unknown" });
    expect(transport.faxes).toHaveLength(1);
  });

  test("a lost reply was taken and can be found; a lost request was not", async () => {
    const transport = testTransport();
    const call = transportCall();
    const taken = sendJob({ to: testNumbers.lost_reply });
    const lost = sendJob({ to: testNumbers.lost_request });
    await expect(transport.send(taken, call)).rejects.toMatchObject({ code: "outcome_unknown" });
    await expect(transport.send(lost, call)).rejects.toMatchObject({ code: "outcome_unknown" });
    expect(await transport.findByReference?.(taken.attemptId, call)).toMatchObject({
      reference: taken.attemptId,
    });
    expect(await transport.findByReference?.(lost.attemptId, call)).toBeUndefined();
  });

  test("a job that does not fit is refused before anything is taken", async () => {
    const transport = testTransport();
    const jobs: Partial<SendJob>[] = [
      { to: "2025550100" },
      { attemptId: "short" },
      { options: { resolution: "fine" } },
      { options: { outcome: "nonsense" } },
      { document: documentFromBytes(new Uint8Array(1), { mediaType: "image/png", fileName: "a.png" }) },
    ];
    for (const job of jobs) expect(await outcomeOf(job, transport)).toBe("transport_rejected");
    expect(transport.faxes).toEqual([]);
    const check = (options: SendJob["options"]) => () =>
      transport.checkJob?.({ to: syntheticNumber(1), options });
    expect(check({ outcome: "busy" })).not.toThrow();
    for (const options of [{ resolution: "fine" }, { outcome: "nonsense" }]) {
      expect(check(options)).toThrow(expect.objectContaining({ code: "request_invalid" }));
    }
  });
});

test("a double send shows as two calls and two faxes", async () => {
  const transport = testTransport();
  const job = sendJob();
  await transport.send(job, transportCall());
  await transport.send(job, transportCall());
  expect(
    transport.calls.filter((call) => call.operation === "send" && call.attemptId === job.attemptId),
  ).toHaveLength(2);
  expect(new Set(transport.faxes.map((fax) => fax.providerId)).size).toBe(2);
  transport.reset();
  expect([transport.calls, transport.faxes]).toEqual([[], []]);
});

test("time is the caller's clock", async () => {
  const clock = manualClock();
  const transport = testTransport({ delayMs: 60_000 });
  const call = transportCall({ clock });
  const { providerId, status } = await transport.send(sendJob(), call);
  expect(status).toBe("queued");
  clock.advance(59_999);
  expect(await transport.getStatus?.(providerId, call)).toMatchObject({ status: "in_progress" });
  clock.advance(1);
  expect(await transport.getStatus?.(providerId, call)).toMatchObject({ status: "delivered" });
});

test("cancels what is not final, and says so when it was too late", async () => {
  const call = transportCall();
  const slow = testTransport();
  slow.delayMs = Number.POSITIVE_INFINITY;
  const waiting = await slow.send(sendJob(), call);
  expect(await slow.cancel?.(waiting.providerId, call)).toMatchObject({ status: "canceled" });
  const fast = testTransport();
  const done = await fast.send(sendJob(), call);
  expect(await fast.cancel?.(done.providerId, call)).toMatchObject({ status: "delivered" });
  await expect(fast.cancel?.("nobody", call)).rejects.toMatchObject({ code: "not_found" });
});

describe("run", () => {
  async function running<T>(
    transport: ReturnType<typeof testTransport>,
    body: (host: ReturnType<typeof transportHost>) => Promise<T>,
    overrides: Parameters<typeof transportHost>[0] = {},
  ): Promise<T> {
    const controller = new AbortController();
    const host = transportHost({ signal: controller.signal, ...overrides });
    const loop = transport.run?.(host);
    try {
      return await body(host);
    } finally {
      controller.abort();
      await loop;
    }
  }
  const until = async (condition: () => boolean): Promise<void> => {
    for (let i = 0; i < 500 && !condition(); i += 1) await new Promise((done) => setTimeout(done, 5));
    expect(condition()).toBe(true);
  };

  test("reports progress and the end of every fax, with our reference", async () => {
    const clock = manualClock();
    const transport = testTransport({ delayMs: 1_000 });
    await running(
      transport,
      async (host) => {
        const job = sendJob();
        await transport.send(job, transportCall({ clock }));
        await until(() => host.events.length === 1);
        clock.advance(1_000);
        await until(() => host.events.length === 2);
        expect(host.events).toMatchObject([
          { type: "status", report: { status: "in_progress", reference: job.attemptId } },
          { type: "status", report: { status: "delivered", reference: job.attemptId, pages: 1 } },
        ]);
      },
      { clock },
    );
  });

  test("finish() ends a fax that never ends by itself", async () => {
    const transport = testTransport({ outcome: "stuck", outcomes: {} });
    await running(transport, async (host) => {
      const { providerId } = await transport.send(sendJob(), transportCall());
      transport.finish(providerId, "busy");
      await until(() =>
        host.events.some((event) => event.type === "status" && event.report.status === "failed"),
      );
    });
  });

  test("hands over received faxes, also those from before it ran, and again after the host failed", async () => {
    const transport = testTransport();
    const early = transport.receive({ from: syntheticNumber(8) });
    const emit = async (): Promise<void> => {
      throw new Error("store is down");
    };
    await expect(transport.run?.(transportHost({ emit }))).rejects.toThrow("store is down");
    const events = await running(transport, async (host) => {
      await early;
      await transport.receive({ attach: false, partial: true, document: threePages });
      return host.events;
    });
    expect(events).toMatchObject([
      { type: "received", from: syntheticNumber(8), document: { mediaType: "application/pdf" } },
      { type: "received", partial: true },
    ]);
    const last = events[1];
    if (last?.type !== "received") throw new Error("no received event");
    expect(last.document).toBeUndefined();
    const call = transportCall();
    const document = await transport.fetchDocument?.(last.providerId, call);
    expect(document && countPdfPages(await readDocument(document))).toBe(3);
    await transport.deleteDocument?.(last.providerId, call);
    await transport.deleteDocument?.(last.providerId, call);
    await expect(transport.fetchDocument?.(last.providerId, call)).rejects.toMatchObject({
      code: "not_found",
    });
  });
});

describe("webhook", () => {
  const secret = "0123456789abcdef";
  const transport = testTransport({ webhookSecret: secret });
  const post = async (
    body: unknown,
    headers: Record<string, string>,
    target = testTransport({ webhookSecret: secret }),
  ) =>
    target.receiveWebhook?.(
      webhookRequest("https://fax.example.com/callbacks/test", JSON.stringify(body), { headers }),
      transportCall(),
    );

  test("takes a status and a received fax with the right secret", async () => {
    const headers = { "x-internal-secret": secret };
    expect(await post({ provider_id: "test_1", status: "delivered", pages: 2 }, headers)).toMatchObject({
      events: [{ type: "status", key: "test_1:delivered", report: { status: "delivered", pages: 2 } }],
    });
    expect(await post({ provider_id: "test_1", status: "wobbly" }, headers)).toMatchObject({
      events: [{ report: { status: "unmapped", providerStatus: "wobbly" } }],
    });
    const inbound = { to_number: syntheticNumber(1), id: "one" };
    const first = await post(inbound, headers, transport);
    expect(first).toMatchObject({ events: [{ type: "received", key: "received:one", pages: 1 }] });
    expect((await post(inbound, headers, transport))?.events[0]?.key).toBe("received:one");
  });

  test.each<Record<string, string>>([
    {},
    { "x-internal-secret": "0123456789abcdeF" },
    { "x-internal-secret": "" },
  ])("refuses %j", async (headers) => {
    await expect(post({ to_number: syntheticNumber(1) }, headers)).rejects.toMatchObject({
      code: "webhook_unverified",
    });
  });

  test("refuses everything when no secret is configured", async () => {
    await expect(post({}, { "x-internal-secret": "" }, testTransport())).rejects.toMatchObject({
      code: "webhook_unverified",
    });
  });

  test.each([
    "",
    "{",
    "[]",
    JSON.stringify({ to_number: "5551234" }),
    JSON.stringify({ provider_id: 7, status: "x" }),
  ])("calls %j malformed", async (body) => {
    const request = webhookRequest("https://fax.example.com/callbacks/test", body, {
      headers: { "x-internal-secret": secret },
    });
    await expect(transport.receiveWebhook?.(request, transportCall())).rejects.toMatchObject({
      code: "webhook_malformed",
    });
  });
});

test("reads its settings from the environment and refuses wrong ones without quoting them", async () => {
  const transport = testTransport.fromEnv({ FAX_TEST_OUTCOME: "busy", FAX_TEST_DELAY_MS: "250" });
  expect(transport.delayMs).toBe(250);
  expect(() => testTransport.fromEnv({ FAX_TEST_WEBHOOK_SECRET: "tooshort" })).toThrow(/^((?!tooshort).)*$/);
  expect(() => testTransport.fromEnv({ FAX_TEST_OUTCOME: "nonsense" })).toThrow(/FAX_TEST_OUTCOME/);
});

test("methods that are left out are gone from the manifest too", () => {
  const transport = testTransport({ without: ["cancel", "webhook"], traits: { redials: "vendor" } });
  expect("cancel" in transport).toBe(false);
  expect("receiveWebhook" in transport).toBe(false);
  expect(transport.manifest.capabilities).not.toContain("cancel");
  expect(transport.manifest.webhook).toBeUndefined();
  expect(transport.manifest.redials).toBe("vendor");
  expect(testTransport.manifest.capabilities).toContain("cancel");
});

test("writes no number and no secret into the log", async () => {
  const logger = capturingLogger();
  await testTransport().send(sendJob({ to: testNumbers.busy }), transportCall({ logger }));
  expect(logger.text()).not.toContain(testNumbers.busy);
});
