import {
  documentFromBytes,
  type FaxError,
  isFaxError,
  readDocument,
  type SendJob,
  type TransportCall,
} from "@faxbot/core/transport";
import {
  capturingLogger,
  type SignalWireEmulatorOptions,
  sendJob,
  startSignalWireEmulator,
  syntheticNumber,
  syntheticPdf,
  transportCall,
} from "@faxbot/testing";
import { type RecordedAnswer, recordingServer } from "@faxbot/testing/vitest";
import { describe, expect, onTestFinished, test } from "vitest";
import { type SignalWireOptions, type SignalWireSendOptions, signalwire } from "../src/index.ts";
import { startDocumentHost } from "./document-host.ts";

const account = { projectId: "p", apiToken: "token", from: syntheticNumber(51), signingKey: "PSK" };
const documentUrl = "https://fax.example.com/fax/1/pdf?token=abc&tenant=acme";
const callbackUrl = "https://fax.example.com/callbacks/signalwire?attempt=1";
const faxes = "/api/laml/2010-04-01/Accounts/p/Faxes";

async function start(options: SignalWireEmulatorOptions = {}, more: Partial<SignalWireOptions> = {}) {
  const emulator = await startSignalWireEmulator(options);
  const documents = await startDocumentHost();
  onTestFinished(async () => {
    await emulator.stop();
    await documents.stop();
  });
  const { url: spaceUrl, projectId, apiToken, console } = emulator;
  const settings = { spaceUrl, projectId, apiToken, from: account.from, signingKey: console.signingKey };
  return { emulator, documents, transport: signalwire({ ...settings, ...more }) };
}

/** A transport whose provider answers from a table of shapes. */
async function against(
  answer: RecordedAnswer | ((target: string, method: string) => RecordedAnswer),
  more: Partial<SignalWireOptions> = {},
) {
  const { url: spaceUrl, requests } = await recordingServer(({ target, method }) =>
    typeof answer === "function" ? answer(target, method) : answer,
  );
  return { requests, transport: signalwire({ ...account, spaceUrl, ...more }) };
}

async function failure(promise: Promise<unknown>): Promise<FaxError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isFaxError(error)) throw new Error("expected a FaxError", { cause: error });
  return error;
}

/** Counts the slots that are taken of the limiter. */
function countingCall(): TransportCall & { slots(): number } {
  let slots = 0;
  const acquire = async () => {
    slots += 1;
  };
  return { ...transportCall({ limiter: { acquire, block: () => {} } }), slots: () => slots };
}

