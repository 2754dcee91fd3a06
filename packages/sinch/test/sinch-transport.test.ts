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
  type SinchEmulator,
  type SinchEmulatorOptions,
  sendJob,
  startSinchEmulator,
  syntheticNumber,
  syntheticPdf,
  transportCall,
} from "@faxbot/testing";
import { recordingServer } from "@faxbot/testing/vitest";
import { describe, expect, onTestFinished, test } from "vitest";
import { type SinchOptions, type SinchSendOptions, sinch } from "../src/index.ts";

const hook = { webhookUser: "faxhook", webhookPass: "Tr0ub4dor-3" };
const account = { projectId: "p", apiKey: "key", apiSecret: "secret" };
const pdf = (text: string) => syntheticPdf({ text });

async function start(options: SinchEmulatorOptions = {}, more: Partial<SinchOptions> = {}) {
  const emulator = await startSinchEmulator(options);
  onTestFinished(() => emulator.stop());
  return { emulator, transport: sinch({ ...settingsOf(emulator), ...more }) };
}

function settingsOf(emulator: SinchEmulator): SinchOptions {
  const { projectId, keyId: apiKey, keySecret: apiSecret, url } = emulator;
  return { projectId, apiKey, apiSecret, baseUrl: url, authUrl: url, ...hook };
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
async function sentForm(job: Partial<SendJob>, more: Partial<SinchOptions> = {}) {
  const { url, requests } = await recordingServer(() => ({ json: { id: "01FAX", status: "QUEUED" } }));
  const report = await sinch({ ...account, ...hook, baseUrl: url, ...more }).send(
    sendJob(job),
    transportCall(),
  );
  const [request] = requests;
  if (!request || requests.length > 1) throw new Error("expected one request");
  const form = await new Response(Buffer.from(request.body, "latin1"), {
    headers: { "content-type": request.headers["content-type"] ?? "" },
  }).formData();
  return { form, request, report };
}

describe("send", () => {
  test("uploads the document with the attempt in a label, and asks the vendor not to redial", async () => {
    const job = sendJob();
    const { form, request, report } = await sentForm(job);
    expect(request).toMatchObject({ method: "POST", target: "/v3/projects/p/faxes" });
    expect(request.headers.authorization).toBe(`Basic ${Buffer.from("key:secret").toString("base64")}`);
    expect(request.headers["content-length"]).toBe(String(request.body.length));
    const { file, ...texts } = Object.fromEntries(form.entries());
    expect(texts).toEqual({ to: job.to, maxRetries: "0", "labels[faxbot_attempt]": job.attemptId });
    expect(file).toMatchObject({ name: "fax.pdf", type: "application/pdf" });
    expect(Buffer.from(await (file as File).arrayBuffer()).equals(await readDocument(job.document))).toBe(
      true,
    );
    expect(report).toEqual({
      providerId: "01FAX",
      status: "queued",
      providerStatus: "QUEUED",
      reference: job.attemptId,
    });
  });

  test("carries every option of the API under its name", async () => {
    const options: SinchSendOptions = {
      contentUrl: ["https://a.example/1.pdf", "https://a.example/2.pdf"],
      headerText: "Dr. Example",
      headerPageNumbers: false,
      headerTimeZone: "Europe/Berlin",
      retryDelaySeconds: 30,
      maxRetries: 2,
      imageConversionMethod: "MONOCHROME",
      resolution: "SUPERFINE",
      labels: { ward: "7", "two words": "ü" },
      coverPageId: "cover",
      coverPageData: { name: "x" },
      callbackUrlContentType: "application/json",
      inProgressNotifications: true,
      serviceId: "svc",
    };
    const callbackUrl = "https://fax.example.com/fax-api/callbacks/sinch?attempt=1";
    const job = sendJob({ from: syntheticNumber(5), callbackUrl, options });
    const { form } = await sentForm(job);
    form.delete("file");
    expect(Object.fromEntries(form.entries())).toEqual({
      to: job.to,
      from: syntheticNumber(5),
      contentUrl: "https://a.example/1.pdf,https://a.example/2.pdf",
      headerText: "Dr. Example",
      headerPageNumbers: "false",
      headerTimeZone: "Europe/Berlin",
      retryDelaySeconds: "30",
      maxRetries: "2",
      imageConversionMethod: "MONOCHROME",
      resolution: "SUPERFINE",
      "labels[ward]": "7",
      "labels[two words]": "ü",
      "labels[faxbot_attempt]": job.attemptId,
      coverPageId: "cover",
      "coverPageData[name]": "x",
      callbackUrl: "https://faxhook:Tr0ub4dor-3@fax.example.com/fax-api/callbacks/sinch?attempt=1",
      callbackUrlContentType: "application/json",
      inProgressNotifications: "true",
      serviceId: "svc",
    });
  });

  test("settings fill in the sender and the service", async () => {
    const { form } = await sentForm({}, { from: syntheticNumber(9), serviceId: "default" });
    expect([form.get("from"), form.get("serviceId")]).toEqual([syntheticNumber(9), "default"]);
  });

  test("the name of a document stays here; Sinch tells types by the extension", async () => {
    const named = (mediaType: string) =>
      documentFromBytes(pdf("x"), { mediaType, fileName: "jane-doe-hiv-test.pdf" });
    for (const [mediaType, name] of [
      ["application/pdf", "fax.pdf"],
      ["image/tiff", "fax.tif"],
      ["text/plain; charset=utf-8", "fax.txt"],
    ] as const) {
      const { form, request } = await sentForm({ document: named(mediaType) });
      expect(form.get("file")).toMatchObject({ name });
      expect(request.body).not.toContain("jane");
    }
  });

  test("a callback that would be refused is not asked for", async () => {
    const callbackUrl = "https://fax.example.com/callbacks/sinch";
    const { url, requests } = await recordingServer(() => ({ json: { id: "a" } }));
    const logger = capturingLogger();
    const send = (more: Partial<SinchOptions>) =>
      sinch({ ...account, baseUrl: url, ...more }).send(sendJob({ callbackUrl }), transportCall({ logger }));
    await send({});
    expect(requests[0]?.body).not.toContain("callbackUrl");
    expect(logger.text()).toContain("webhooks are refused and faxes are polled");
    await send({ verifySignature: false });
    expect(requests[1]?.body).toContain(`\r\n\r\n${callbackUrl}\r\n`);
    await send({ webhookUser: "ü", webhookPass: "a/b@c" });
    expect(requests[2]?.body).toContain("https://%C3%BC:a%2Fb%40c@fax.example.com/");
  });

  test("reads both shapes of the answer, and finds our fax in a list", async () => {
    const job = sendJob();
    for (const json of [
      { id: "ours", status: "IN_PROGRESS" },
      { faxes: [{ id: "ours", status: "IN_PROGRESS" }] },
      {
        faxes: [
          { id: "other" },
          { id: "ours", status: "IN_PROGRESS", labels: { faxbot_attempt: job.attemptId } },
        ],
      },
    ]) {
      const { url } = await recordingServer(() => ({ json }));
      const report = await sinch({ ...account, baseUrl: url }).send(job, transportCall());
      expect(report).toMatchObject({ providerId: "ours", status: "in_progress", reference: job.attemptId });
    }
  });

  test.each([{}, { faxes: [] }, { id: "" }, { error: "x" }, [], null])(
    "an answer without a fax proves nothing: %j",
    async (json) => {
      const { url } = await recordingServer(() => ({ json }));
      const error = await failure(sinch({ ...account, baseUrl: url }).send(sendJob(), transportCall()));
      expect(error.code).toBe("outcome_unknown");
    },
  );

  test.each([
    [400, "transport_rejected"],
    [401, "transport_unauthorized"],
    [402, "transport_rejected"],
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
    const { url, requests } = await recordingServer(() => ({ status, headers: { location: "/elsewhere" } }));
    const error = await failure(sinch({ ...account, baseUrl: url }).send(sendJob(), transportCall()));
    expect(error.code).toBe(code);
    expect(requests).toHaveLength(1);
  });

  test("a number that Sinch refuses is told by the name of the field, not by its text", async () => {
    const { emulator, transport } = await start();
    for (const errorShape of ["prose", "schema"] as const) {
      emulator.quirks.errorShape = errorShape;
      const error = await failure(transport.send(sendJob({ to: "+12" }), transportCall()));
      expect(error).toMatchObject({
        code: "transport_rejected",
        failure: { reason: "invalid_number", retryable: false, providerCode: "422" },
      });
      expect(inspect(error, { depth: 9 })).not.toContain("E.164 number");
    }
  });

  test("what cannot be sent is refused before the wire, and proven so", async () => {
    const { emulator, transport } = await start();
    const word = documentFromBytes(pdf("x"), { mediaType: "application/msword", fileName: "a.doc" });
    for (const [job, reason] of [
      [{ to: "2025550123" }, "invalid_number"],
      [{ document: word }, "document"],
      [{ options: { maxRetries: 6 } }, "rejected"],
    ] as const) {
      const error = await failure(transport.send(sendJob(job), transportCall()));
      expect(error).toMatchObject({ code: "transport_rejected", failure: { reason, retryable: false } });
    }
    expect(emulator.calls.sendFax).toBe(0);
  });
});

describe("options", () => {
  const transport = sinch(account);
  const check = (options: Record<string, unknown>) => () =>
    transport.checkJob({ to: syntheticNumber(1), options });

  test("what the API offers is taken", () => {
    for (const options of [
      {},
      { maxRetries: 0 },
      { contentUrl: "https://a.example/x.pdf" },
      { labels: { a: "" } },
    ]) {
      expect(check(options)).not.toThrow();
    }
  });

  test.each([
    ["unknown", { subject: "secret-value" }, "options of sinch: subject is not known"],
    [
      "two at once",
      { subject: 1, headerText: "x".repeat(51) },
      "headerText is not valid; subject is not known",
    ],
    ["out of bounds", { retryDelaySeconds: 29 }, "retryDelaySeconds is not valid"],
    ["of another type", { headerPageNumbers: "secret-value" }, "headerPageNumbers is not valid"],
    ["no time zone", { headerTimeZone: "Mars/secret-value" }, "headerTimeZone is not valid"],
    ["our own label", { labels: { faxbot_attempt: "secret-value" } }, "labels is not valid"],
    ["a label that would break out", { labels: { "a]": "secret-value" } }, "labels is not valid"],
    ["upper-case tags", { coverPageData: { Name: "secret-value" } }, "coverPageData is not valid"],
    ["a URL with a comma", { contentUrl: "https://a.example/secret-value,b" }, "contentUrl is not valid"],
    ["no web URL", { contentUrl: "file:///secret-value" }, "contentUrl is not valid"],
    ["a name that is a text", { "call +12025550123": 1 }, "a name is not known"],
  ])("%s", (_, options, message) => {
    expect(check(options)).toThrow(
      expect.objectContaining({ code: "request_invalid", message: expect.stringContaining(message) }),
    );
    expect(check(options)).not.toThrow("secret-value");
  });
});

describe("with the emulated service", () => {
  test.each(["basic", "oauth2"] as const)(
    "%s: sends, reports and lets go of the content",
    async (authMethod) => {
      const { emulator, transport } = await start({}, { authMethod });
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
      expect((await failure(transport.getStatus("01UNKNOWN", call))).code).toBe("not_found");
      expect(emulator.faxes).toHaveLength(1);
    },
  );

  test("a token that expired in the middle is renewed, and the same fax is sent once", async () => {
    const { emulator, transport } = await start({}, { authMethod: "oauth2" });
    const call = transportCall();
    await transport.checkHealth(call);
    emulator.expireTokens();
    await transport.send(sendJob(), call);
    expect(emulator.faxes).toHaveLength(1);
    expect(emulator.calls).toMatchObject({ issueToken: 2, sendFax: 2 });
  });

  test("the lost answer: not sent again by itself, and found by its reference", async () => {
    const { emulator, transport } = await start();
    const call = transportCall();
    for (const kind of ["reset_after", "half_body", "malformed_json"] as const) {
      emulator.fault({ operation: "sendFax", kind });
      const job = sendJob();
      const submittedAt = new Date();
      expect((await failure(transport.send(job, call))).code).toBe("outcome_unknown");
      const found = await transport.findByReference(job.attemptId, call, { to: job.to, submittedAt });
      expect(found).toMatchObject({ reference: job.attemptId, providerId: emulator.faxes.at(-1)?.id });
      expect(await transport.findByReference(job.attemptId, call)).toMatchObject({
        reference: job.attemptId,
      });
    }
    expect(emulator.faxes).toHaveLength(3);
  });

  test("the search narrows by number and time, goes through the pages and ends", async () => {
    const { emulator, transport } = await start();
    const logger = capturingLogger();
    const acquired: unknown[] = [];
    const limiter = { acquire: async () => void acquired.push(1), block: () => {} };
    const call = transportCall({ logger, limiter });
    const submittedAt = new Date();
    const to = syntheticNumber(40);
    for (let index = 0; index < 450; index += 1) {
      emulator.addFax({
        to,
        direction: "OUTBOUND",
        createTime: new Date(submittedAt.getTime() - index).toISOString(),
      });
    }
    const wanted = "f".repeat(32);
    emulator.addFax({
      to,
      direction: "OUTBOUND",
      createTime: new Date(submittedAt.getTime() - 60_000).toISOString(),
      labels: { faxbot_attempt: wanted },
    });
    // The same label where it cannot be ours.
    emulator.addFax({
      to: syntheticNumber(41),
      direction: "OUTBOUND",
      labels: { faxbot_attempt: "e".repeat(32) },
    });
    for (const pageField of ["page", "pageNumber"] as const) {
      emulator.quirks.pageField = pageField;
      emulator.quirks.omitNumbers = pageField === "pageNumber";
      expect(await transport.findByReference(wanted, call, { to, submittedAt })).toMatchObject({
        reference: wanted,
      });
    }
    expect(emulator.calls.listFaxes).toBe(6);
    expect(acquired, "one slot for each page after the first").toHaveLength(4);
    expect(await transport.findByReference("e".repeat(32), call, { to, submittedAt })).toBeUndefined();
    expect(emulator.calls.listFaxes).toBe(9);
    const [request] = emulator.requests;
    expect(request?.target).toContain("to=%2B");
    expect(request?.target).toMatch(/createTime%3E=\d{4}-\d\d-\d\dT\d\d%3A\d\d%3A\d\dZ&createTime%3C=/);
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
    const { providerId } = await transport.send(sendJob({ to: "+15005559999" }), call);
    await emulator.idle();
    expect(await transport.getStatus(providerId, call)).toMatchObject({
      status: "failed",
      failure: { reason },
    });
  });

  test("unmapped words and cancelled faxes", async () => {
    const { emulator, transport } = await start({ completeAfterMs: Number.POSITIVE_INFINITY });
    const call = transportCall();
    const { providerId } = await transport.send(sendJob(), call);
    emulator.finish(providerId, "unmapped");
    expect(await transport.getStatus(providerId, call)).toMatchObject({
      status: "unmapped",
      providerStatus: "HALF_WAY",
    });
    emulator.finish(providerId, "canceled");
    expect(await transport.getStatus(providerId, call)).toMatchObject({ status: "canceled" });
  });

  test("its webhooks are verified and read, whatever their coat", async () => {
    const { emulator, transport } = await start({ completeAfterMs: 5 });
    const keys: string[] = [];
    const server = await webhookServer(transport, keys);
    for (const contentType of ["multipart/form-data", "application/json"] as const) {
      for (const completedJson of ["files", "file"] as const) {
        emulator.quirks.completedJson = completedJson;
        emulator.quirks.quotedEvent = completedJson === "file";
        emulator.quirks.numbersAsStrings = completedJson === "file";
        emulator.quirks.hasFile = completedJson === "file" ? "text" : "boolean";
        const job = sendJob({
          callbackUrl: `${server.url}/callbacks/sinch`,
          options: { callbackUrlContentType: contentType, inProgressNotifications: true },
        });
        const { providerId } = await transport.send(job, transportCall());
        await emulator.idle();
        expect(keys.splice(0)).toEqual([`FAX_COMPLETED:${providerId}:COMPLETED ${job.attemptId}`]);

        emulator.updateService({ incomingWebhookUrl: withUser(`${server.url}/sinch-inbound`) });
        const received = emulator.receiveFax({ contentType });
        await emulator.idle();
        expect(keys.splice(0)).toEqual([`INCOMING_FAX:${received.id} with document`]);
      }
    }
    expect(emulator.deliveries.every((delivery) => delivery.status === 202)).toBe(true);
  });

  test("a webhook with a wrong password, without one, or cut off is refused until it comes right", async () => {
    const { emulator, transport } = await start({ webhookRetryMinuteMs: 1 });
    const keys: string[] = [];
    const server = await webhookServer(transport, keys);
    emulator.updateService({ incomingWebhookUrl: withUser(`${server.url}/sinch-inbound`) });
    for (const [kind, status] of [
      ["wrong_signature", 401],
      ["no_signature", 401],
      ["malformed", 400],
    ] as const) {
      emulator.webhookFault({ kind });
      const { id } = emulator.receiveFax();
      await emulator.idle();
      const statuses = emulator.deliveries.filter((each) => each.faxId === id).map((each) => each.status);
      expect(statuses, kind).toEqual([status, 202]);
      expect(keys.splice(0)).toEqual([`INCOMING_FAX:${id} with document`]);
    }
  });
});

describe("health", () => {
  test("says whether Sinch answers and takes the credentials, and sends nothing", async () => {
    const { emulator, transport } = await start();
    const call = transportCall();
    expect(await transport.checkHealth(call)).toMatchObject({ status: "healthy" });
    const wrong: FaxTransportV1[] = [
      sinch({ ...settingsOf(emulator), apiSecret: "wrong" }),
      sinch({ ...settingsOf(emulator), apiSecret: "wrong", authMethod: "oauth2" }),
      sinch({ ...settingsOf(emulator), projectId: "wrong" }),
    ];
    for (const each of wrong) {
      expect(await each.checkHealth(call)).toEqual({
        status: "unhealthy",
        message: "Sinch refuses the key, the secret or the project.",
      });
    }
    emulator.fault({ operation: "listFaxes", kind: "respond", status: 429 });
    expect(await transport.checkHealth(call)).toMatchObject({ status: "unknown" });
    emulator.fault({ operation: "listFaxes", kind: "respond", status: 200, body: "<html>" });
    expect(await transport.checkHealth(call)).toMatchObject({ status: "unhealthy" });
    await emulator.refuseConnections();
    expect(await transport.checkHealth(call)).toMatchObject({ status: "unhealthy" });
    expect(emulator.calls.sendFax).toBe(0);
  });
});

test("a document that is no PDF is not taken for one", async () => {
  const { url } = await recordingServer(() => ({ json: { error: "soon" } }));
  const error = await failure(sinch({ ...account, baseUrl: url }).fetchDocument("a", transportCall()));
  expect(error.code).toBe("transport_unavailable");
});

test("a second account has a name of its own", () => {
  expect(sinch({ ...account, id: "sinch-eu" }).id).toBe("sinch-eu");
});

test("numbers, secrets and texts of the provider are in no log and no error", async () => {
  const logger = capturingLogger();
  const errors: unknown[] = [];
  for (const status of [400, 401, 404, 422, 429, 500]) {
    const { url } = await recordingServer(() => ({
      status,
      json: { code: String(status), message: `call Jane Doe at ${syntheticNumber(7)} with very-secret` },
    }));
    const transport = sinch({ ...account, apiSecret: "very-secret", baseUrl: url });
    const call = transportCall({ logger });
    const job = sendJob({ to: syntheticNumber(7) });
    errors.push(
      await failure(transport.send(job, call)),
      await failure(transport.getStatus("a", call)),
      await failure(transport.findByReference(job.attemptId, call, { to: job.to, submittedAt: new Date() })),
    );
  }
  const said = logger.text() + inspect(errors, { depth: 9 });
  expect(said).not.toMatch(/Jane|very-secret|2025550107/);
});

function withUser(url: string): string {
  return url.replace("//", `//${hook.webhookUser}:${hook.webhookPass}@`);
}

/** A host in small: hands what comes to the transport, keeps the events' keys and answers by Faxbot's rules. */
async function webhookServer(transport: FaxTransportV1, keys: string[]): Promise<{ url: string }> {
  const receive = async (headers: Headers, bytes: Buffer): Promise<number> => {
    const source = new Blob([new Uint8Array(bytes)]).stream() as ReadableStream<Uint8Array>;
    const body = webhookBody(source, { maxBytes: 10_000_000, memoryBytes: 100 });
    try {
      const webhook = { method: "POST", url: "https://fax.example.com/callbacks/sinch", headers, body };
      const result = await transport.receiveWebhook?.(webhook, transportCall());
      for (const event of result?.events ?? []) {
        const more = event.type === "status" ? event.report.reference : event.document && "with document";
        keys.push(`${event.key} ${more}`);
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
      void receive(headers, Buffer.concat(chunks)).then((status) => response.writeHead(status).end());
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
