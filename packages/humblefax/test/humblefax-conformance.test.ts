import { syntheticNumber } from "@faxbot/testing";
import { describeTransport } from "@faxbot/testing/vitest";
import { type HumbleFaxOptions, humblefax } from "../src/index.ts";
import { type HumbleFaxStandIn, startHumbleFaxStandIn } from "./humblefax-stand-in.ts";

const webhookToken = "k3Jq0sYw7bT1xN9mZ5vR2cL8dF4gH6pA0eU-3iO_aBc";

function settingsOf(standIn: HumbleFaxStandIn, sendMethod: "quick" | "steps"): HumbleFaxOptions {
  const { accessKey, secretKey, url: baseUrl } = standIn;
  return { accessKey, secretKey, baseUrl, sendMethod, webhookToken, inbound: true, pollSeconds: 1 };
}
const withToken = (url: string) => {
  const whole = new URL(url);
  whole.searchParams.set("token", webhookToken);
  return whole.href;
};

for (const sendMethod of ["quick", "steps"] as const) {
  const operation = sendMethod === "quick" ? "quickSend" : "sendDraft";
  describeTransport(`humblefax, ${sendMethod}`, {
    manifest: humblefax.manifest,
    to: syntheticNumber(50),
    create: async () => {
      const standIn = await startHumbleFaxStandIn();
      return {
        standIn,
        transport: humblefax(settingsOf(standIn, sendMethod)),
        faxesTaken: () => standIn.sent.length,
        secrets: [standIn.secretKey, standIn.accessKey, webhookToken],
        stop: () => standIn.stop(),
      };
    },
    scenarios: {
      accepted: () => {},
      busy: ({ standIn }) => standIn.script({ status: "failure", failureReason: "Line busy" }),
      unauthorized: ({ standIn }) => humblefax({ ...settingsOf(standIn, sendMethod), secretKey: "wrong" }),
      rateLimited: ({ standIn }) =>
        void standIn.fault({ operation, kind: "respond", status: 429, times: Number.POSITIVE_INFINITY }),
      unavailable: ({ standIn }) => standIn.refuseConnections(),
      hangs: ({ standIn }) => {
        standIn.fault({ operation, kind: "hang" });
        standIn.fault({ operation: "getSentFaxes", kind: "hang", times: Number.POSITIVE_INFINITY });
      },
      malformedReply: ({ standIn }) => void standIn.fault({ operation, kind: "malformed_json" }),
      unmappedStatus: ({ standIn }) => standIn.script({ status: "on holiday" }),
      responseLost: ({ standIn }) => void standIn.fault({ operation, kind: "reset_after" }),
      serverError: ({ standIn }) =>
        void standIn.fault({ operation, kind: "respond", status: 500, taken: true }),
      redirect: ({ standIn }, origin) =>
        void standIn.fault({ kind: "redirect", to: origin, times: Number.POSITIVE_INFINITY }),
      statusWebhook: ({ standIn }, { url, sent }) =>
        standIn.report("SentFax", Number(sent.providerId), withToken(url)),
      receivedWebhook: ({ standIn }, url) =>
        standIn.report("IncomingFax", standIn.receiveFax().id, withToken(url)),
      receivedByRun: ({ standIn }) => void standIn.receiveFax(),
    },
  });
}
