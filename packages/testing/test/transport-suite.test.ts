import { describe, expect, test } from "vitest";
import {
  checkTransport,
  reasonToSkip,
  type SinchEmulator,
  startSinchEmulator,
  syntheticNumber,
  type TestTransport,
  type TransportCheckName,
  type TransportPeer,
  type TransportSuite,
  testTransport,
  transportCheckNames,
} from "../src/index.ts";
import { describeTransport } from "../src/vitest/describe-transport.ts";
import { type Defect, toyHook, toyManifest, toyTransport } from "./toy-transport.ts";

interface ToyPeer extends TransportPeer {
  emulator: SinchEmulator;
}

/** The suite for a toy with one defect. */
function toySuite(defect?: Defect): TransportSuite<ToyPeer> {
  const outbound = (emulator: SinchEmulator): number =>
    emulator.faxes.filter(({ direction }) => direction === "OUTBOUND").length;
  return {
    manifest: toyManifest,
    async create() {
      const emulator = await startSinchEmulator({ completeAfterMs: 5 });
      return {
        emulator,
        transport: toyTransport({ emulator, defect }),
        faxesTaken: () => outbound(emulator),
        secrets: [emulator.keySecret, toyHook.pass],
        stop: () => emulator.stop(),
      };
    },
    // The defects that never end are seen soon; all run at the same time, so a slow machine needs some patience.
    patienceMs: defect ? 3_000 : 5_000,
    scenarios: {
      accepted: () => {},
      busy: ({ emulator }) => emulator.script(syntheticNumber(50), "busy"),
      unauthorized: ({ emulator }) =>
        toyTransport({ emulator: { ...emulator, keySecret: "a-wrong-secret-0815" }, defect }),
      rateLimited: ({ emulator }) =>
        void emulator.fault({ operation: "sendFax", kind: "respond", status: 429 }),
      unavailable: ({ emulator }) => emulator.refuseConnections(),
      hangs: ({ emulator }) => void emulator.fault({ kind: "hang", times: Number.POSITIVE_INFINITY }),
      malformedReply: ({ emulator }) => void emulator.fault({ operation: "sendFax", kind: "malformed_json" }),
      unmappedStatus: ({ emulator }) => emulator.script(syntheticNumber(50), "unmapped"),
      responseLost: ({ emulator }) => void emulator.fault({ operation: "sendFax", kind: "reset_after" }),
      serverError: ({ emulator }) =>
        void emulator.fault({ operation: "sendFax", kind: "respond", status: 500, taken: true }),
      redirect: ({ emulator }, to) => void emulator.fault({ operation: "sendFax", kind: "redirect", to }),
      statusWebhook: () => {},
      receivedWebhook({ emulator }, url) {
        emulator.updateService({
          incomingWebhookUrl: url.replace("//", `//${toyHook.user}:${toyHook.pass}@`),
        });
        emulator.receiveFax();
      },
      receivedByRun: { impossible: "it has no run()" },
    },
  };
}

describeTransport("toy", toySuite());

