import {
  basicAuthorization,
  documentFromBytes,
  type FaxError,
  isFaxError,
  readDocument,
  type TransportHost,
} from "@faxbot/core/transport";
import {
  capturingLogger,
  type HumbleFaxEmulator,
  sendJob,
  startHumbleFaxEmulator,
  syntheticNumber,
  syntheticPdf,
  transportCall,
  transportHost,
} from "@faxbot/testing";
import { recordingServer } from "@faxbot/testing/vitest";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type HumbleFaxOptions, type HumbleFaxSendOptions, humblefax } from "../src/index.ts";

const keys = { accessKey: "key", secretKey: "secret" };

async function start(more: Partial<HumbleFaxOptions> = {}) {
  const emulator = await startHumbleFaxEmulator({ requestsPerSecond: 10_000 });
  onTestFinished(() => emulator.stop());
  const { accessKey, secretKey, url: baseUrl } = emulator;
  return { emulator, transport: humblefax({ accessKey, secretKey, baseUrl, ...more }) };
}

/** Ids of the drafts that are at HumbleFax. */
async function draftsOf({ url, accessKey, secretKey }: HumbleFaxEmulator): Promise<string[]> {
  const authorization = basicAuthorization({ user: accessKey, pass: secretKey });
  const answer = await fetch(`${url}/tmpFaxes`, { headers: { authorization } });
  return ((await answer.json()) as { data: { tmpFaxIds: string[] } }).data.tmpFaxIds;
}

async function failure(promise: Promise<unknown>): Promise<FaxError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isFaxError(error)) throw new Error("expected a FaxError", { cause: error });
  return error;
}

