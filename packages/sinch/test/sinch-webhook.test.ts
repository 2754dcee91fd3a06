import { isFaxError, readDocument, type TransportEvent, type WebhookRequest } from "@faxbot/core/transport";
import { syntheticPdf, transportCall, webhookRequest, writeMultipart } from "@faxbot/testing";
import { recordingServer } from "@faxbot/testing/vitest";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type SinchOptions, sinch } from "../src/index.ts";
import { basicVectors, negativeVectors } from "./sinch-vectors.ts";

const account = { projectId: "p", apiKey: "key", apiSecret: "secret" };
const url = "https://hooks.example.com/callbacks/sinch?attempt=0123456789abcdef0123456789abcdef";
const [s1] = basicVectors;
const authorized = { authorization: s1.header };
const attemptId = "0123456789abcdef0123456789abcdef";
const pdf = Buffer.from(syntheticPdf());
const hooked = (more: Partial<SinchOptions> = {}) =>
  sinch({ ...account, webhookUser: s1.user, webhookPass: s1.pass, ...more });
const receive = (request: WebhookRequest, more: Partial<SinchOptions> = {}) =>
  hooked(more).receiveWebhook(request, transportCall());

const inbound = {
  id: "01J0000000000000000000FAX2",
  direction: "INBOUND",
  from: "+12025550101",
  to: "+12025550102",
  numberOfPages: 2,
  status: "COMPLETED",
  createTime: "2026-01-15T15:00:00Z",
  completedTime: "2026-01-15T15:01:00Z",
  hasFile: true,
};
const outbound = {
  id: "01J0000000000000000000FAX1",
  direction: "OUTBOUND",
  to: "+12025550103",
  status: "COMPLETED",
  pagesSentSuccessfully: 1,
  labels: { faxbot_attempt: attemptId },
};
const json = (body: object, headers: Record<string, string> = authorized) =>
  webhookRequest(url, JSON.stringify(body), { headers: { ...headers, "content-type": "application/json" } });
/** A form as Sinch sends it; a value that is bytes is a file. */
const form = (parts: [name: string, content: string | Buffer, contentType?: string][]) => {
  const encoded = writeMultipart(
    parts.map(([name, content, contentType]) =>
      typeof content === "string"
        ? { name, content, ...(contentType ? { contentType } : {}) }
        : { name, content, fileName: "x.pdf", contentType: contentType ?? "application/pdf" },
    ),
  );
  return webhookRequest(url, encoded.body, {
    headers: { ...authorized, "content-type": encoded.contentType },
  });
};
const received = async (request: WebhookRequest): Promise<Extract<TransportEvent, { type: "received" }>> => {
  const [event, ...more] = (await receive(request)).events;
  if (event?.type !== "received" || more.length > 0) throw new Error("expected one received fax");
  return event;
};
const codeOf = async (promise: Promise<unknown>) => {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return isFaxError(error) ? error.code : error;
};