/** Every defect, a check that has to catch it, and what it has to say. */
const defects: Record<Defect, [TransportCheckName, string]> = {
  lists_cancel_without_method: ["manifest", "the manifest lists cancel, but there is no cancel()"],
  has_cancel_unlisted: ["manifest", "there is a cancel(), but the manifest does not list cancel"],
  repeats_a_lost_send: ["responseLost", "the provider took 2 faxes instead of 1"],
  lost_reply_is_unavailable: [
    "responseLost",
    "send throws transport_unavailable, as if it were proven that the fax was not taken",
  ],
  refused_connection_is_unknown: [
    "unavailable",
    "send throws outcome_unknown instead of transport_unavailable",
  ],
  wrong_key_is_unknown: ["unauthorized", "send throws outcome_unknown instead of transport_unauthorized"],
  limit_is_unknown: ["rateLimited", "send throws outcome_unknown instead of transport_rate_limited"],
  server_error_is_rejected: [
    "serverError",
    "send throws transport_rejected, as if it were proven that the fax was not taken",
  ],
  ignores_signal: ["hangs", "send goes on after its signal was aborted"],
  sends_when_aborted: ["aborted", "send succeeds although its signal was aborted before"],
  malformed_reply_is_a_fax: ["malformedReply", "send succeeds although the answer could not be read"],
  unmapped_is_delivered: ["unmappedStatus", "a status word that is not known is read as delivered"],
  unmapped_is_failed: ["unmappedStatus", "a status word that is not known is read as failed"],
  busy_throws: ["busy", "a busy fax is never reported as failed"],
  busy_is_line_error: ["busy", "busy is reported as line_error"],
  failure_without_reason: ["busy", "a failed report does not say why"],
  follows_redirects_with_credentials: ["redirect", "credentials follow a redirect to another host"],
  secret_in_error: ["responseLost", "a secret is in a thrown error or its cause"],
  number_in_log: ["accepted", "the destination's number is in the log"],
  authorization_in_cause: ["unauthorized", "an Authorization header is in a thrown error or its cause"],
  document_in_log: ["accepted", "the document's text is in the log"],
  ignores_options: ["options", "an option that does not exist is ignored"],
  health_throws: ["unavailable", "checkHealth throws instead of reporting"],
  health_is_always_fine: ["unauthorized", "checkHealth says healthy, not unhealthy"],
  health_sends_a_fax: ["healthy", "the provider took 1 faxes instead of 0"],
  unknown_id_is_queued: ["accepted", "getStatus reports a fax that the provider does not know"],
  sends_no_reference: ["accepted", "findByReference does not find a fax that was sent"],
  finds_any_reference: ["accepted", "findByReference finds a fax for a reference that was never used"],
  throws_plain_errors: [
    "rateLimited",
    "send throws a Error, not a FaxError, instead of transport_rate_limited",
  ],
  accepts_unsigned_webhooks: ["statusWebhook", "a webhook without its proof is accepted"],
  compares_a_prefix: ["receivedWebhook", "a webhook with the end of its proof missing is accepted"],
  compares_without_case: ["statusWebhook", "a webhook with one bit of its proof flipped is accepted"],
  malformed_webhook_is_empty: ["receivedWebhook", "a webhook with a broken body is accepted"],
  reads_before_verifying: ["statusWebhook", "the body of a webhook without credentials is read"],
  random_event_keys: ["statusWebhook", "the same webhook has another key the second time"],
  webhook_names_another_fax: ["statusWebhook", "a report names another fax"],
  wrong_hash: ["documents", "a document's sha256 is not that of its bytes"],
  opens_once: ["receivedWebhook", "a document cannot be read a second time"],
  unsafe_file_name: ["documents", "a document's file name is not a safe base name"],
  range_is_exclusive: ["documents", "a document's range is not inclusive at both ends"],
  delete_twice_fails: ["documents", "deleting a document twice is an error"],
  delete_does_nothing: ["documents", "a deleted document can still be fetched"],
};

describe("a broken transport is caught", () => {
  test.concurrent.each(Object.entries(defects))("%s", async (defect, [check, sentence]) => {
    expect(await checkTransport(toySuite(defect as Defect), check)).toContain(sentence);
  });
});

interface TestPeer extends TransportPeer {
  test: TestTransport;
}

const secret = "a-secret-of-the-webhook";

