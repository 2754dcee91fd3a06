import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { FaxTransportV1 } from "@faxbot/core/transport";
import { type SignalWireEmulator, startSignalWireEmulator, syntheticNumber } from "@faxbot/testing";
import { describeTransport } from "@faxbot/testing/vitest";
import { type SignalWireOptions, signalwire } from "../src/index.ts";
import { type DocumentHost, startDocumentHost } from "./document-host.ts";

const to = syntheticNumber(50);
const ownNumber = syntheticNumber(51);

function settingsOf(emulator: SignalWireEmulator): SignalWireOptions {
  const { url: spaceUrl, projectId, apiToken, console } = emulator;
  return { spaceUrl, projectId, apiToken, from: ownNumber, signingKey: console.signingKey };
}

/** The engine gives each job the URL of its document; so does this. */
function offering(transport: FaxTransportV1, documents: DocumentHost): FaxTransportV1 {
  return { ...transport, send: (job, call) => transport.send(documents.offer(job), call) };
}

/** A number's URL that tells SignalWire to receive the fax and to report it elsewhere. */
async function receivingUrl(action: string): Promise<{ url: string; stop(): Promise<unknown> }> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/xml" });
    response.end(`<Response><Receive action="${action}"/></Response>`);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}

for (const webhookBody of ["form", "json"] as const) {
  describeTransport(`signalwire, webhooks as ${webhookBody}`, {
    manifest: signalwire.manifest,
    to,
    create: async () => {
      const emulator = await startSignalWireEmulator({ completeAfterMs: 20, quirks: { webhookBody } });
      const documents = await startDocumentHost();
      const stops: (() => Promise<unknown>)[] = [];
      return {
        emulator,
        documents,
        stops,
        transport: offering(signalwire(settingsOf(emulator)), documents),
        faxesTaken: () => emulator.faxes.filter(({ direction }) => direction === "outbound").length,
        secrets: [emulator.apiToken, emulator.console.signingKey],
        stop: async () => {
          await emulator.stop();
          await documents.stop();
          for (const stop of stops) await stop();
        },
      };
    },
    scenarios: {
      accepted: () => {},
      busy: ({ emulator }) => emulator.script(to, "busy"),
      unauthorized: ({ emulator, documents }) =>
        offering(signalwire({ ...settingsOf(emulator), apiToken: "wrong" }), documents),
      rateLimited: ({ emulator }) =>
        void emulator.fault({
          operation: "sendFax",
          kind: "respond",
          status: 429,
          times: Number.POSITIVE_INFINITY,
        }),
      unavailable: ({ emulator }) => emulator.refuseConnections(),
      hangs: ({ emulator }) => {
        emulator.fault({ operation: "sendFax", kind: "hang" });
        emulator.fault({ operation: "listFaxes", kind: "hang", times: Number.POSITIVE_INFINITY });
      },
      malformedReply: ({ emulator }) => void emulator.fault({ operation: "sendFax", kind: "malformed_json" }),
      unmappedStatus: ({ emulator }) => emulator.script(to, "unmapped"),
      responseLost: ({ emulator }) => void emulator.fault({ operation: "sendFax", kind: "reset_after" }),
      serverError: ({ emulator }) =>
        void emulator.fault({ operation: "sendFax", kind: "respond", status: 500, taken: true }),
      redirect: ({ emulator }, origin) =>
        void emulator.fault({ kind: "redirect", to: origin, times: Number.POSITIVE_INFINITY }),
      // The emulator reports a finished fax to its callback URL by itself.
      statusWebhook: () => {},
      receivedWebhook: async ({ emulator, stops }, url) => {
        const receiving = await receivingUrl(url);
        stops.push(() => receiving.stop());
        emulator.console.voiceUrl = receiving.url;
        emulator.receiveFax({ from: syntheticNumber(52), to: ownNumber });
      },
      receivedByRun: ({ emulator, documents }) => {
        emulator.receiveFax({ from: syntheticNumber(52), to: ownNumber });
        return offering(signalwire({ ...settingsOf(emulator), inboundPollSeconds: 0.05 }), documents);
      },
    },
  });
}
