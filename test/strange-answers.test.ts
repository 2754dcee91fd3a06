import {
  documentFromBytes,
  type FaxTransportV1,
  isFaxError,
  type StatusReport,
  type TransportEvent,
} from "@faxbot/core";
import { humblefax } from "@faxbot/humblefax";
import { phaxio } from "@faxbot/phaxio";
import { signalwire } from "@faxbot/signalwire";
import { sinch } from "@faxbot/sinch";
import { capturingLogger, transportCall, transportHost, webhookRequest } from "@faxbot/testing";
import fc from "fast-check";
import { expect, it } from "vitest";

// Whatever a provider answers, a transport makes a sane report of it or throws an error of ours, and repeats no text of
// the provider. What it answers to a fax that was handed over never passes for a refusal.

const runs = process.env.FAXBOT_FUZZ === "full" ? 2_500 : 150;
const attemptId = "a".repeat(32);
const planted = "Jane Doe +12025559999";
const time = "2026-01-15T09:00:00Z";
const json = { headers: { "content-type": "application/json" } };
const form = { headers: { "content-type": "application/x-www-form-urlencoded" } };
const hooks = "https://fax.example.com/callbacks/x";

/** A transport that believes no webhook, an answer with all that it reads, and a call about one fax. */
const providers = {
  sinch: {
    transport: () => sinch({ projectId: "p", apiKey: "k", apiSecret: "s", verifySignature: false }),
    hook: () => webhookRequest(hooks, '{"event":"FAX_COMPLETED","fax":{"id":"F1"}}', json),
    answer: {
      ...{ id: "F1", direction: "OUTBOUND", from: "+12025550101", to: "+12025550102", status: "FAILURE" },
      ...{ numberOfPages: 2, pagesSentSuccessfully: 1, price: { currencyCode: "USD", amount: "0.07" } },
      ...{ createTime: time, completedTime: time, errorType: "CALL_ERROR", errorCode: 17, hasFile: true },
      ...{ labels: { faxbot_attempt: attemptId }, faxes: [{ id: "F2" }], page: 1, totalPages: 3 },
      details: { fieldViolations: [{ field: "to" }] },
    },
  },
  phaxio: {
    transport: () =>
      phaxio({ apiKey: "k", apiSecret: "s", verifySignature: false, inboundVerifySignature: false }),
    hook: () => webhookRequest(hooks, "fax=%7B%22id%22%3A7%7D", form),
    answer: {
      success: true,
      data: {
        ...{
          id: 7,
          direction: "sent",
          num_pages: 2,
          status: "failure",
          created_at: time,
          completed_at: time,
        },
        ...{ cost: 14, tags: { faxbot_attempt: attemptId }, error_id: 17, error_type: "lineError" },
        recipients: [{ status: "failure", error_id: 17, error_type: "lineError" }],
      },
      paging: { per_page: 25 },
    },
  },
  signalwire: {
    transport: () =>
      signalwire({
        ...{ spaceUrl: "example", projectId: "p", apiToken: "t", from: "+12025550101" },
        ...{ verifySignature: false, inboundPollSeconds: 1 },
      }),
    hook: () => webhookRequest(`${hooks}?attempt=1`, "FaxSid=abc&FaxStatus=failed", form),
    answer: {
      ...{ sid: "abc", status: "failed", direction: "inbound", from: "+12025550101", to: "+12025550102" },
      ...{
        num_pages: "2",
        price: "-0.005",
        price_unit: "USD",
        media_sid: "m",
        media_url: "http://127.0.0.1/",
      },
      ...{ error_code: "34004", error_message: "Connection Failed", date_created: time, date_updated: time },
      ...{ faxes: [{ sid: "abc" }], next_page_uri: "/x?Page=1&PageToken=t", code: 21211, errors: ["x"] },
    },
  },
  humblefax: {
    transport: () => humblefax({ accessKey: "k", secretKey: "s", verifySignature: false, inbound: true }),
    hook: () => webhookRequest(hooks, '{"type":"SentFax.SendComplete","data":{"SentFax":{"id":1}}}', json),
    answer: {
      result: "success",
      data: {
        fax: { id: 9, status: ["in progress"], numPages: "1" },
        sentFax: {
          ...{ id: 9, status: "failure", uuid: attemptId, numPages: "2" },
          recipients: [{ attempts: [{ numPagesSent: 1, failureReason: "busy", calls: [{ timeStop: 1 }] }] }],
        },
        sentFaxIds: [1, "2"],
        incomingFaxIds: [1],
        incomingFax: { id: 1, status: "success", time: "1700000000", toNumber: 12025550101, numPages: "1" },
        incomingFaxes: [],
      },
    },
  },
} satisfies Record<string, { transport(): FaxTransportV1; hook(): unknown; answer: object }>;

type Path = readonly string[];

