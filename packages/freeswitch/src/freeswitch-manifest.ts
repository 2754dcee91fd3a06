import { defineManifest } from "@faxbot/core/transport";
import { freeswitchSettings } from "./freeswitch-settings.ts";

/** Where a dialplan may tell that a fax was received. */
const inboundPath = "/_internal/freeswitch/inbound";
/** Where a dialplan may tell what became of a fax that was sent. */
export const outboundResultPath = "/_internal/freeswitch/outbound_result";

/** What the FreeSWITCH transport says about itself. */
export const freeswitchManifest = defineManifest(
  {
    id: "freeswitch",
    name: "FreeSWITCH",
    version: "1.0.0",
    kind: "self_hosted",
    status: "beta",
    description:
      "Sends and receives over your own telephone lines with FreeSWITCH: T.38, or tones in the audio.",
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
    // FreeSWITCH forgets a call with its last event: that it knows nothing of one proves nothing.
    lookup: { authoritative: false, settleMs: 5_000 },
    redials: "none",
    definiteRejections: [],
    webhook: {
      verification: "internal_secret",
      paths: [inboundPath, outboundResultPath],
      verifyHeader: "X-Internal-Secret",
    },
    auth: { methods: ["esl"] },
    traits: {
      send_fax: true,
      status_callback: true,
      inbound_supported: true,
      cancel_supported: true,
      requires_tiff: true,
      t38_protocol: true,
      mod_spandsp: true,
      event_socket: true,
      special_features: ["progress per page", "call ladder", "T.38 with fallback to audio"],
    },
  },
  freeswitchSettings,
);
