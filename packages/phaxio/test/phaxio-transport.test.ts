import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import {
  documentFromBytes,
  type FaxError,
  type FaxTransportV1,
  isFaxError,
  readDocument,
  type SendJob,
  webhookBody,
} from "@faxbot/core/transport";
import {
  capturingLogger,
  type PhaxioEmulator,
  type PhaxioEmulatorOptions,
  sendJob,
  startPhaxioEmulator,
  syntheticNumber,
  syntheticPdf,
  transportCall,
} from "@faxbot/testing";
import { type RecordedAnswer, recordingServer } from "@faxbot/testing/vitest";
import { describe, expect, onTestFinished, test } from "vitest";
import { type PhaxioOptions, type PhaxioSendOptions, phaxio } from "../src/index.ts";

const account = { apiKey: "test-api-key", apiSecret: "test-api-secret", callbackToken: "token" };
const pdf = (text: string) => syntheticPdf({ text });
const queued = { json: { success: true, message: "Fax queued for sending", data: { id: 323034811 } } };

async function start(options: PhaxioEmulatorOptions = {}, more: Partial<PhaxioOptions> = {}) {
  const emulator = await startPhaxioEmulator(options);
  onTestFinished(() => emulator.stop());
  return { emulator, transport: phaxio({ ...settingsOf(emulator), ...more }) };
}

function settingsOf({ apiKey, apiSecret, apiUrl, console }: PhaxioEmulator): PhaxioOptions {
  return { apiKey, apiSecret, callbackToken: console.callbackToken, baseUrl: apiUrl };
}

async function answering(answer: RecordedAnswer, more: Partial<PhaxioOptions> = {}) {
  const { url, requests } = await recordingServer(() => answer);
  return { requests, transport: phaxio({ ...account, baseUrl: url, ...more }) };
}

async function failure(promise: Promise<unknown>): Promise<FaxError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isFaxError(error)) throw new Error("expected a FaxError", { cause: error });
  return error;
}

/** What the API gets when this is sent, read by a form parser that is not ours. */
async function sentForm(job: Partial<SendJob>, more: Partial<PhaxioOptions> = {}) {
  const { transport, requests } = await answering(queued, more);
  const report = await transport.send(sendJob(job), transportCall());
  const [request] = requests;
  if (!request || requests.length > 1) throw new Error("expected one request");
  const form = await new Response(Buffer.from(request.body, "latin1"), {
    headers: { "content-type": request.headers["content-type"] ?? "" },
  }).formData();
  return { form, request, report };
}

