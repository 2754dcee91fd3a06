import { defineManifest } from "@faxbot/core/transport";
import { sinchSettings } from "./sinch-settings.ts";

/** What the Sinch transport says about itself. */
export const sinchManifest = defineManifest(
  {
    id: "sinch",
    name: "Sinch Fax",
    version: "1.0.0",
    kind: "cloud",
    status: "stable",
    description: "Sinch Fax API v3: sends by upload, reports by webhook, receives on Sinch numbers.",
    categories: ["cloud", "traditional"],
    // The API has no way to cancel a fax (vendor OpenAPI and SDKs), so there is no `cancel`.
    capabilities: ["send", "get_status", "find_by_reference", "webhook", "fetch_document", "delete_document"],
    // Of the vendor's file types (docx html jpg png tif pdf txt) those that cannot carry anything active.
    accepts: ["application/pdf", "image/tiff", "image/png", "image/jpeg", "text/plain"],
    // Not a proof: nothing documents how soon a fax is in the list, and the filter by label has no documented encoding.
    lookup: { authoritative: false, settleMs: 15_000 },
    // `maxRetries` 0 to 5 per fax (vendor API reference, "Send a fax"); we ask for 0.
    redials: "configurable",
    definiteRejections: [
      { status: 400, source: "Sinch Fax API reference, error codes: malformed request" },
      { status: 401, source: "Sinch Fax API reference, error codes: wrong key, secret or project" },
      { status: 402, source: "Sinch Fax API reference, error codes: the balance is zero" },
      { status: 404, source: "Sinch Fax API reference, error codes: the resource does not exist" },
      { status: 413, source: "RFC 9110, 15.5.14: the server refuses to process the request" },
      { status: 422, source: "Sinch Fax API reference, error codes: invalid parameters" },
      { status: 429, source: "Sinch Fax API reference, error codes: too many requests" },
    ],
    webhook: {
      verification: "basic_auth",
      paths: ["/callbacks/sinch", "/sinch-inbound"],
      verifyHeader: "Authorization",
    },
    auth: { methods: ["basic", "oauth2"] },
    traits: {
      send_fax: true,
      status_callback: true,
      inbound_supported: true,
      regions: ["global", "use1", "eu1", "sae1", "apse1", "apse2"],
      regional_endpoints: true,
      oauth2_supported: true,
      special_features: ["cover pages", "labels", "free test number"],
    },
  },
  sinchSettings,
);
