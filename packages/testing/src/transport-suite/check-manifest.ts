import { isDeepStrictEqual } from "node:util";
import { type Capability, type FaxTransportV1, transportManifestSchema } from "@faxbot/core/transport";
import { type SuiteContext, withPeer } from "./suite-context.ts";
import {
  isImpossible,
  type TransportPeer,
  type TransportScenarios,
  type TransportSuite,
} from "./transport-suite.ts";

const methodOf = {
  send: "send",
  get_status: "getStatus",
  find_by_reference: "findByReference",
  cancel: "cancel",
  webhook: "receiveWebhook",
  fetch_document: "fetchDocument",
  delete_document: "deleteDocument",
  run: "run",
} as const satisfies Record<Capability, keyof FaxTransportV1>;

/** The manifest fits the schema, says what the methods do and nothing else, and is plain data. */
export function checkManifest<Peer extends TransportPeer>(suite: TransportSuite<Peer>): Promise<string[]> {
  return withPeer(suite, suite.scenarios.accepted, async ({ transport, fail }: SuiteContext<Peer>) => {
    const { manifest } = transport;
    if (transport.specVersion !== "v1") fail("specVersion is not v1");
    if (!/^[a-z][a-z0-9_-]{1,63}$/.test(transport.id)) fail("the transport's id is not a lower-case word");
    if (!transportManifestSchema.safeParse(manifest).success) fail("the manifest does not fit the schema");
    if (!isDeepStrictEqual(manifest, suite.manifest))
      fail("the transport has another manifest than its package");
    if (!isDeepStrictEqual(JSON.parse(JSON.stringify(manifest)), manifest))
      fail("the manifest is not plain data");

    const { capabilities, traits, webhook, lookup } = manifest;
    for (const [capability, method] of Object.entries(methodOf) as [Capability, keyof FaxTransportV1][]) {
      const listed = capabilities.includes(capability);
      const present = typeof transport[method] === "function";
      if (listed && !present) fail(`the manifest lists ${capability}, but there is no ${method}()`);
      // Every transport has send(); one that only receives refuses there.
      if (!listed && present && capability !== "send")
        fail(`there is a ${method}(), but the manifest does not list ${capability}`);
    }
    if (new Set(capabilities).size !== capabilities.length) fail("the manifest lists a capability twice");
    if (capabilities.includes("webhook") !== (webhook !== undefined)) {
      fail("the manifest describes a webhook without listing it, or the other way round");
    }
    const sends = capabilities.includes("send");
    if (traits.send_fax !== sends) fail("the trait send_fax is not what the capabilities say");
    if (traits.cancel_supported !== capabilities.includes("cancel")) {
      fail("the trait cancel_supported is not what the capabilities say");
    }
    const hears = capabilities.includes("webhook") || capabilities.includes("run");
    if (traits.status_callback && !hears) fail("the trait status_callback is true, but nothing can hear one");
    if (traits.inbound_supported && !hears)
      fail("the trait inbound_supported is true, but nothing can hear one");
    if (sends && !hears && !capabilities.includes("get_status"))
      fail("there is no way to learn what became of a fax");
    if (lookup.authoritative && !capabilities.includes("find_by_reference")) {
      fail("lookup is authoritative without find_by_reference");
    }
    if (webhook?.verification === "none" && !capabilities.includes("get_status")) {
      fail("a webhook without verification needs get_status to re-read the fax");
    }
    for (const defect of impossibleButPromised(suite)) fail(defect);
  });
}

/** A scenario must not be declared impossible when the manifest promises it. */
function impossibleButPromised<Peer extends TransportPeer>(suite: TransportSuite<Peer>): string[] {
  const { capabilities, traits, webhook, auth } = suite.manifest;
  const has = (capability: Capability): boolean => capabilities.includes(capability);
  // A transport that only receives may log in to something that is not HTTP.
  const http = has("send") && auth.methods.some((method) => method === "basic" || method === "oauth2");
  const promised: Partial<Record<keyof TransportScenarios<TransportPeer>, boolean>> = {
    statusWebhook: traits.status_callback && has("webhook"),
    receivedWebhook: traits.inbound_supported && webhook !== undefined && !has("run"),
    receivedByRun: traits.inbound_supported && has("run") && !has("webhook"),
    redirect: http,
    serverError: http,
    rateLimited: http,
    unauthorized: !auth.methods.includes("none"),
    unfinished: has("cancel"),
  };
  const { receivedWebhook, receivedByRun } = suite.scenarios;
  const unreceived =
    traits.inbound_supported && isImpossible(receivedWebhook) && isImpossible(receivedByRun)
      ? [
          "the scenarios receivedWebhook and receivedByRun are both declared impossible, but faxes are received",
        ]
      : [];
  const broken = Object.entries(promised)
    .filter(
      ([name, yes]) => yes && isImpossible(suite.scenarios[name as keyof TransportScenarios<TransportPeer>]),
    )
    .map(([name]) => `the scenario ${name} is declared impossible, but the manifest promises it`);
  return broken.length > 0 ? broken : unreceived;
}