describe("send", () => {
  test("uploads the document with the attempt in a tag", async () => {
    const job = sendJob();
    const { form, request, report } = await sentForm(job);
    expect(request).toMatchObject({ method: "POST", target: "/v2.1/faxes" });
    // Vector S5.
    expect(request.headers.authorization).toBe("Basic dGVzdC1hcGkta2V5OnRlc3QtYXBpLXNlY3JldA==");
    expect(request.headers["content-length"]).toBe(String(request.body.length));
    const { file, ...texts } = Object.fromEntries(form.entries());
    expect(texts).toEqual({ to: job.to, "tag[faxbot_attempt]": job.attemptId });
    expect(file).toMatchObject({ name: "fax.pdf", type: "application/pdf" });
    expect(Buffer.from(await (file as File).arrayBuffer()).equals(await readDocument(job.document))).toBe(
      true,
    );
    expect(report).toEqual({
      providerId: "323034811",
      status: "queued",
      providerStatus: "queued",
      reference: job.attemptId,
    });
  });

  test("carries every option of the API under its name", async () => {
    const options: PhaxioSendOptions = {
      content_url: ["https://a.example/1.pdf", "https://a.example/2.pdf"],
      header_text: "Dr. Example",
      batch_delay: 60,
      batch_collision_avoidance: false,
      cancel_timeout: 30,
      tags: { ward: "7", "two words": "ü" },
      test_fail: "lineError",
    };
    const callbackUrl = "https://fax.example.com/fax-api/callbacks/phaxio?attempt=1";
    const job = sendJob({ from: syntheticNumber(5), callbackUrl, options });
    const { form } = await sentForm(job, { from: syntheticNumber(9) });
    form.delete("file");
    expect([...form.entries()].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))).toEqual([
      ["batch_collision_avoidance", "false"],
      ["batch_delay", "60"],
      ["callback_url", callbackUrl],
      ["caller_id", syntheticNumber(5)],
      ["cancel_timeout", "30"],
      ["content_url[]", "https://a.example/1.pdf"],
      ["content_url[]", "https://a.example/2.pdf"],
      ["header_text", "Dr. Example"],
      ["tag[faxbot_attempt]", job.attemptId],
      ["tag[two words]", "ü"],
      ["tag[ward]", "7"],
      ["test_fail", "lineError"],
      ["to", job.to],
    ]);
  });

  test("settings fill in the sender; one content URL goes without brackets", async () => {
    const { form } = await sentForm(
      { options: { content_url: "https://a.example/1.pdf" } },
      { from: syntheticNumber(9) },
    );
    expect([form.get("caller_id"), form.get("content_url")]).toEqual([
      syntheticNumber(9),
      "https://a.example/1.pdf",
    ]);
  });

  test("the name of a document stays here; Phaxio tells types by the extension", async () => {
    const named = (mediaType: string) =>
      documentFromBytes(pdf("x"), { mediaType, fileName: "jane-doe-hiv-test.pdf" });
    for (const [mediaType, name] of [
      ["application/pdf", "fax.pdf"],
      ["image/tiff", "fax.tif"],
      ["image/png", "fax.png"],
      ["image/jpeg", "fax.jpg"],
      ["text/plain; charset=utf-8", "fax.txt"],
    ] as const) {
      const { form, request } = await sentForm({ document: named(mediaType) });
      expect(form.get("file")).toMatchObject({ name });
      expect(request.body).not.toContain("jane");
    }
  });

  test("a callback that would be refused is not asked for", async () => {
    const { apiKey, apiSecret } = account;
    const callbackUrl = "https://fax.example.com/callbacks/phaxio?attempt=1";
    const { url, requests } = await recordingServer(() => queued);
    for (const more of [{}, { verifySignature: false }, { signatureMode: "hmac-sha256-body" }] as const) {
      const transport = phaxio({ apiKey, apiSecret, baseUrl: url, ...more });
      await transport.send(sendJob({ callbackUrl }), transportCall());
    }
    expect(requests[0]?.body).not.toContain("callback_url");
    for (const request of requests.slice(1)) expect(request.body).toContain(`\r\n\r\n${callbackUrl}\r\n`);
  });

  test("a callback URL of the settings goes out to the letter, with the query of the attempt", async () => {
    const given = "https://fax.example.com/callbacks/phaxio?attempt=1&tenant=a";
    for (const [callbackUrl, told] of [
      ["https://Proxy.example.com:443/hook", "https://Proxy.example.com:443/hook?attempt=1&tenant=a"],
      ["https://proxy.example.com/?key=1", "https://proxy.example.com/?key=1&attempt=1&tenant=a"],
    ] as const) {
      const { form } = await sentForm({ callbackUrl: given }, { callbackUrl });
      expect(form.get("callback_url")).toBe(told);
    }
    const { form } = await sentForm({}, { callbackUrl: "https://proxy.example.com/hook" });
    expect(form.get("callback_url")).toBe("https://proxy.example.com/hook");
  });

  test("reads the id as a number and as a text", async () => {
    for (const id of [7, "7"]) {
      const { transport } = await answering({ json: { success: true, data: { id } } });
      expect(await transport.send(sendJob(), transportCall())).toMatchObject({ providerId: "7" });
    }
  });

  test.each([
    {},
    { success: true },
    { success: true, data: {} },
    { success: true, data: { id: "" } },
    { success: true, data: { id: "../7" } },
    // A refusal in words with a status that proves nothing.
    { success: false, message: "Phone number is not valid" },
    { success: "false", data: { id: 7 } },
    [],
    null,
  ])("an answer without a fax proves nothing: %j", async (json) => {
    const { transport, requests } = await answering({ json });
    expect((await failure(transport.send(sendJob(), transportCall()))).code).toBe("outcome_unknown");
    expect(requests).toHaveLength(1);
  });

  test.each([
    [400, "outcome_unknown"],
    [401, "transport_unauthorized"],
    [402, "outcome_unknown"],
    [403, "outcome_unknown"],
    [404, "transport_rejected"],
    [409, "outcome_unknown"],
    [413, "transport_rejected"],
    [422, "transport_rejected"],
    [429, "transport_rate_limited"],
    [500, "outcome_unknown"],
    [502, "outcome_unknown"],
    [503, "outcome_unknown"],
    [302, "outcome_unknown"],
  ])("%i", async (status, code) => {
    const { transport, requests } = await answering({ status, headers: { location: "/elsewhere" } });
    expect((await failure(transport.send(sendJob(), transportCall()))).code).toBe(code);
    expect(requests).toHaveLength(1);
  });

  test("what cannot be sent is refused before the wire, and proven so", async () => {
    const { emulator, transport } = await start();
    const word = documentFromBytes(pdf("x"), { mediaType: "application/msword", fileName: "a.doc" });
    for (const [job, reason] of [
      [{ to: "2025550123" }, "invalid_number"],
      [{ document: word }, "document"],
      [{ options: { cancel_timeout: 2 } }, "rejected"],
    ] as const) {
      const error = await failure(transport.send(sendJob(job), transportCall()));
      expect(error).toMatchObject({ code: "transport_rejected", failure: { reason, retryable: false } });
    }
    expect(emulator.calls.sendFax).toBe(0);
  });
});

