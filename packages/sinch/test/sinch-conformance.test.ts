import { type SinchEmulator, startSinchEmulator, syntheticNumber } from "@faxbot/testing";
import { describeTransport } from "@faxbot/testing/vitest";
import { type SinchOptions, sinch } from "../src/index.ts";

const hook = { webhookUser: "faxhook", webhookPass: "Tr0ub4dor-3" };

function settingsOf(emulator: SinchEmulator, authMethod: "basic" | "oauth2"): SinchOptions {
  const { projectId, keyId: apiKey, keySecret: apiSecret, url } = emulator;
  return { projectId, apiKey, apiSecret, authMethod, baseUrl: url, authUrl: url, ...hook };
}

for (const authMethod of ["basic", "oauth2"] as const) {
  describeTransport(`sinch, ${authMethod}`, {
    manifest: sinch.manifest,
    to: syntheticNumber(50),
    create: async () => {
      const emulator = await startSinchEmulator({ completeAfterMs: 20 });
      return {
        emulator,
        transport: sinch(settingsOf(emulator, authMethod)),
        faxesTaken: () => emulator.faxes.filter((fax) => fax.direction === "OUTBOUND").length,
        secrets: [emulator.keySecret, hook.webhookPass],
        stop: () => emulator.stop(),
      };
    },
    scenarios: {
      accepted: () => {},
      busy: ({ emulator }) => emulator.script(syntheticNumber(50), "busy"),
      unauthorized: ({ emulator }) => sinch({ ...settingsOf(emulator, authMethod), apiSecret: "wrong" }),
      rateLimited: ({ emulator }) =>
        void emulator.fault({
          operation: "sendFax",
          kind: "respond",
          status: 429,
          times: Number.POSITIVE_INFINITY,
        }),
      unavailable: ({ emulator }) => emulator.refuseConnections(),
      hangs: ({ emulator }) => {
        // The token is there already: what hangs is the call itself.
        emulator.fault({ operation: "sendFax", kind: "hang" });
        emulator.fault({ operation: "listFaxes", kind: "hang", times: Number.POSITIVE_INFINITY });
      },
      malformedReply: ({ emulator }) => void emulator.fault({ operation: "sendFax", kind: "malformed_json" }),
      unmappedStatus: ({ emulator }) => emulator.script(syntheticNumber(50), "unmapped"),
      responseLost: ({ emulator }) => void emulator.fault({ operation: "sendFax", kind: "reset_after" }),
      serverError: ({ emulator }) =>
        void emulator.fault({ operation: "sendFax", kind: "respond", status: 500, taken: true }),
      redirect: ({ emulator }, origin) =>
        void emulator.fault({ kind: "redirect", to: origin, times: Number.POSITIVE_INFINITY }),
      // The emulator reports a finished fax to its callback URL by itself.
      statusWebhook: () => {},
      receivedWebhook: ({ emulator }, url) => {
        const incoming = new URL(url);
        incoming.username = hook.webhookUser;
        incoming.password = hook.webhookPass;
        emulator.updateService({ incomingWebhookUrl: incoming.href });
        emulator.receiveFax({ from: syntheticNumber(51), to: syntheticNumber(52) });
      },
      receivedByRun: { impossible: "Sinch reports received faxes by webhook only" },
    },
  });
}
