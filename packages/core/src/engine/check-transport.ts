import { FaxError } from "../transport/fax-error.ts";
import type { FaxTransportV1 } from "../transport/fax-transport.ts";
import { type Capability, transportManifestSchema } from "../transport/transport-manifest.ts";

/** Which optional method each capability promises. */
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

/**
 * Refuses a transport whose manifest does not fit the schema or says other than its methods, so that the engine can
 * rely on what a manifest says.
 *
 * @throws FaxError `config_invalid`
 */
export function checkTransport(transport: FaxTransportV1, hasPublicUrl: boolean): void {
  const refuse = (problem: string): never => {
    throw new FaxError("config_invalid", `transport ${transport.id}: ${problem}`, {
      transportId: transport.id,
    });
  };
  if (transport.specVersion !== "v1") refuse(`spec version ${String(transport.specVersion)} is not known`);
  if (!/^[a-z][a-z0-9_-]{1,63}$/.test(transport.id)) refuse("its id must be a lower-case word");
  if (!transportManifestSchema.safeParse(transport.manifest).success) {
    refuse("its manifest does not fit the schema; make it with defineManifest");
  }
  const { capabilities, webhook, traits } = transport.manifest;
  for (const [capability, method] of Object.entries(methodOf) as [Capability, keyof FaxTransportV1][]) {
    const promised = capabilities.includes(capability);
    const present = typeof transport[method] === "function";
    if (promised && !present) refuse(`its manifest lists ${capability} but it has no ${method}()`);
    // What only receives has a `send` as well: the one that refuses.
    if (!promised && present && capability !== "send")
      refuse(`it has ${method}() but its manifest does not list ${capability}`);
  }
  if (typeof transport.send !== "function") refuse("it has no send()");
  if (typeof transport.checkHealth !== "function") refuse("it has no checkHealth()");
  if (capabilities.includes("webhook") !== (webhook !== undefined)) {
    refuse("its manifest must describe the webhook if, and only if, it lists one");
  }
  if (traits.cancel_supported !== capabilities.includes("cancel")) {
    refuse("its trait cancel_supported is not what its capabilities say");
  }
  if (webhook?.verification === "none" && !capabilities.includes("get_status")) {
    refuse("a webhook without verification needs get_status to re-read the fax");
  }
  if (transport.manifest.documentDelivery === "pull" && !hasPublicUrl) {
    refuse("its provider fetches the document, so publicUrl must be set");
  }
  if (transport.manifest.removesReceived && !capabilities.includes("delete_document")) {
    refuse("removing what was received needs delete_document");
  }
  if (transport.manifest.lookup.authoritative && !capabilities.includes("find_by_reference")) {
    refuse("an authoritative lookup needs find_by_reference");
  }
}
