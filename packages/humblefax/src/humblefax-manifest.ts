import { defineManifest, type TransportManifest } from "@faxbot/core/transport";
import { type HumbleFaxSettings, humblefaxSettings } from "./humblefax-settings.ts";

const rejected = "HumbleFax API documentation, introduction: 4xx means that the request was wrong";

/** What the HumbleFax transport says about itself. */
export const humblefaxManifest = defineManifest(
  {
    id: "humblefax",
    name: "HumbleFax",
    version: "1.0.0",
    kind: "cloud",
    status: "stable",
    description:
      "HumbleFax API: sends by upload in the USA and Canada, reports by webhook, receives by polling.",
    categories: ["cloud", "small-business"],
    // No call that cancels a sent fax is known, so there is no `cancel`.
    capabilities: [
      "send",
      "get_status",
      "find_by_reference",
      "webhook",
      "fetch_document",
      "delete_document",
      "run",
    ],
    // Clients send other types too, but no list of them is published: PDF alone is certain.
    accepts: ["application/pdf"],
    // The list of sent faxes has no filter by our reference, and nothing documents how soon a fax is in it: no proof.
    lookup: { authoritative: false, settleMs: 15_000 },
    // A fax's report lists the vendor's own attempts and calls; there is no parameter for them.
    redials: "vendor",
    // A 200 with `result: "failure"` is not among them: nothing documents that it means "not queued".
    definiteRejections: [
      { status: 400, source: rejected },
      { status: 401, source: rejected },
      { status: 403, source: rejected },
      { status: 404, source: rejected },
      { status: 413, source: "RFC 9110, 15.5.14: the server refuses to process the request" },
      { status: 422, source: rejected },
      {
        status: 429,
        source: "HumbleFax API documentation, rate limit: the address is blocked for 60 seconds",
      },
    ],
    webhook: {
      verification: "url_token",
      paths: ["/callbacks/humblefax", "/inbound/humblefax/webhook"],
    },
    // One poll is enough, and its cursor is shared.
    singleton: true,
    auth: { methods: ["basic"] },
    traits: {
      send_fax: true,
      status_callback: true,
      inbound_supported: true,
      regions: ["us", "ca"],
      imap_supported: true,
      rate_limits: { requests_per_second: 5, max_recipients: 3, max_file_size_mb: 50 },
      special_features: ["cover pages", "receiving by mail"],
    },
  },
  humblefaxSettings,
);

/** The header in which a signing proxy puts its proof; the two others are read as well. */
export const signatureHeaders = ["X-Humblefax-Signature", "X-HF-Signature", "X-Signature"] as const;

/** The manifest of an account with these settings: the engine has to know what a webhook proves. */
export function manifestFor(settings: HumbleFaxSettings): TransportManifest {
  const { webhook } = humblefaxManifest;
  if (!webhook) return humblefaxManifest;
  const { paths } = webhook;
  if (!settings.verifySignature) return { ...humblefaxManifest, webhook: { paths, verification: "none" } };
  return settings.webhookSecret === undefined
    ? humblefaxManifest
    : {
        ...humblefaxManifest,
        webhook: { paths, verification: "hmac_sha256", verifyHeader: signatureHeaders[0] },
      };
}