describe("options", () => {
  const transport = phaxio(account);
  const check = (options: Record<string, unknown>) => () =>
    transport.checkJob({ to: syntheticNumber(1), options });
  const nine = Object.fromEntries(Array.from("123456789", (digit) => [digit, digit]));

  test("what the API offers is taken", () => {
    for (const options of [
      {},
      { batch_delay: 0 },
      { cancel_timeout: 60 },
      { header_text: "x".repeat(50) },
      { tags: nine },
    ]) {
      expect(check(options)).not.toThrow();
    }
  });

  test.each([
    ["unknown", { subject: "secret-value" }, "options of phaxio: subject is not known"],
    [
      "two at once",
      { subject: 1, header_text: "x".repeat(51) },
      "header_text is not valid; subject is not known",
    ],
    ["of v1", { string_data: "secret-value" }, "string_data is not known"],
    ["ours to say", { callback_url: "https://a.example/secret-value" }, "callback_url is not known"],
    ["out of bounds", { batch_delay: 3601 }, "batch_delay is not valid"],
    ["too short", { cancel_timeout: 2 }, "cancel_timeout is not valid"],
    [
      "of another type",
      { batch_collision_avoidance: "secret-value" },
      "batch_collision_avoidance is not valid",
    ],
    ["no error type", { test_fail: "secret-value" }, "test_fail is not valid"],
    ["our own tag", { tags: { faxbot_attempt: "secret-value" } }, "tags is not valid"],
    ["ten tags beside ours", { tags: { ...nine, more: "secret-value" } }, "tags is not valid"],
    ["a tag that would break out", { tags: { "a]": "secret-value" } }, "tags is not valid"],
    ["no web URL", { content_url: "file:///secret-value" }, "content_url is not valid"],
    [
      "so many URLs that the document would be dropped",
      { content_url: Array(10).fill("https://a.example/secret-value") },
      "content_url is not valid",
    ],
    ["a name that is a text", { "call +12025550123": 1 }, "a name is not known"],
  ])("%s", (_, options, message) => {
    expect(check(options)).toThrow(
      expect.objectContaining({ code: "request_invalid", message: expect.stringContaining(message) }),
    );
    expect(check(options)).not.toThrow("secret-value");
  });
});