describe("send", () => {
  const reply = { result: "success", data: { fax: { id: 123456, status: ["in progress"] } } };
  const sentForm = async (job: Parameters<typeof sendJob>[0], more: Partial<HumbleFaxOptions> = {}) => {
    const { url, requests } = await recordingServer(() => ({ json: reply }));
    const report = await humblefax({ ...keys, baseUrl: url, ...more }).send(sendJob(job), transportCall());
    const [request] = requests;
    if (!request) throw new Error("expected a request");
    const form = await new Response(Buffer.from(request.body, "latin1"), {
      headers: { "content-type": request.headers["content-type"] ?? "" },
    }).formData();
    return { report, request, form, data: JSON.parse(form.get("jsonData") as string) as unknown };
  };

  test("uploads in one call, numbers as integers, our reference in uuid", async () => {
    const job = sendJob({ to: "+12025550123" });
    const { report, request, form, data } = await sentForm(job);
    expect(request).toMatchObject({ method: "POST", target: "/quickSendFax" });
    expect(request.headers.authorization).toBe(`Basic ${Buffer.from("key:secret").toString("base64")}`);
    expect(request.headers["user-agent"]).toBe("faxbot");
    expect(data).toEqual({ recipients: [12025550123], includeCoversheet: false, uuid: job.attemptId });
    const file = form.get("fax.pdf") as File;
    expect(file).toMatchObject({ name: "fax.pdf", type: "application/pdf" });
    expect(Buffer.from(await file.arrayBuffer()).equals(await readDocument(job.document))).toBe(true);
    expect(report).toEqual({
      providerId: "123456",
      status: "in_progress",
      providerStatus: "in progress",
      reference: job.attemptId,
    });
  });

  test("carries every option of the API under its name", async () => {
    const options: HumbleFaxSendOptions = {
      includeCoversheet: true,
      resolution: "Fine",
      pageSize: "A4",
      toName: "a",
      fromName: "b",
      subject: "c",
      message: "d",
      companyInfo: "e",
    };
    const job = sendJob({ options, from: syntheticNumber(7) });
    const { data } = await sentForm(job, { from: syntheticNumber(8) });
    expect(data).toEqual({
      ...options,
      recipients: [Number(job.to.slice(1))],
      fromNumber: Number(syntheticNumber(7).slice(1)),
      uuid: job.attemptId,
    });
    expect((await sentForm({}, { from: syntheticNumber(8) })).data).toMatchObject({
      fromNumber: Number(syntheticNumber(8).slice(1)),
    });
  });

  test.each([
    { data: { sentFax: { id: "9" } } },
    { result: "success", data: { fax: { id: 9, status: "in progress" } } },
    { data: { result: "Fax sent to queue", fax: { id: 9, status: ["in progress"], numPages: "1" } } },
  ])("reads the answer %j", async (json) => {
    const { url } = await recordingServer(() => ({ json }));
    const report = await humblefax({ ...keys, baseUrl: url }).send(sendJob(), transportCall());
    expect(report).toMatchObject({ providerId: "9", status: "in_progress" });
  });

  test.each([
    {},
    [],
    null,
    { data: {} },
    { data: { fax: {} } },
    { result: "failure", data: { fax: { id: 9 } } },
  ])("an answer without a fax proves nothing: %j", async (json) => {
    const { url } = await recordingServer(() => ({ json }));
    const error = await failure(humblefax({ ...keys, baseUrl: url }).send(sendJob(), transportCall()));
    expect(error.code).toBe("outcome_unknown");
  });

  test.each([
    [400, "transport_rejected"],
    [401, "transport_unauthorized"],
    [403, "transport_unauthorized"],
    [404, "transport_rejected"],
    [409, "outcome_unknown"],
    [422, "transport_rejected"],
    [500, "outcome_unknown"],
    [503, "outcome_unknown"],
  ])("status %i is %s", async (status, code) => {
    const { url, requests } = await recordingServer(() => ({ status, json: { result: "failure" } }));
    const error = await failure(humblefax({ ...keys, baseUrl: url }).send(sendJob(), transportCall()));
    expect([error.code, requests.length]).toEqual([code, 1]);
  });

  test("after a 429 everybody waits for a minute, or longer where HumbleFax says so", async () => {
    for (const [headers, ms] of [
      [{}, 60_000],
      [{ "retry-after": "5" }, 60_000],
      [{ "retry-after": "90" }, 90_000],
    ] as const) {
      const { url } = await recordingServer(() => ({ status: 429, headers }));
      const blocked: number[] = [];
      const limiter = { acquire: async () => {}, block: (time: number) => void blocked.push(time) };
      const transport = humblefax({ ...keys, baseUrl: url });
      const sending = await failure(transport.send(sendJob(), transportCall({ limiter })));
      expect(sending).toMatchObject({ code: "transport_rate_limited", retryAfterMs: ms });
      await failure(transport.getStatus("1", transportCall({ limiter })));
      expect(blocked).toEqual([ms, ms]);
    }
  });

  test("what it could never send is refused before the wire", async () => {
    const { url, requests } = await recordingServer(() => ({ json: reply }));
    const transport = humblefax({ ...keys, baseUrl: url });
    for (const job of [
      { to: "+442071234567" },
      { to: "+18765550123" },
      { from: "+442071234567" },
      { options: { uuid: "x" } },
      { options: { recipients: [12025550123] } },
    ]) {
      expect(() => transport.checkJob(sendJob(job))).toThrow(
        expect.objectContaining({ code: "request_invalid" }),
      );
      expect((await failure(transport.send(sendJob(job), transportCall()))).code).toBe("transport_rejected");
    }
    const text = documentFromBytes(Buffer.from("x"), { mediaType: "text/plain", fileName: "x.txt" });
    const huge = { ...sendJob().document, size: 50 * 1024 * 1024 + 1 };
    for (const document of [text, huge]) {
      const error = await failure(transport.send(sendJob({ document }), transportCall()));
      expect(error).toMatchObject({ code: "transport_rejected", failure: { reason: "document" } });
    }
    for (const to of ["+12025550123", "+14165550123", "+17875550123", "+18005550123"]) {
      expect(() => transport.checkJob(sendJob({ to }))).not.toThrow();
    }
    expect(requests).toEqual([]);
  });
});