/** The suite for the test transport, which has `run` and `cancel` besides. */
function testSuite(change?: (transport: TestTransport) => void): TransportSuite<TestPeer> {
  const post = (url: string, body: object): Promise<Response> =>
    fetch(url, { method: "POST", headers: { "x-internal-secret": secret }, body: JSON.stringify(body) });
  return {
    manifest: testTransport.manifest,
    create() {
      const transport = testTransport({ webhookSecret: secret });
      change?.(transport);
      return {
        test: transport,
        transport,
        faxesTaken: () => transport.faxes.length,
        secrets: [secret],
        stop: async () => {},
      };
    },
    patienceMs: change ? 1_000 : 5_000,
    scenarios: {
      accepted: () => {},
      busy: ({ test: transport }) => transport.next("busy"),
      unauthorized: ({ test: transport }) => {
        transport.next("unauthorized");
        transport.health = { status: "unhealthy", message: "refused" };
      },
      rateLimited: { impossible: "no status proves a rate limit where there is no HTTP" },
      unavailable: ({ test: transport }) => {
        transport.next("unavailable");
        transport.health = { status: "unhealthy", message: "not reachable" };
      },
      hangs: ({ test: transport }) => {
        transport.next("hangs");
        transport.health = { status: "unhealthy", message: "no answer" };
      },
      malformedReply: ({ test: transport }) => transport.next("lost_reply"),
      unmappedStatus: ({ test: transport }) => transport.next("unmapped"),
      responseLost: ({ test: transport }) => transport.next("lost_reply"),
      serverError: { impossible: "there are no errors without HTTP" },
      redirect: { impossible: "it makes no call" },
      statusWebhook: async (_peer, { url, sent }) =>
        void (await post(url, { provider_id: sent.providerId, status: "delivered", pages: 1 })),
      receivedWebhook: async (_peer, url) => void (await post(url, { to_number: "+12025550101", id: "one" })),
      receivedByRun: ({ test: transport }) => void transport.receive(),
      statusByRun: () => {},
      unfinished: ({ test: transport }) => transport.next("stuck"),
    },
  };
}

describeTransport("test", testSuite());

describe("a broken run() or cancel() is caught", () => {
  const broken: [string, TransportCheckName, (transport: TestTransport) => void][] = [
    [
      "a run that goes on after its signal",
      "accepted",
      (transport) => {
        transport.run = () => new Promise(() => {});
      },
    ],
    [
      "a run that forgets what the host could not store",
      "receivedByRun",
      (transport) => {
        const run = transport.run?.bind(transport);
        transport.run = (host) =>
          run?.({ ...host, emit: (event) => host.emit(event).catch(() => {}) }) ?? Promise.resolve();
      },
    ],
    [
      "a run that forgets the end of a fax that the host could not store",
      "statusByRun",
      (transport) => {
        const run = transport.run?.bind(transport);
        transport.run = (host) =>
          run?.({ ...host, emit: (event) => host.emit(event).catch(() => {}) }) ?? Promise.resolve();
      },
    ],
    [
      "a cancel that does nothing",
      "canceled",
      (transport) => {
        transport.cancel = async (providerId) => ({ providerId, status: "in_progress", providerStatus: "x" });
      },
    ],
    [
      "a cancel that knows every id",
      "cancel",
      (transport) => {
        transport.cancel = async (providerId) => ({ providerId, status: "canceled", providerStatus: "x" });
      },
    ],
    [
      "a report without the provider's word",
      "cancel",
      (transport) => {
        transport.cancel = async (providerId) => ({ providerId, status: "canceled", providerStatus: "" });
      },
    ],
  ];
  test.each(broken)("%s by %s", async (_name, check, change) => {
    expect(await checkTransport(testSuite(change), check)).not.toEqual([]);
  });
});

test("a scenario that the manifest promises cannot be declared impossible", async () => {
  const suite = toySuite();
  suite.scenarios.statusWebhook = { impossible: "too much work" };
  expect(await checkTransport(suite, "manifest")).toEqual([
    "the scenario statusWebhook is declared impossible, but the manifest promises it",
  ]);
  expect(reasonToSkip(suite as unknown as TransportSuite<never>, "statusWebhook")).toBe("too much work");
  expect(reasonToSkip(suite as unknown as TransportSuite<never>, "cancel")).toBe(
    "the manifest lists no cancel",
  );
  expect(transportCheckNames.length).toBeGreaterThan(15);
});