describe("with the emulated service", () => {
  test.each([false, true])(
    "sends, reports and lets go of the content (numbers as texts: %s)",
    async (numbersAsStrings) => {
      const { emulator, transport } = await start({ quirks: { numbersAsStrings } });
      const call = transportCall();
      const job = sendJob({
        document: documentFromBytes(pdf("order"), { mediaType: "application/pdf", fileName: "o.pdf" }),
      });
      const { providerId } = await transport.send(job, call);
      await emulator.idle();
      expect(await transport.getStatus(providerId, call)).toMatchObject({
        providerId,
        status: "delivered",
        reference: job.attemptId,
        pages: 1,
        cost: { amount: "0.07", currency: "USD" },
      });
      expect(Buffer.from(emulator.documentOf(providerId) ?? []).equals(pdf("order"))).toBe(true);
      const copy = await transport.fetchDocument(providerId, call);
      expect(Buffer.from(await readDocument(copy)).equals(pdf("order"))).toBe(true);
      await copy.dispose?.();
      await transport.deleteDocument(providerId, call);
      await transport.deleteDocument(providerId, call);
      expect(emulator.documentOf(providerId)).toBeUndefined();
      expect((await failure(transport.fetchDocument(providerId, call))).code).toBe("not_found");
      expect((await failure(transport.getStatus("1", call))).code).toBe("not_found");
      expect(emulator.faxes).toHaveLength(1);
    },
  );

  test("the lost answer: not sent again by itself, and found by its reference", async () => {
    const { emulator, transport } = await start();
    const call = transportCall();
    for (const kind of ["reset_after", "half_body", "malformed_json"] as const) {
      emulator.fault({ operation: "sendFax", kind });
      const job = sendJob();
      const submittedAt = new Date();
      expect((await failure(transport.send(job, call))).code).toBe("outcome_unknown");
      const found = await transport.findByReference(job.attemptId, call, { to: job.to, submittedAt });
      expect(found).toMatchObject({
        reference: job.attemptId,
        providerId: String(emulator.faxes.at(-1)?.id),
      });
      expect(await transport.findByReference(job.attemptId, call)).toMatchObject({
        reference: job.attemptId,
      });
    }
    expect(emulator.faxes).toHaveLength(3);
  });

  test("of two faxes with the tag the first is ours: the other was sent again by hand", async () => {
    const { emulator, transport } = await start();
    const call = transportCall();
    const job = sendJob();
    const { providerId } = await transport.send(job, call);
    const again = await transport.resend(providerId, call);
    expect(again).toEqual({
      providerId: expect.stringMatching(/^\d+$/),
      status: "queued",
      providerStatus: "queued",
    });
    expect(again.providerId).not.toBe(providerId);
    expect(await transport.findByReference(job.attemptId, call)).toMatchObject({ providerId });
    expect(emulator.faxes).toHaveLength(2);
  });

  test("resend names its callback, and repeats nothing whose outcome is unknown", async () => {
    const { transport, requests } = await answering(queued);
    await transport.resend("7", transportCall(), { callbackUrl: "https://a.example/x?y=1" });
    expect(requests[0]).toMatchObject({
      method: "POST",
      target: "/v2.1/faxes/7/resend",
      body: "callback_url=https%3A%2F%2Fa.example%2Fx%3Fy%3D1",
    });
    const { emulator, transport: emulated } = await start();
    expect((await failure(emulated.resend("1", transportCall()))).code).toBe("transport_rejected");
    const { providerId } = await emulated.send(sendJob(), transportCall());
    emulator.fault({ operation: "resendFax", kind: "reset_after" });
    expect((await failure(emulated.resend(providerId, transportCall()))).code).toBe("outcome_unknown");
    expect(emulator.faxes).toHaveLength(2);
  });

  test("the search goes by tag, direction and time, through short and full pages", async () => {
    const reference = "f".repeat(32);
    const submittedAt = new Date("2026-01-15T09:00:00Z");
    const others = Array.from({ length: 100 }, (_, index) => ({ id: index + 1, tags: { other: "x" } }));
    // An API that ignores the filter, or that gives smaller pages than were asked for.
    for (const pages of [
      [{ data: others }, { data: [{ id: 500, status: "queued", tags: { faxbot_attempt: reference } }] }],
      [
        { data: others.slice(0, 25), paging: { total: ">10000", per_page: 25, page: 1 } },
        {
          data: [{ id: "500", status: "queued", tags: { faxbot_attempt: reference } }],
          paging: { per_page: "25" },
        },
      ],
    ]) {
      const acquired: unknown[] = [];
      const limiter = { acquire: async () => void acquired.push(1), block: () => {} };
      const { url, requests } = await recordingServer(({ target }) => {
        const page = Number(new URL(target, "http://a").searchParams.get("page"));
        return { json: { success: true, ...(pages[page - 1] ?? { data: [] }) } };
      });
      const transport = phaxio({ ...account, baseUrl: url });
      const found = await transport.findByReference(reference, transportCall({ limiter }), {
        to: "+1",
        submittedAt,
      });
      expect(found).toMatchObject({ providerId: "500", reference });
      expect(acquired, "one slot for each page after the first").toHaveLength(1);
      const query = Object.fromEntries(new URL(requests[0]?.target ?? "", "http://a").searchParams);
      expect(query).toEqual({
        direction: "sent",
        "tag[faxbot_attempt]": reference,
        created_after: "2026-01-15T08:45:00Z",
        per_page: "100",
        page: "1",
      });
    }
  });

  test("the search ends, and an answer that cannot be read is no absence", async () => {
    const full = Array.from({ length: 100 }, (_, index) => ({ id: index + 1 }));
    const endless = await answering({ json: { success: true, data: full } });
    expect(await endless.transport.findByReference("f".repeat(32), transportCall())).toBeUndefined();
    expect(endless.requests).toHaveLength(10);
    const short = await answering({ json: { success: true, data: full.slice(1) } });
    expect(await short.transport.findByReference("f".repeat(32), transportCall())).toBeUndefined();
    expect(short.requests).toHaveLength(1);
    for (const [json, code] of [
      [{ success: true, data: null }, "transport_unavailable"],
      [{ success: false, message: "no" }, "transport_rejected"],
      ["x", "transport_unavailable"],
    ] as const) {
      const { transport } = await answering({ json });
      expect((await failure(transport.findByReference("f".repeat(32), transportCall()))).code).toBe(code);
    }
  });

  test.each([
    ["busy", "busy"],
    ["no_answer", "no_answer"],
    ["no_fax_tone", "no_fax_tone"],
    ["line_error", "line_error"],
    ["transmission_error", "transmission_error"],
    ["invalid_number", "invalid_number"],
    ["rejected", "rejected"],
    ["document", "document"],
    ["account", "account"],
  ] as const)("an outcome of the line: %s", async (outcome, reason) => {
    const { emulator, transport } = await start({ outcome, completeAfterMs: 5 });
    const call = transportCall();
    const { providerId } = await transport.send(sendJob({ to: "+12025559999" }), call);
    await emulator.idle();
    expect(await transport.getStatus(providerId, call)).toMatchObject({
      status: "failed",
      failure: { reason },
    });
  });

  test("cancels, and asks what came of it", async () => {
    const { emulator, transport } = await start({ completeAfterMs: Number.POSITIVE_INFINITY });
    const acquired: unknown[] = [];
    const limiter = { acquire: async () => void acquired.push(1), block: () => {} };
    const call = transportCall({ limiter });
    const { providerId } = await transport.send(sendJob(), call);
    expect(["queued", "in_progress", "canceled"]).toContain(
      (await transport.cancel(providerId, call)).status,
    );
    expect(acquired, "one slot for the second call").toHaveLength(1);
    await emulator.idle();
    expect(await transport.getStatus(providerId, call)).toMatchObject({ status: "canceled" });
    const late = await failure(transport.cancel(providerId, call));
    expect(late).toMatchObject({ code: "transport_rejected", failure: { providerCode: "422" } });
    emulator.quirks.refuseWith200 = true;
    expect(await failure(transport.cancel(providerId, call))).toMatchObject({
      code: "transport_rejected",
      failure: { providerCode: "200" },
    });
  });

  test("a deletion that was refused with 200 is not taken for done", async () => {
    const { transport } = await answering({ json: { success: false, message: "busy" } });
    expect((await failure(transport.deleteDocument("7", transportCall()))).code).toBe("transport_rejected");
  });

  test.each(["v1", "v2.0", "v2.1"] as const)(
    "its webhooks are verified and read: %s",
    async (webhookVersion) => {
      const { emulator, transport } = await start({
        completeAfterMs: 5,
        console: { webhookVersion, inflightEvents: webhookVersion === "v2.1" },
      });
      const keys: string[] = [];
      const server = await webhookServer(transport, keys);
      for (const numbersAsStrings of [false, true]) {
        emulator.quirks.numbersAsStrings = numbersAsStrings;
        const job = sendJob({ callbackUrl: `${server.url}/callbacks/phaxio?attempt=1` });
        const { providerId } = await transport.send(job, transportCall());
        await emulator.idle();
        expect(keys.splice(0).at(-1)).toBe(`fax_completed:${providerId}:success ${job.attemptId}`);

        emulator.script(syntheticNumber(60), "busy");
        const busy = sendJob({ to: syntheticNumber(60), callbackUrl: `${server.url}/phaxio-callback` });
        const failed = await transport.send(busy, transportCall());
        await emulator.idle();
        expect(keys.splice(0).at(-1)).toBe(
          `fax_completed:${failed.providerId}:failure ${busy.attemptId} busy`,
        );

        emulator.console.receivedCallbackUrl = `${server.url}/phaxio-inbound`;
        for (const receivedFile of [true, false]) {
          emulator.console.receivedFile = receivedFile;
          const received = emulator.receiveFax();
          await emulator.idle();
          expect(keys.splice(0)).toEqual([`received:${received.id}${receivedFile ? " with document" : ""}`]);
        }
      }
      expect(emulator.deliveries.every((delivery) => delivery.status === 202)).toBe(true);
    },
  );

  test("a webhook that is forged or cut off is refused until it comes right", async () => {
    const { emulator, transport } = await start({ webhookRetryMinuteMs: 1 });
    const keys: string[] = [];
    const server = await webhookServer(transport, keys);
    emulator.console.receivedCallbackUrl = `${server.url}/phaxio-inbound`;
    for (const kind of ["wrong_signature", "no_signature", "malformed"] as const) {
      emulator.webhookFault({ kind });
      const { id } = emulator.receiveFax();
      await emulator.idle();
      const statuses = emulator.deliveries
        .filter((each) => each.faxId === String(id))
        .map((each) => each.status);
      expect(statuses, kind).toEqual([401, 202]);
      expect(keys.splice(0)).toEqual([`received:${id} with document`]);
    }
  });
});