const strange = fc.oneof(
  ...[null, planted, [], {}, "", "\0", "__proto__", "1e999", -1, 2 ** 31, 1e300, true, [[[]]]].map((value) =>
    fc.constant<unknown>(value),
  ),
  fc.constant("x".repeat(5_000)),
  fc.constant("+200000-01-01T00:00:00Z"),
  fc.integer(),
  fc.bigInt().map(String),
  fc.string({ unit: "binary" }),
  fc.jsonValue(),
);

function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...path, key]))];
}

function withValue(tree: unknown, [key, ...rest]: Path, value: unknown): unknown {
  if (key === undefined || typeof tree !== "object" || tree === null) return value;
  const copy = (Array.isArray(tree) ? [...(tree as unknown[])] : { ...tree }) as Record<string, unknown>;
  copy[key] = withValue(copy[key], rest, value);
  return copy;
}

/** The answer with some of its values replaced, mostly; sometimes cut off or none at all. */
function strangeAnswers(answer: object): fc.Arbitrary<string> {
  const changes = fc.array(fc.tuple(fc.constantFrom(...pathsOf(answer)), strange), { maxLength: 4 });
  const changed = changes.map(
    (all) =>
      JSON.stringify(all.reduce<unknown>((tree, [path, value]) => withValue(tree, path, value), answer)) ??
      "",
  );
  return fc.oneof(
    { weight: 8, arbitrary: changed },
    { weight: 1, arbitrary: changed.map((text) => text.slice(0, -3)) },
    { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
  );
}

function expectSane(report: StatusReport | undefined): void {
  if (!report) return;
  expect(["queued", "in_progress", "delivered", "failed", "canceled", "unmapped"]).toContain(report.status);
  expect(report.providerId).toMatch(/^[A-Za-z0-9_.-]{1,128}$/);
  expect(report.providerStatus.length).toBeLessThanOrEqual(64);
  expect(report.pages ?? 0).toBeGreaterThanOrEqual(0);
  expect(report.pages ?? 0).toBeLessThan(2 ** 31);
  expect(report.cost?.amount ?? "0").toMatch(/^\d{1,9}(\.\d{1,9})?$/);
  expect(report.occurredAt?.getUTCFullYear() ?? 2000).toBeLessThan(2100);
  expect(report.failure !== undefined).toBe(report.status === "failed");
  expect(JSON.stringify(report.failure ?? {})).not.toContain("Jane");
}

function expectSaneEvents(events: readonly TransportEvent[]): void {
  for (const event of events) {
    if (event.type === "status") expectSane(event.report);
    else expect(`${event.from ?? "+1"} ${event.to ?? "+1"}`).toMatch(/^\+\d+ \+\d+$/);
  }
}

const operations = [
  "send",
  "status",
  "find",
  "cancel",
  "webhook",
  "fetch",
  "delete",
  "health",
  "run",
] as const;

it.each(Object.entries(providers))(
  "whatever %s answers",
  { timeout: 120_000 },
  async (_, { transport, hook, answer }) => {
    const job = {
      ...{
        faxId: "f",
        attemptId,
        to: "+12025550102",
        documentUrl: "https://fax.example.com/f.pdf",
        options: {},
        earlierFailures: [],
      },
      document: documentFromBytes(Buffer.from("%PDF-1.4"), {
        mediaType: "application/pdf",
        fileName: "f.pdf",
      }),
    };
    const tryOut = async (operation: (typeof operations)[number], text: string, status: number) => {
      const logger = capturingLogger();
      const answering: typeof fetch = async (_input, init) => {
        if (init?.body) await new Response(init.body).arrayBuffer();
        return new Response(text, { status });
      };
      const made: FaxTransportV1 = transport();
      const call = transportCall({ fetch: answering, logger });
      try {
        if (operation === "send") expectSane(await made.send(job, call));
        if (operation === "status") expectSane(await made.getStatus?.("1", call));
        if (operation === "find") expectSane(await made.findByReference?.(attemptId, call));
        if (operation === "cancel") expectSane(await made.cancel?.("1", call));
        if (operation === "webhook")
          expectSaneEvents((await made.receiveWebhook?.(hook(), call))?.events ?? []);
        if (operation === "fetch") await (await made.fetchDocument?.("1", call))?.dispose?.();
        if (operation === "delete") await made.deleteDocument?.("1", call);
        if (operation === "health") expect((await made.checkHealth(call)).message).not.toContain("Jane");
        if (operation === "run") {
          const signal = AbortSignal.timeout(20);
          const host = transportHost({ fetch: answering, logger, signal });
          await made.run?.(host);
          expectSaneEvents(host.events);
        }
      } catch (error) {
        if (!isFaxError(error)) throw error;
        expect(`${error.message} ${JSON.stringify(error.failure ?? {})} ${logger.text()}`).not.toContain(
          "Jane",
        );
        if (operation === "send" && status < 400) expect(error.code).toBe("outcome_unknown");
      }
    };
    const statuses = fc.constantFrom(200, 200, 200, 201, 400, 402, 404, 422, 429, 500);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...operations), strangeAnswers(answer), statuses, tryOut),
      { numRuns: runs },
    );
  },
);
