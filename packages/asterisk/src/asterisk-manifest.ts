import { defineManifest } from "@faxbot/core/transport";
import { asteriskSettings } from "./asterisk-settings.ts";

/** Where the dialplan tells that a fax was received. */
const inboundPath = "/_internal/asterisk/inbound";

/** What the Asterisk transport says about itself. */
export const asteriskManifest = defineManifest(
  {
    id: "asterisk",
    aliases: ["sip"],
    backendName: "sip",
    name: "Asterisk",
    version: "1.0.0",
    kind: "self_hosted",
    status: "beta",
    description:
      "Sends and receives over your own telephone lines with Asterisk: T.38, or tones in the audio.",
    categories: ["self-hosted", "sip"],
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
    accepts: ["image/tiff;profile=fax"],
    removesReceived: true,
    // The dialplan in config/ notes every answered call in Asterisk's database before it sends anything: no channel and
    // no note means that nothing was sent. Where another dialplan runs, findByReference throws instead. An Originate
    // that was taken makes its channel at once; 15 s is generous.
    lookup: { authoritative: true, settleMs: 15_000 },
    redials: "none",
    definiteRejections: [],
    webhook: {
      verification: "internal_secret",
      paths: [inboundPath],
      verifyHeader: "X-Internal-Secret",
    },
    auth: { methods: ["ami"] },
    traits: {
      send_fax: true,
      // Results come over the manager interface, not by webhook.
      status_callback: false,
      inbound_supported: true,
      cancel_supported: true,
      requires_ami: true,
      requires_tiff: true,
      t38_protocol: true,
      special_features: ["call ladder", "T.38 with fallback to audio", "results that survive a restart"],
    },
  },
  asteriskSettings,
);