describe("health", () => {
  test("says whether Phaxio answers and takes the credentials, and sends nothing", async () => {
    const { emulator, transport } = await start();
    const call = transportCall();
    expect(await transport.checkHealth(call)).toMatchObject({ status: "healthy" });
    expect(await phaxio({ ...settingsOf(emulator), apiSecret: "wrong" }).checkHealth(call)).toEqual({
      status: "unhealthy",
      message: "Phaxio refuses the key or the secret.",
    });
    for (const [fault, status] of [
      [{ status: 429 }, "unknown"],
      [{ status: 503 }, "unhealthy"],
      [{ status: 200, body: "<html>" }, "unhealthy"],
      [{ status: 200, body: { success: false, message: "no" } }, "unhealthy"],
    ] as const) {
      emulator.fault({ kind: "respond", ...fault });
      expect(await transport.checkHealth(call)).toMatchObject({ status });
    }
    await emulator.refuseConnections();
    expect(await transport.checkHealth(call)).toMatchObject({ status: "unhealthy" });
    expect(emulator.calls.sendFax).toBe(0);
  });
});

test("a document that is no PDF is not taken for one", async () => {
  const { transport } = await answering({ json: { success: false, message: "soon" } });
  expect((await failure(transport.fetchDocument("7", transportCall()))).code).toBe("transport_unavailable");
});

