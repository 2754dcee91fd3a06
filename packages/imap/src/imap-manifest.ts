import { defineManifest } from "@faxbot/core/transport";
import { imapSettings } from "./imap-settings.ts";

/** What the IMAP source says about itself. */
export const imapManifest = defineManifest(
  {
    id: "imap",
    name: "Fax by mail",
    version: "1.0.0",
    kind: "cloud",
    status: "stable",
    description: "Takes received faxes out of an IMAP mailbox; sends nothing.",
    categories: ["mail"],
    capabilities: ["run"],
    // The engine never hands it a fax; the schema wants a list that is not empty.
    accepts: ["application/pdf"],
    lookup: { authoritative: false, settleMs: 0 },
    redials: "none",
    definiteRejections: [],
    // Two readers of one mailbox would take every fax twice.
    singleton: true,
    auth: { methods: ["basic"] },
    traits: {
      send_fax: false,
      status_callback: false,
      inbound_supported: true,
      imap_supported: true,
      special_features: ["senders' allow-list", "IDLE"],
    },
  },
  imapSettings,
);