describe("send", () => {
  async function sentForm(job: Partial<SendJob>, more: Partial<SignalWireOptions> = {}) {
    const { transport, requests } = await against({ json: { sid: "fax-1", status: "queued" } }, more);
    const report = await transport.send(sendJob({ documentUrl, ...job }), transportCall());
    expect(requests).toHaveLength(1);
    return { report, request: requests[0], fields: [...new URLSearchParams(requests[0]?.body)] };
  }

  test("tells SignalWire where the document is", async () => {
    const { report, request, fields } = await sentForm({ to: syntheticNumber(50) });
    expect(request).toMatchObject({ method: "POST", target: faxes });
    expect(request?.headers).toMatchObject({
      "content-type": "application/x-www-form-urlencoded",
      authorization: `Basic ${Buffer.from("p:token").toString("base64")}`,
    });
    expect(fields).toEqual([
      ["To", syntheticNumber(50)],
      ["From", account.from],
      ["MediaUrl", documentUrl],
    ]);
    expect(request?.body).toContain("To=%2B1202");
    expect(report).toEqual({ providerId: "fax-1", status: "queued", providerStatus: "queued" });
  });

  test("carries every option of the API under its name", async () => {
    const options: SignalWireSendOptions = {
      quality: "superfine",
      storeMedia: false,
      ttl: 300,
      statusCallbackEvent: ["ringing", "completed"],
    };
    const { fields } = await sentForm({ from: syntheticNumber(9), callbackUrl, options });
    expect(fields.slice(1)).toEqual([
      ["From", syntheticNumber(9)],
      ["MediaUrl", documentUrl],
      ["Quality", "superfine"],
      ["StoreMedia", "false"],
      ["Ttl", "300"],
      ["StatusCallback", callbackUrl],
      ["StatusCallbackMethod", "POST"],
      ["StatusCallbackEvent", "ringing"],
      ["StatusCallbackEvent", "completed"],
    ]);
  });

  test.each([
    { quality: "best" },
    { storeMedia: "false" },
    { ttl: 4 },
    { ttl: 301 },
    { ttl: 5.5 },
    { statusCallbackEvent: [] },
    { statusCallbackEvent: ["ringing"] },
    { statusCallbackEvent: ["completed", "done"] },
    { sipAuthPassword: "secret" },
    { Quality: "fine" },
  ])("refuses %j before a fax is accepted, and again before the wire", async (options) => {
    const { transport, requests } = await against({});
    const job = sendJob({ documentUrl, options });
    expect(() => transport.checkJob(job)).toThrow(expect.objectContaining({ code: "request_invalid" }));
    expect(() => transport.checkJob(job)).not.toThrow(/secret|best|done/);
    expect(await failure(transport.send(job, transportCall()))).toMatchObject({
      code: "transport_rejected",
      failure: { retryable: false, providerCode: "invalid_options" },
    });
    expect(requests).toEqual([]);
  });

  test("refuses what can never be sent, as proven", async () => {
    const { transport, requests } = await against({});
    const tiff = documentFromBytes(Buffer.from("II*"), { mediaType: "image/tiff", fileName: "a.tif" });
    for (const [job, reason] of [
      [{ documentUrl, to: "202-555-0123" }, "invalid_number"],
      [{ documentUrl, document: tiff }, "document"],
      [{}, "document"],
    ] as const) {
      const error = await failure(transport.send(sendJob(job), transportCall()));
      expect(error).toMatchObject({ code: "transport_rejected", failure: { reason, retryable: false } });
    }
    expect(requests).toEqual([]);
  });

  test("asks for no callback that would be refused", async () => {
    const urlOf = async (more: Partial<SignalWireOptions>) =>
      Object.fromEntries((await sentForm({ callbackUrl }, more)).fields).StatusCallback;
    const basic = { webhookUser: "u", webhookPass: "a/b" };
    expect(await urlOf({})).toBe(callbackUrl);
    expect(await urlOf(basic)).toBe(callbackUrl);
    const { signingKey: _, ...keyless } = account;
    const of = async (more: Partial<SignalWireOptions>) => {
      const { url: spaceUrl, requests } = await recordingServer(() => ({ json: { sid: "a" } }));
      const transport = signalwire({ ...keyless, spaceUrl, ...more });
      await transport.send(sendJob({ documentUrl, callbackUrl }), transportCall());
      return new URLSearchParams(requests[0]?.body).get("StatusCallback");
    };
    expect(await of({})).toBeNull();
    expect(await of(basic)).toBe(callbackUrl.replace("//", "//u:a%2Fb@"));
    expect(await of({ verifySignature: false })).toBe(callbackUrl);
  });

  test.each([
    [400, { code: 21211 }, "transport_rejected", "invalid_number"],
    [401, { code: 20003 }, "transport_unauthorized", undefined],
    [403, {}, "outcome_unknown", undefined],
    [404, { code: 20404 }, "transport_rejected", "rejected"],
    [409, {}, "outcome_unknown", undefined],
    [422, { errors: [{ code: 21611 }] }, "transport_rejected", "unavailable"],
    [422, { errors: ["text"] }, "transport_rejected", "rejected"],
    [429, { code: 20429 }, "transport_rate_limited", undefined],
    [500, { code: 20504 }, "outcome_unknown", undefined],
    [503, {}, "outcome_unknown", undefined],
  ])("an answer of %i %j is %s", async (status, json, code, reason) => {
    const { transport, requests } = await against({ status, json });
    const error = await failure(transport.send(sendJob({ documentUrl }), transportCall()));
    expect([error.code, error.failure?.reason]).toEqual([code, reason]);
    expect(requests).toHaveLength(1);
  });

  test.each([{}, [], null, { sid: "" }, { sid: "a/b" }, { error: "x" }])(
    "an answer without a fax proves nothing: %j",
    async (json) => {
      const { transport } = await against({ json });
      expect((await failure(transport.send(sendJob({ documentUrl }), transportCall()))).code).toBe(
        "outcome_unknown",
      );
    },
  );

  test("the API's reply is taken with any success status", async () => {
    const { transport } = await against({ status: 201, json: { sid: "a", status: "queued" } });
    expect((await transport.send(sendJob({ documentUrl }), transportCall())).status).toBe("queued");
  });
});