test("a second account has a name of its own", () => {
  expect(phaxio({ ...account, id: "phaxio-east" }).id).toBe("phaxio-east");
});

test("numbers, secrets and texts of the provider are in no log and no error", async () => {
  const logger = capturingLogger();
  const errors: unknown[] = [];
  for (const status of [200, 400, 401, 404, 422, 429, 500]) {
    const { transport } = await answering(
      {
        status,
        json: { success: false, message: `call Jane Doe at ${syntheticNumber(7)} with very-secret` },
      },
      { apiSecret: "very-secret", callbackToken: "very-secret" },
    );
    const call = transportCall({ logger });
    const job = sendJob({ to: syntheticNumber(7) });
    errors.push(
      await failure(transport.send(job, call)),
      await failure(transport.getStatus("7", call)),
      await failure(transport.cancel("7", call)),
      await failure(transport.findByReference(job.attemptId, call, { to: job.to, submittedAt: new Date() })),
    );
  }
  const said = logger.text() + inspect(errors, { depth: 9 });
  expect(said).not.toMatch(/Jane|very-secret|2025550107/);
});

/** A host in small: hands what comes to the transport, keeps the events' keys and answers by Faxbot's rules. */
async function webhookServer(transport: FaxTransportV1, keys: string[]): Promise<{ url: string }> {
  const receive = async (url: string, headers: Headers, bytes: Buffer): Promise<number> => {
    const source = new Blob([new Uint8Array(bytes)]).stream() as ReadableStream<Uint8Array>;
    const body = webhookBody(source, { maxBytes: 10_000_000, memoryBytes: 100 });
    try {
      const result = await transport.receiveWebhook?.(
        { method: "POST", url, headers, body },
        transportCall(),
      );
      for (const event of result?.events ?? []) {
        const more =
          event.type === "status"
            ? [event.report.reference, event.report.failure?.reason]
            : [event.document && "with document"];
        keys.push([event.key, ...more].filter((each) => each !== undefined).join(" "));
      }
      return 202;
    } catch (error) {
      return isFaxError(error) ? error.status : 500;
    } finally {
      await body.dispose();
    }
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const headers = new Headers(request.headers as Record<string, string>);
      const called = `http://${request.headers.host}${request.url}`;
      void receive(called, headers, Buffer.concat(chunks)).then((status) => response.writeHead(status).end());
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