describe("send in three steps", () => {
  test("makes a draft, uploads, sends, with a slot for each further call", async () => {
    const { emulator, transport } = await start({ sendMethod: "steps" });
    const acquire = vi.fn(async () => {});
    const job = sendJob();
    const report = await transport.send(job, transportCall({ limiter: { acquire, block: () => {} } }));
    expect(report).toMatchObject({ status: "in_progress", reference: job.attemptId });
    expect(emulator.sentFaxes).toMatchObject([{ id: Number(report.providerId), uuid: job.attemptId }]);
    expect(emulator.calls).toMatchObject({
      createTmpFax: 1,
      createAttachment: 1,
      sendTmpFax: 1,
      deleteTmpFax: 0,
    });
    expect(acquire).toHaveBeenCalledTimes(2);
  });

  test.each([
    ["createTmpFax", 500, "transport_unavailable"],
    ["createTmpFax", 401, "transport_unauthorized"],
    ["createAttachment", 400, "transport_rejected"],
    ["createAttachment", 404, "transport_unavailable"],
    ["createAttachment", 500, "transport_unavailable"],
    ["sendTmpFax", 401, "transport_unauthorized"],
    ["sendTmpFax", 500, "outcome_unknown"],
  ] as const)(
    "%s answering %i is %s, and no draft that surely was not sent stays",
    async (operation, status, code) => {
      const { emulator, transport } = await start({ sendMethod: "steps" });
      emulator.fault({ operation, kind: "respond", status });
      expect((await failure(transport.send(sendJob(), transportCall()))).code).toBe(code);
      expect(emulator.sentFaxes).toEqual([]);
      expect(await draftsOf(emulator)).toHaveLength(code === "outcome_unknown" ? 1 : 0);
    },
  );

  test("a caller that goes away before the last step proves that nothing was sent", async () => {
    const { emulator, transport } = await start({ sendMethod: "steps" });
    emulator.fault({ operation: "createAttachment", kind: "hang" });
    const controller = new AbortController();
    const sending = failure(transport.send(sendJob(), transportCall({ signal: controller.signal })));
    await vi.waitFor(() => expect(emulator.calls.createAttachment).toBe(1));
    controller.abort();
    expect((await sending).code).toBe("transport_unavailable");
    expect(await draftsOf(emulator)).toEqual([]);
  });

  test("the last step is asked again after a refusal", async () => {
    const { emulator, transport } = await start({ sendMethod: "steps" });
    emulator.fault({ operation: "sendTmpFax", kind: "respond", status: 404 });
    await transport.send(sendJob(), transportCall());
    expect(emulator.calls.sendTmpFax).toBe(2);
    expect(emulator.sentFaxes).toHaveLength(1);
  });
});

describe("documents", () => {
  test("are fetched by id and must be PDFs", async () => {
    const { url, requests } = await recordingServer(({ target }) =>
      target.startsWith("/incomingFax/1/") ? { body: Buffer.from(syntheticPdf()) } : { body: "<html>" },
    );
    const transport = humblefax({ ...keys, baseUrl: url });
    const document = await transport.fetchDocument("1", transportCall());
    expect(document).toMatchObject({ mediaType: "application/pdf", fileName: "fax.pdf" });
    expect(requests[0]?.target).toBe("/incomingFax/1/download?fileFormat=pdf");
    expect((await failure(transport.fetchDocument("2", transportCall()))).code).toBe("transport_unavailable");
    expect((await failure(transport.fetchDocument("..", transportCall()))).code).toBe("request_invalid");
  });
});