describe("cancel", () => {
  test("stops a queued fax, and says when it is too late", async () => {
    const { emulator, documents, transport } = await start({
      completeAfterMs: Number.POSITIVE_INFINITY,
      callEveryMs: 60_000,
    });
    const first = await transport.send(documents.offer(sendJob()), transportCall());
    const second = await transport.send(documents.offer(sendJob()), transportCall());
    expect(await transport.cancel(second.providerId, transportCall())).toMatchObject({ status: "canceled" });
    emulator.finish(first.providerId);
    expect(await failure(transport.cancel(first.providerId, transportCall()))).toMatchObject({
      code: "transport_rejected",
      failure: { providerCode: "10000" },
    });
    expect((await failure(transport.cancel("unknown", transportCall()))).code).toBe("not_found");
  });
});

describe("the document of a fax", () => {
  const pdf = syntheticPdf({ text: "received" });

  test("is downloaded and deleted, each call with its own slot", async () => {
    const { emulator, transport } = await start({ console: { protectMedia: "basic" } });
    const { sid } = emulator.addFax({ direction: "inbound", status: "received" }, pdf);
    const call = countingCall();
    const document = await transport.fetchDocument(sid, call);
    expect(Buffer.from(await readDocument(document))).toEqual(Buffer.from(pdf));
    expect(document).toMatchObject({ mediaType: "application/pdf", fileName: "fax.pdf" });
    await document.dispose?.();
    expect(call.slots()).toBe(1);
    await transport.deleteDocument(sid, call);
    expect(call.slots()).toBe(2);
    await transport.deleteDocument(sid, call);
    expect((await failure(transport.fetchDocument(sid, call))).code).toBe("not_found");
    await transport.deleteDocument("unknown", call);
    expect(emulator.faxes).toHaveLength(1);
  });

  test("cannot be deleted while the fax is on its way", async () => {
    const { transport } = await against((_target, method) =>
      method === "DELETE"
        ? { status: 409, json: { code: 20009 } }
        : { json: { sid: "a", media_sid: "m", status: "sending" } },
    );
    expect((await failure(transport.deleteDocument("a", transportCall()))).code).toBe(
      "transport_unavailable",
    );
  });

  test.each([
    "https://169.254.169.254/latest/meta-data",
    "http://files.signalwire.com/a.pdf",
    "https://files.signalwire.com.evil.example/a.pdf",
    "https://evil-signalwire.com/a.pdf",
    "https://signalwire.com/a.pdf",
    "https://user:pass@files.signalwire.com/a.pdf",
    "https://files.signalwire.com:8443/a.pdf",
    "file:///etc/passwd",
  ])("is not fetched from %s", async (media_url) => {
    const { transport } = await against({ json: { sid: "a", status: "received", media_url } });
    const error = await failure(transport.fetchDocument("a", transportCall()));
    expect(error).toMatchObject({ code: "transport_rejected", failure: { retryable: false } });
    expect(error.message).not.toContain(media_url);
  });

  test("is found by a path of the space, and must be a PDF", async () => {
    let body = Buffer.from(pdf);
    const { transport, requests } = await against((target) =>
      target.startsWith("/media/")
        ? { body, headers: { "content-type": "application/pdf" } }
        : { json: { sid: "a", status: "received", media_url: "/media/x.pdf?v=1" } },
    );
    expect((await transport.fetchDocument("a", transportCall())).size).toBe(pdf.byteLength);
    expect(requests.at(-1)?.target).toBe("/media/x.pdf?v=1");
    body = Buffer.from("<html>");
    expect((await failure(transport.fetchDocument("a", transportCall()))).code).toBe("transport_unavailable");
  });

  test("that is not there is not found", async () => {
    const { transport } = await against({ json: { sid: "a", status: "received", media_url: null } });
    expect((await failure(transport.fetchDocument("a", transportCall()))).code).toBe("not_found");
  });
});

describe("the health check", () => {
  test.each([
    [200, "healthy"],
    [401, "unhealthy"],
    [404, "unhealthy"],
    [429, "unknown"],
    [500, "unhealthy"],
  ])("an answer of %i is %s", async (status, expected) => {
    const { transport, requests } = await against({ status, json: { faxes: [] } });
    expect(await transport.checkHealth(transportCall())).toMatchObject({ status: expected });
    expect(requests.map(({ method }) => method)).toEqual(["GET"]);
  });
});

test("no number, token or document is in the log or an error", async () => {
  const logger = capturingLogger();
  const { transport } = await against({ status: 422, json: { code: 21211, message: "to +12025550150" } });
  const to = "+12025550150";
  const error = await failure(transport.send(sendJob({ to, documentUrl }), transportCall({ logger })));
  const told = `${logger.text()} ${error.message} ${String(error.cause)}`;
  for (const secret of ["2025550150", "token=abc", account.apiToken, "PSK"])
    expect(told).not.toContain(secret);
});
