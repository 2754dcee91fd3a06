import { defineManifest, type TransportManifest } from "@faxbot/core/transport";
import { type SignalWireSettings, signalwireSettings } from "./signalwire-settings.ts";

const paths = ["/callbacks/signalwire", "/signalwire-callback"];

/** What the SignalWire transport says about itself. */
export const signalwireManifest = defineManifest(
  {
    id: "signalwire",
    name: "SignalWire",
    version: "1.0.0",
    kind: "cloud",
    status: "stable",
    description:
      "SignalWire Compatibility API: sends by URL, reports by signed webhook, receives by webhook and poll.",
    categories: ["cloud", "traditional"],
    // No `find_by_reference`: neither a fax nor the list of faxes repeats anything of ours. A send whose answer was lost
    // is resolved by its callback, which names the attempt in its URL.
    capabilities: ["send", "get_status", "cancel", "webhook", "fetch_document", "delete_document", "run"],
    // "Only supports transmission of PDFs" (vendor guide, sending faxes by REST).
    accepts: ["application/pdf"],
    documentDelivery: "pull",
    lookup: { authoritative: false, settleMs: 0 },
    // Nothing of the kind is documented.
    redials: "none",
    definiteRejections: [
      { status: 400, source: "Compatibility API, error codes: bad request (10000 and the 212xx)" },
      { status: 401, source: "Compatibility API, error codes: 20003, the credentials are wrong" },
      { status: 404, source: "Compatibility API, error codes: 20404, the resource does not exist" },
      { status: 422, source: "Compatibility API, error codes: a parameter is not valid" },
      { status: 429, source: "Compatibility API, error codes: 20429, too many requests" },
    ],
    // Two replicas would report every fax twice, and share one cursor.
    singleton: true,
    webhook: { verification: "hmac_sha1", paths, verifyHeader: "X-SignalWire-Signature" },
    auth: { methods: ["basic"] },
    traits: {
      send_fax: true,
      status_callback: true,
      inbound_supported: true,
      cancel_supported: true,
      regions: ["global"],
      twilio_compatible: true,
      // Faxes are calls: one a second for a space unless SignalWire raised it (vendor guide, "Rate limits").
      rate_limits: { requests_per_second: 1 },
      special_features: ["signed webhooks", "resolution", "time to live"],
    },
  },
  signalwireSettings,
);

/** The manifest of an account with these settings: the engine has to know what a webhook proves. */
export function manifestFor(settings: SignalWireSettings): TransportManifest {
  if (!settings.verifySignature) return { ...signalwireManifest, webhook: { paths, verification: "none" } };
  if (settings.signingKey !== undefined || settings.webhookPass === undefined) return signalwireManifest;
  return {
    ...signalwireManifest,
    webhook: { paths, verification: "basic_auth", verifyHeader: "Authorization" },
  };
}