describe("run", () => {
  /** Runs until something holds. */
  async function runUntil(
    transport: ReturnType<typeof humblefax>,
    overrides: Partial<TransportHost>,
    condition: (host: ReturnType<typeof transportHost>) => void,
  ) {
    const controller = new AbortController();
    const host = transportHost({ ...overrides, signal: controller.signal });
    const running = transport.run(host);
    await vi.waitFor(() => condition(host), 5_000);
    controller.abort();
    await running;
    return host;
  }
  const keptState = () => {
    const values = new Map<string, string>();
    return {
      values,
      state: {
        get: async (key: string) => values.get(key),
        set: async (key: string, value: string) => void values.set(key, value),
      },
    };
  };

  test("hands each received fax over once, also after a restart", async () => {
    const { emulator, transport } = await start({ inbound: true, pollSeconds: 1 });
    const { state, values } = keptState();
    const now = Math.floor(Date.now() / 1000);
    // As most clients know it: ids alone.
    emulator.fault({
      operation: "listIncomingFaxes",
      kind: "rewrite",
      change: (body) => ({ ...body, data: { ...(body.data as object), incomingFaxes: undefined } }),
      times: Number.POSITIVE_INFINITY,
    });
    const numbers = { fromNumber: "12025550151", toNumber: "12025550152" };
    const old = emulator.addIncomingFax({ ...numbers, time: String(now - 20 * 86_400), numPages: "1" });
    const ancient = emulator.addIncomingFax({ time: String(now - 40 * 86_400) });
    const broken = emulator.addIncomingFax({ status: "partial fax received" });
    const coming = emulator.addIncomingFax({ status: "in progress" });
    const failed = emulator.addIncomingFax({ status: "failure", numPages: "0" });
    // The look is over when the last fax is known; one that was cut short would ask for it again.
    const host = await runUntil(transport, { state }, () => {
      expect(values.get("incoming")).toContain(String(failed.id));
    });
    expect(host.events).toEqual([
      {
        type: "received",
        key: `IncomingFax:${old.id}`,
        providerId: String(old.id),
        from: "+12025550151",
        to: "+12025550152",
        pages: 1,
        occurredAt: new Date((now - 20 * 86_400) * 1000),
      },
      expect.objectContaining({ providerId: String(broken.id), partial: true }),
    ]);
    expect(JSON.stringify(host.events)).not.toContain(String(ancient.id));
    await vi.waitFor(() => expect(values.get("incoming")).toContain(String(broken.id)));

    coming.status = "success";
    const asked = emulator.calls.getIncomingFax;
    const later = await runUntil(transport, { state }, ({ events }) => expect(events).toHaveLength(1));
    expect(later.events).toMatchObject([{ providerId: String(coming.id) }]);
    expect(emulator.calls.getIncomingFax - asked).toBe(1);
  });

  test("a fax that cannot be read holds up no other, and is asked for again", async () => {
    const broken = new Set(["2"]);
    const { url, requests } = await recordingServer(({ target }) => {
      const id = target.split("/").at(-1) ?? "";
      if (target.startsWith("/incomingFaxes")) return { json: { data: { incomingFaxIds: [3, 2, "1"] } } };
      return {
        json: { data: { incomingFax: broken.has(id) ? [] : { id, time: Math.floor(Date.now() / 1000) } } },
      };
    });
    const { state, values } = keptState();
    const transport = humblefax({ ...keys, baseUrl: url, inbound: true, pollSeconds: 1 });
    const now = Math.floor(Date.now() / 1000);
    values.set("incoming", JSON.stringify({ newest: now - 5 * 86_400, known: [] }));
    const idsOf = ({ events }: ReturnType<typeof transportHost>) =>
      events.map((event) => event.type === "received" && event.providerId);
    const host = await runUntil(transport, { state }, ({ events }) => expect(events).toHaveLength(2));
    expect(idsOf(host)).toEqual(["1", "3"]);
    // Until it was read the next looks reach back to it.
    await vi.waitFor(() => expect(values.get("incoming")).toContain('"3"'));
    expect(values.get("incoming")).toContain(`"newest":${now - 5 * 86_400}`);
    broken.clear();
    expect(
      idsOf(await runUntil(transport, { state }, ({ events }) => expect(events).toHaveLength(1))),
    ).toEqual(["2"]);
    for (const id of ["1", "2", "3"]) broken.add(id);
    requests.length = 0;
    const error = await failure(transport.run(transportHost()));
    expect([error.code, requests.length]).toEqual(["transport_unavailable", 4]);
  });

  test("a fax that the host cannot store stays unknown, those before it are kept", async () => {
    const { emulator, transport } = await start({ inbound: true });
    const { state } = keptState();
    const first = emulator.addIncomingFax({});
    const second = emulator.addIncomingFax({});
    const host = transportHost({
      state,
      emit: async (event) => {
        if (event.type === "received" && event.providerId === String(second.id)) throw new Error("down");
      },
    });
    await expect(transport.run(host)).rejects.toThrow("down");
    expect(host.events).toMatchObject([{ providerId: String(first.id) }]);
    const again = await runUntil(transport, { state }, ({ events }) => expect(events).toHaveLength(1));
    expect(again.events).toMatchObject([{ providerId: String(second.id) }]);
  });

  test("takes faxes from the list where they stand in it, and survives a broken cursor", async () => {
    const fax = { id: 5, time: 1_700_000_000, status: "success", fromNumber: "+12025550101" };
    const { url, requests } = await recordingServer(() => ({
      json: { data: { incomingFaxes: [fax, null] } },
    }));
    const { state, values } = keptState();
    values.set("incoming", "{");
    const transport = humblefax({ ...keys, baseUrl: url, inbound: true });
    await runUntil(transport, { state }, ({ events }) => expect(events).toHaveLength(1));
    expect(requests).toHaveLength(1);
  });

  test("asks for nothing unless it is to receive, and ends when it is told to", async () => {
    for (const more of [{}, { inbound: true, imapEnabled: true, imapUsername: "u", imapPassword: "p" }]) {
      const { emulator, transport } = await start(more);
      const controller = new AbortController();
      const running = transport.run(transportHost({ signal: controller.signal }));
      setTimeout(() => controller.abort(), 50);
      await running;
      expect(emulator.calls.listIncomingFaxes).toBe(0);
    }
  });

  test("registers its webhook once, and the token is in no log", async () => {
    const webhookToken = "0123456789abcdef0123456789abcdef";
    const more = { webhookEnabled: true, webhookToken, callbackBase: "https://fax.example.com/fax-api/" };
    const { emulator, transport } = await start({ ...more, id: "second" });
    const logger = capturingLogger();
    const { state, values } = keptState();
    const url = `https://fax.example.com/fax-api/callbacks/second?token=${webhookToken}`;
    await runUntil(transport, { state, logger }, () => expect(values.has("webhook")).toBe(true));
    expect(emulator.webhooks.map((webhook) => webhook.url)).toEqual([url]);
    await runUntil(transport, { state, logger }, () => expect(values.has("webhook")).toBe(true));
    await runUntil(transport, { logger }, () => expect(emulator.calls.listWebhooks).toBe(2));
    expect(emulator.calls.createWebhook).toBe(1);
    expect(logger.text()).not.toContain(webhookToken);
    expect([...values.values()].join()).not.toContain(webhookToken);
  });

  test("goes on polling when the webhook cannot be registered", async () => {
    const more = {
      webhookEnabled: true,
      webhookToken: "0".repeat(32),
      callbackBase: "https://fax.example.com",
    };
    const { emulator, transport } = await start({ ...more, inbound: true });
    emulator.fault({ operation: "createWebhook", kind: "respond", status: 500 });
    emulator.addIncomingFax({});
    const logger = capturingLogger();
    await runUntil(transport, { logger }, ({ events }) => expect(events).toHaveLength(1));
    expect(logger.text()).toContain("could not be registered");
  });
});
