import { defineManifest } from "@faxbot/core/transport";
import { testSettings } from "./test-settings.ts";

/** What the test transport says about itself. */
export const testManifest = defineManifest(
  {
    id: "test",
    aliases: ["disabled"],
    backendName: "disabled",
    name: "Test",
    version: "1.0.0",
    kind: "test",
    status: "stable",
    description: "Dials nobody and costs nothing: scripted outcomes and synthetic received faxes.",
    categories: ["testing"],
    capabilities: [
      "send",
      "get_status",
      "find_by_reference",
      "cancel",
      "webhook",
      "fetch_document",
      "delete_document",
      "run",
    ],
    accepts: ["application/pdf", "image/tiff", "text/plain"],
    lookup: { authoritative: true, settleMs: 0 },
    redials: "none",
    definiteRejections: [],
    webhook: {
      verification: "internal_secret",
      paths: ["/callbacks/test", "/_internal/test/inbound"],
      verifyHeader: "X-Internal-Secret",
    },
    auth: { methods: ["none"] },
    traits: {
      send_fax: true,
      status_callback: true,
      inbound_supported: true,
      cancel_supported: true,
      cost_free: true,
      testing_only: true,
      special_features: ["scripted outcomes", "synthetic received faxes"],
    },
  },
  testSettings,
);
