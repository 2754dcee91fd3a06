import {
  type HumbleFaxEmulator,
  type HumbleFaxQuirks,
  startHumbleFaxEmulator,
  syntheticNumber,
} from "@faxbot/testing";
import { describeTransport } from "@faxbot/testing/vitest";
import { type HumbleFaxOptions, humblefax } from "../src/index.ts";

const webhookToken = "k3Jq0sYw7bT1xN9mZ5vR2cL8dF4gH6pA0eU-3iO_aBc";

/** Each way of sending, with replies as one client saw them and as another did. */
const variants: { sendMethod: "quick" | "steps"; quirks: Partial<HumbleFaxQuirks> }[] = [
  { sendMethod: "quick", quirks: {} },
  {
    sendMethod: "steps",
    quirks: {
      numbersAsIntegers: true,
      countsAsStrings: true,
      webhookKey: "bare",
      failureReasonAt: "call",
    },
  },
];

function settingsOf(emulator: HumbleFaxEmulator, sendMethod: "quick" | "steps"): HumbleFaxOptions {
  const { accessKey, secretKey, url: baseUrl } = emulator;
  return { accessKey, secretKey, baseUrl, sendMethod, webhookToken, inbound: true, pollSeconds: 1 };
}
const withToken = (url: string) => {
  const whole = new URL(url);
  whole.searchParams.set("token", webhookToken);
  return whole.href;
};

for (const { sendMethod, quirks } of variants) {
  const operation = sendMethod === "quick" ? "quickSendFax" : "sendTmpFax";
  describeTransport(`humblefax, ${sendMethod}`, {
    manifest: humblefax.manifest,
    to: syntheticNumber(50),
    create: async () => {
      // The suite calls faster than the limiter of an engine would let it.
      const emulator = await startHumbleFaxEmulator({
        completeAfterMs: 250,
        requestsPerSecond: 10_000,
        quirks,
      });
      return {
        emulator,
        transport: humblefax(settingsOf(emulator, sendMethod)),
        faxesTaken: () => emulator.sentFaxes.length,
        secrets: [emulator.secretKey, emulator.accessKey, webhookToken],
        stop: () => emulator.stop(),
      };
    },
    scenarios: {
      accepted: () => {},
      busy: ({ emulator }) => emulator.script(syntheticNumber(50), "busy"),
      unauthorized: ({ emulator }) => humblefax({ ...settingsOf(emulator, sendMethod), secretKey: "wrong" }),
      rateLimited: ({ emulator }) =>
        void emulator.fault({ operation, kind: "respond", status: 429, times: Number.POSITIVE_INFINITY }),
      unavailable: ({ emulator }) => emulator.refuseConnections(),
      hangs: ({ emulator }) => {
        emulator.fault({ operation, kind: "hang" });
        emulator.fault({ operation: "listSentFaxes", kind: "hang", times: Number.POSITIVE_INFINITY });
      },
      malformedReply: ({ emulator }) => void emulator.fault({ operation, kind: "malformed_json" }),
      unmappedStatus: ({ emulator }) => emulator.script(syntheticNumber(50), "unmapped"),
      responseLost: ({ emulator }) => void emulator.fault({ operation, kind: "reset_after" }),
      serverError: ({ emulator }) =>
        void emulator.fault({ operation, kind: "respond", status: 500, taken: true }),
      redirect: ({ emulator }, origin) =>
        void emulator.fault({ kind: "redirect", to: origin, times: Number.POSITIVE_INFINITY }),
      // The webhook is the account's, so the fax that was just sent is reported when it ends.
      statusWebhook: ({ emulator }, { url }) => emulator.addWebhook(withToken(url)),
      receivedWebhook: ({ emulator }, url) => {
        emulator.addWebhook(withToken(url));
        emulator.receiveFax({ from: syntheticNumber(51), to: syntheticNumber(52) });
      },
      receivedByRun: ({ emulator }) => void emulator.receiveFax(),
    },
  });
}
