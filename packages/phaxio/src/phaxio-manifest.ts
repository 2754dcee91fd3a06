import { defineManifest, type TransportManifest } from "@faxbot/core/transport";
import { type PhaxioSettings, phaxioSettings } from "./phaxio-settings.ts";

/** What the Phaxio transport says about itself. */
export const phaxioManifest = defineManifest(
  {
    id: "phaxio",
    name: "Phaxio",
    version: "1.0.0",
    kind: "cloud",
    status: "stable",
    description: "Phaxio API v2.1: sends by upload, reports by signed webhook, receives on Phaxio numbers.",
    categories: ["cloud", "healthcare"],
    capabilities: [
      "send",
      "get_status",
      "find_by_reference",
      "cancel",
      "webhook",
      "fetch_document",
      "delete_document",
    ],
    // Of the types that integrators report (pdf doc docx odt jpg png tif txt html) those that cannot carry anything active.
    accepts: ["application/pdf", "image/tiff", "image/png", "image/jpeg", "text/plain"],
    // The list filters by tag (API reference, "List faxes"), but nothing documents how soon a fax is in it: no proof.
    lookup: { authoritative: false, settleMs: 15_000 },
    // Number and pause of redials are the account's Fax Settings in the console; the API has no parameter for them.
    redials: "vendor",
    // A 200 with `success: false` is not among them: nothing documents that it means "not queued".
    definiteRejections: [
      { status: 401, source: "phaxio-ruby, phaxio-java, phaxio-php: authentication error" },
      { status: 404, source: "phaxio-ruby, phaxio-java, phaxio-php: not found" },
      { status: 413, source: "RFC 9110, 15.5.14: the server refuses to process the request" },
      { status: 422, source: "phaxio-ruby, phaxio-java, phaxio-php: invalid request" },
      { status: 429, source: "phaxio-ruby, phaxio-java, phaxio-php: rate limit exceeded" },
    ],
    webhook: {
      verification: "hmac_sha1",
      paths: ["/callbacks/phaxio", "/phaxio-callback", "/phaxio-inbound"],
      verifyHeader: "X-Phaxio-Signature",
    },
    auth: { methods: ["basic"] },
    traits: {
      send_fax: true,
      status_callback: true,
      inbound_supported: true,
      cancel_supported: true,
      regions: ["global"],
      hipaa_compliant: true,
      baa_available: true,
      special_features: ["batching", "tags", "cancel timeout", "test keys", "signed webhooks"],
    },
  },
  phaxioSettings,
);

/** The manifest of an account with these settings: the engine has to know what a webhook proves. */
export function manifestFor(settings: PhaxioSettings): TransportManifest {
  const { webhook } = phaxioManifest;
  if (!webhook) return phaxioManifest;
  if (!settings.verifySignature || !settings.inboundVerifySignature) {
    return { ...phaxioManifest, webhook: { paths: webhook.paths, verification: "none" } };
  }
  return settings.signatureMode === "hmac-sha1"
    ? phaxioManifest
    : { ...phaxioManifest, webhook: { ...webhook, verification: "hmac_sha256" } };
}