describe("who may call", () => {
  /** A body that fails the test when it is touched. */
  const untouchable = (headers: Record<string, string>): WebhookRequest => ({
    method: "POST",
    url,
    headers: new Headers({ "content-type": "application/json", ...headers }),
    body: {
      bytes: () => Promise.reject(new Error("the body was read")),
      stream: () => Promise.reject(new Error("the body was read")),
    },
  });

  test.each(basicVectors)("vector $name", async ({ user, pass, header }) => {
    const body = JSON.stringify({ event: "INCOMING_FAX", fax: inbound });
    const request = webhookRequest(url, body, {
      headers: { "content-type": "application/json", authorization: header },
    });
    const result = await sinch({ ...account, webhookUser: user, webhookPass: pass }).receiveWebhook(
      request,
      transportCall(),
    );
    expect(result.events).toHaveLength(1);
  });

  test.each(negativeVectors)("negative vector: %s; the body is not read", async (_, header) => {
    const request = untouchable(header === undefined ? {} : { authorization: header });
    expect(await codeOf(receive(request))).toBe("webhook_unverified");
  });

  test("without configured credentials nobody may", async () => {
    const request = untouchable(authorized);
    const transport = sinch(account);
    expect(await codeOf(transport.receiveWebhook(request, transportCall()))).toBe("webhook_unverified");
  });

  test("the previous password counts during a rotation", async () => {
    const rotating = { webhookPass: "new", previousWebhookPass: s1.pass };
    expect((await receive(json({ event: "INCOMING_FAX", fax: inbound }), rotating)).events).toHaveLength(1);
    expect(await codeOf(receive(untouchable(authorized), { webhookPass: "new" }))).toBe("webhook_unverified");
  });

  test("a password with other characters counts decoded and as it stands in the URL", async () => {
    for (const pass of ["p@ss/wörd", encodeURIComponent("p@ss/wörd")]) {
      const authorization = `Basic ${Buffer.from(`faxhook:${pass}`).toString("base64")}`;
      const request = json({ event: "INCOMING_FAX", fax: inbound }, { authorization });
      expect((await receive(request, { webhookPass: "p@ss/wörd" })).events).toHaveLength(1);
    }
  });

  test("one flipped bit, another length or another case is refused", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...basicVectors),
        fc.nat(),
        fc.nat(6),
        fc.constantFrom("flip", "drop", "double", "case"),
        async ({ user, pass, header }, at, bit, kind) => {
          const index = 6 + (at % (header.length - 6));
          const letter = header.charAt(index);
          const other = {
            flip: String.fromCharCode(letter.charCodeAt(0) ^ (1 << bit)),
            drop: "",
            double: letter + letter,
            case: letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
          }[kind];
          fc.pre(other !== letter && /^[\x21-\x7e]*$/.test(other));
          const changed = header.slice(0, index) + other + header.slice(index + 1);
          const transport = sinch({ ...account, webhookUser: user, webhookPass: pass });
          const call = transport.receiveWebhook(untouchable({ authorization: changed }), transportCall());
          expect(await codeOf(call)).toBe("webhook_unverified");
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("a received fax", () => {
  const whole = {
    type: "received",
    key: "INCOMING_FAX:01J0000000000000000000FAX2",
    providerId: "01J0000000000000000000FAX2",
    from: "+12025550101",
    to: "+12025550102",
    pages: 2,
    occurredAt: new Date("2026-01-15T15:01:00Z"),
  };
  const file = pdf.toString("base64");

  test.each([
    [
      "JSON, file",
      json({ event: "INCOMING_FAX", eventTime: "2026-01-15T15:01:01Z", fax: inbound, file, fileType: "PDF" }),
    ],
    ["JSON, files", json({ event: "INCOMING_FAX", fax: inbound, files: [{ file, fileType: "PDF" }] })],
    ["JSON, fax as a text", json({ event: "INCOMING_FAX", fax: JSON.stringify(inbound), file })],
    [
      "JSON, numbers and flags as texts",
      json({
        event: ["INCOMING_FAX"],
        fax: { ...inbound, numberOfPages: "2", hasFile: "true" },
        file: [file],
      }),
    ],
    [
      "JSON, fields that nobody knows",
      json({ event: "INCOMING_FAX", fax: { ...inbound, pricePerPage: "0.05", new: {} }, file, more: 1 }),
    ],
    [
      "form",
      form([
        ["event", "INCOMING_FAX"],
        ["eventTime", "2026-01-15T15:01:01Z"],
        ["fax", JSON.stringify(inbound), "application/json"],
        ["file", pdf],
      ]),
    ],
    [
      "form, event as JSON",
      form([
        ["event", '"INCOMING_FAX"', "application/json"],
        ["fax", JSON.stringify(inbound)],
        ["file", pdf],
      ]),
    ],
    [
      "form, file first",
      form([
        ["file", pdf],
        ["fax", JSON.stringify(inbound)],
        ["event", "INCOMING_FAX"],
      ]),
    ],
    [
      "form, part named files",
      form([
        ["event", "INCOMING_FAX"],
        ["fax", JSON.stringify(inbound)],
        ["files", pdf, "application/octet-stream"],
      ]),
    ],
  ])("with its document: %s", async (_, request) => {
    const { document, ...event } = await received(request);
    expect(event).toEqual(whole);
    if (!document) throw new Error("expected the document");
    expect(document).toMatchObject({ mediaType: "application/pdf", fileName: "fax.pdf", size: pdf.length });
    expect(pdf.equals(await readDocument(document))).toBe(true);
    expect(pdf.equals(await readDocument(document)), "again").toBe(true);
    await document.dispose?.();
  });

  test.each([
    ["JSON, no file", json({ event: "INCOMING_FAX", fax: inbound })],
    [
      "JSON, no PDF",
      json({ event: "INCOMING_FAX", fax: inbound, file: Buffer.from("<html>").toString("base64") }),
    ],
    ["JSON, an empty file", json({ event: "INCOMING_FAX", fax: inbound, file: "" })],
    ["JSON, a broken file", json({ event: "INCOMING_FAX", fax: inbound, file: { a: 1 }, files: "x" })],
    [
      "form, no file",
      form([
        ["event", "INCOMING_FAX"],
        ["fax", JSON.stringify(inbound)],
      ]),
    ],
    [
      "form, no PDF",
      form([
        ["event", "INCOMING_FAX"],
        ["fax", JSON.stringify(inbound)],
        ["file", Buffer.from("GIF89a")],
      ]),
    ],
    [
      "form, an empty file",
      form([
        ["event", "INCOMING_FAX"],
        ["fax", JSON.stringify(inbound)],
        ["file", Buffer.alloc(0)],
      ]),
    ],
  ])("without a usable document it is fetched later: %s", async (_, request) => {
    expect(await received(request)).toEqual(whole);
  });

  test("a small fax object is enough; numbers that are none are left out", async () => {
    const bare = json({ event: "INCOMING_FAX", fax: { id: 77, from: "anonymous", to: "" } });
    expect(await received(bare)).toEqual({ type: "received", key: "INCOMING_FAX:77", providerId: "77" });
  });

  test("a call that broke after its first page is partial, one before it is nothing", async () => {
    const failed = { ...inbound, status: "FAILURE", errorType: "FAX_ERROR", errorCode: 20 };
    expect(await received(json({ event: "INCOMING_FAX", fax: failed }))).toEqual({ ...whole, partial: true });
    const nothing = { ...failed, numberOfPages: 0, hasFile: false };
    expect((await receive(json({ event: "INCOMING_FAX", fax: nothing }))).events).toEqual([]);
  });

  test("reported as completed it is the same event", async () => {
    expect(await received(json({ event: "FAX_COMPLETED", fax: inbound }))).toEqual(whole);
  });
});

describe("a completed fax", () => {
  const report = {
    providerId: "01J0000000000000000000FAX1",
    status: "delivered",
    providerStatus: "COMPLETED",
    reference: attemptId,
    pages: 1,
    occurredAt: new Date("2026-01-15T15:02:00Z"),
  };
  const eventTime = "2026-01-15T15:02:00Z";

  test.each([
    [
      "JSON, files",
      json({
        event: "FAX_COMPLETED",
        eventTime,
        fax: outbound,
        files: [{ file: pdf.toString("base64"), fileType: "PDF" }],
      }),
    ],
    [
      "JSON, file",
      json({
        event: "FAX_COMPLETED",
        eventTime,
        fax: outbound,
        file: pdf.toString("base64"),
        fileType: "PDF",
      }),
    ],
    ["JSON, neither", json({ event: "FAX_COMPLETED", eventTime, fax: outbound })],
    [
      "form",
      form([
        ["event", "FAX_COMPLETED"],
        ["eventTime", eventTime],
        ["fax", JSON.stringify(outbound)],
        ["file", pdf],
      ]),
    ],
    [
      "form, file first",
      form([
        ["file", pdf],
        ["event", "FAX_COMPLETED"],
        ["eventTime", eventTime],
        ["fax", JSON.stringify(outbound)],
      ]),
    ],
    ["no direction", json({ event: "FAX_COMPLETED", eventTime, fax: { ...outbound, direction: undefined } })],
  ])("%s", async (_, request) => {
    expect((await receive(request)).events).toEqual([
      { type: "status", key: "FAX_COMPLETED:01J0000000000000000000FAX1:COMPLETED", report },
    ]);
  });

  test("is sent for failures too", async () => {
    const failed = {
      ...outbound,
      status: "FAILURE",
      errorType: "CALL_ERROR",
      errorCode: "17",
      errorMessage: "Jane",
      pagesSentSuccessfully: 0,
    };
    const { events } = await receive(json({ event: "FAX_COMPLETED", fax: failed }));
    expect(events).toEqual([
      {
        type: "status",
        key: "FAX_COMPLETED:01J0000000000000000000FAX1:FAILURE",
        report: {
          providerId: "01J0000000000000000000FAX1",
          status: "failed",
          providerStatus: "FAILURE",
          reference: attemptId,
          pages: 0,
          failure: { reason: "busy", retryable: true, providerCode: "CALL_ERROR/17" },
        },
      },
    ]);
  });

  test("delivered again, later and in another coat, it has the same key", async () => {
    const keys = await Promise.all(
      [
        json({ event: "FAX_COMPLETED", eventTime, fax: outbound }),
        json({
          event: "FAX_COMPLETED",
          eventTime: "2026-01-15T15:07:00Z",
          fax: { ...outbound, price: { currencyCode: "USD", amount: "0.07" } },
        }),
        form([
          ["event", '"FAX_COMPLETED"'],
          ["fax", JSON.stringify(outbound)],
        ]),
      ].map(async (request) => (await receive(request)).events[0]?.key),
    );
    expect(new Set(keys).size).toBe(1);
  });

  test("events that are not documented mean nothing, and are no error", async () => {
    for (const event of ["FAX_IN_PROGRESS", "PAGE_SENT", "", "incoming_fax"]) {
      expect(await receive(json({ event, fax: outbound }))).toEqual({ events: [] });
    }
    expect(await receive(json({ event: "INCOMING_FAX", fax: outbound })), "an outbound fax").toEqual({
      events: [],
    });
  });
});

describe("what cannot be read", () => {
  const multipart = (body: string) =>
    webhookRequest(url, body, {
      headers: { ...authorized, "content-type": "multipart/form-data; boundary=x" },
    });
  test.each([
    ["no JSON", webhookRequest(url, "{", { headers: { ...authorized, "content-type": "application/json" } })],
    ["no object", json([])],
    ["no event", json({ fax: outbound })],
    ["no fax", json({ event: "FAX_COMPLETED" })],
    ["no id", json({ event: "FAX_COMPLETED", fax: { ...outbound, id: undefined } })],
    ["an id that leads elsewhere", json({ event: "FAX_COMPLETED", fax: { ...outbound, id: "../x" } })],
    ["an id that is a text", json({ event: "FAX_COMPLETED", fax: { ...outbound, id: "Jane Doe" } })],
    ["a form without an event", form([["fax", JSON.stringify(outbound)]])],
    ["a form without a fax", form([["event", "FAX_COMPLETED"]])],
    [
      "a form whose fax is no JSON",
      form([
        ["event", "FAX_COMPLETED"],
        ["fax", "{"],
      ]),
    ],
    ["half a form", multipart('--x\r\nContent-Disposition: form-data; name="event"\r\n\r\nFAX')],
    [
      "another type",
      webhookRequest(url, "a=1", {
        headers: { ...authorized, "content-type": "application/x-www-form-urlencoded" },
      }),
    ],
    ["no type", webhookRequest(url, "{}", { headers: authorized })],
    ["another method", webhookRequest(url, "", { method: "GET", headers: authorized })],
  ])("%s", async (_, request) => {
    expect(await codeOf(receive(request))).toBe("webhook_malformed");
  });

  test("whatever is in the JSON, the answer is events or a typed error", async () => {
    const values = fc.oneof(fc.jsonValue(), fc.constant(inbound), fc.constant(outbound));
    const bodies = fc.record(
      {
        event: fc.oneof(fc.constantFrom("INCOMING_FAX", "FAX_COMPLETED"), fc.jsonValue()),
        eventTime: fc.jsonValue(),
        fax: values,
        file: fc.oneof(fc.base64String(), fc.jsonValue()),
        files: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(bodies, fc.jsonValue()), async (body) => {
        const request = webhookRequest(url, JSON.stringify(body), {
          headers: { ...authorized, "content-type": "application/json" },
        });
        const outcome = await receive(request).catch((error: unknown) => error);
        if (!isFaxError(outcome, "webhook_malformed")) expect(outcome).toHaveProperty("events");
      }),
      { numRuns: 1000 },
    );
  });
});

describe("without verification a webhook is only a hint", () => {
  /** The API, which knows two faxes. */
  const api = () =>
    recordingServer(({ target }) => {
      const fax = [inbound, { ...outbound, status: "FAILURE", errorType: "CALL_ERROR", errorCode: 17 }].find(
        (each) => target.endsWith(`/faxes/${each.id}`),
      );
      return fax ? { json: fax } : { status: 404 };
    });
  const hint = async (baseUrl: string, body: object) =>
    (
      await sinch({ ...account, baseUrl, verifySignature: false }).receiveWebhook(
        json(body, {}),
        transportCall(),
      )
    ).events;

  test("what happened is asked of Sinch: nothing else in the call counts", async () => {
    const { url: baseUrl, requests } = await api();
    const lie = { ...inbound, from: "+12025550199", to: "+12025550198", status: "FAILURE" };
    const [event, ...more] = await hint(baseUrl, {
      event: "FAX_COMPLETED",
      fax: lie,
      file: pdf.toString("base64"),
    });
    expect(more).toEqual([]);
    expect(event).toMatchObject({ type: "received", from: "+12025550101", to: "+12025550102" });
    expect(event).not.toHaveProperty("document");
    expect(requests.map((request) => request.target)).toEqual([
      "/v3/projects/p/faxes/01J0000000000000000000FAX2",
    ]);
  });

  test("a lie about a sent fax changes nothing", async () => {
    const { url: baseUrl } = await api();
    expect(await hint(baseUrl, { event: "INCOMING_FAX", fax: outbound })).toEqual([
      expect.objectContaining({ type: "status", report: expect.objectContaining({ status: "failed" }) }),
    ]);
  });

  test("a fax that Sinch does not know, or is still on its way, means nothing", async () => {
    const { url: baseUrl } = await api();
    expect(await hint(baseUrl, { event: "FAX_COMPLETED", fax: { id: "unknown" } })).toEqual([]);
    const { url: busy } = await recordingServer(() => ({ json: { ...outbound, status: "IN_PROGRESS" } }));
    expect(await hint(busy, { event: "FAX_COMPLETED", fax: outbound })).toEqual([]);
  });

  test("when Sinch cannot be asked the call fails, so that Sinch calls again", async () => {
    const { url: baseUrl } = await recordingServer(() => ({ status: 503 }));
    expect(await codeOf(hint(baseUrl, { event: "FAX_COMPLETED", fax: outbound }))).toBe(
      "transport_unavailable",
    );
  });
});
