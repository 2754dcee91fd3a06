import { type PhaxioEmulator, startPhaxioEmulator, syntheticNumber } from "@faxbot/testing";
import { describeTransport } from "@faxbot/testing/vitest";
import { type PhaxioOptions, phaxio } from "../src/index.ts";

const to = syntheticNumber(50);

function settingsOf({ apiKey, apiSecret, apiUrl, console }: PhaxioEmulator): PhaxioOptions {
  return { apiKey, apiSecret, callbackToken: console.callbackToken, baseUrl: apiUrl };
}

describeTransport("phaxio", {
  manifest: phaxio.manifest,
  to,
  create: async () => {
    const emulator = await startPhaxioEmulator({ completeAfterMs: 20 });
    return {
      emulator,
      transport: phaxio(settingsOf(emulator)),
      faxesTaken: () => emulator.faxes.filter((fax) => fax.direction === "sent").length,
      secrets: [emulator.apiSecret, emulator.console.callbackToken],
      stop: () => emulator.stop(),
    };
  },
  scenarios: {
    accepted: () => {},
    busy: ({ emulator }) => emulator.script(to, "busy"),
    unauthorized: ({ emulator }) => phaxio({ ...settingsOf(emulator), apiSecret: "wrong" }),
    rateLimited: ({ emulator }) =>
      void emulator.fault({
        operation: "sendFax",
        kind: "respond",
        status: 429,
        times: Number.POSITIVE_INFINITY,
      }),
    unavailable: ({ emulator }) => emulator.refuseConnections(),
    hangs: ({ emulator }) => void emulator.fault({ kind: "hang", times: Number.POSITIVE_INFINITY }),
    malformedReply: ({ emulator }) => void emulator.fault({ operation: "sendFax", kind: "malformed_json" }),
    unmappedStatus: ({ emulator }) => emulator.script(to, "unmapped"),
    responseLost: ({ emulator }) => void emulator.fault({ operation: "sendFax", kind: "reset_after" }),
    serverError: ({ emulator }) =>
      void emulator.fault({ operation: "sendFax", kind: "respond", status: 500, taken: true }),
    redirect: ({ emulator }, origin) =>
      void emulator.fault({ kind: "redirect", to: origin, times: Number.POSITIVE_INFINITY }),
    // The emulator reports a finished fax to its callback URL by itself.
    statusWebhook: () => {},
    receivedWebhook: ({ emulator }, url) => {
      emulator.console.receivedCallbackUrl = url;
      emulator.receiveFax({ from: syntheticNumber(51), to: syntheticNumber(52) });
    },
    receivedByRun: { impossible: "Phaxio reports received faxes by webhook only" },
  },
});
