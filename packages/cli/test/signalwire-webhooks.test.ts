import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readDocument } from "@faxbot/core";
import { toNode } from "@faxbot/http/node";
import { capturingLogger, startSignalWireEmulator, syntheticNumber, syntheticPdf } from "@faxbot/testing";
import { expect, onTestFinished, test, vi } from "vitest";
import { fromEnvironment } from "../src/index.ts";

/** A whole Faxbot on a socket of this machine that sends and receives by an emulator of SignalWire. */
async function startHost() {
  let listener: RequestListener = (_request, response) => void response.writeHead(503).end();
  const server = createServer((request, response) => listener(request, response));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const emulator = await startSignalWireEmulator({ completeAfterMs: 20 });
  const folder = await mkdtemp(join(tmpdir(), "faxbot-signalwire-"));
  // A spelling that `new URL()` would change.
  const publicUrl = `http://LOCALHOST:${(server.address() as AddressInfo).port}/Fax-API`;
  const ownNumber = syntheticNumber(51);
  const { faxbot, inbox, api, close } = await fromEnvironment(
    {
      FAX_BACKEND: "signalwire",
      FAX_DATA_DIR: folder,
      PUBLIC_API_URL: publicUrl,
      INBOUND_ENABLED: "true",
      API_KEY: "a key of a test, long enough",
      SIGNALWIRE_SPACE_URL: emulator.url,
      SIGNALWIRE_PROJECT_ID: emulator.projectId,
      SIGNALWIRE_API_TOKEN: emulator.apiToken,
      SIGNALWIRE_FAX_FROM_E164: ownNumber,
      SIGNALWIRE_WEBHOOK_SIGNING_KEY: emulator.console.signingKey,
      SIGNALWIRE_INBOUND_POLL_SECONDS: "0",
    },
    { logger: capturingLogger() },
  );
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await close();
    await emulator.stop();
    await rm(folder, { recursive: true, force: true });
  });
  listener = toNode(api);
  emulator.console.voiceUrl = `${publicUrl}/signalwire-callback`;
  await faxbot.start();
  return { emulator, faxbot, inbox, ownNumber };
}

test("SignalWire fetches documents from Faxbot, and its webhooks come through, signed over the public URL to the letter", async () => {
  const { emulator, faxbot, inbox, ownNumber } = await startHost();
  const received: string[] = [];
  faxbot.on("inbound.received", ({ subject }) => void received.push(subject.id));

  const { id } = await faxbot.send({ to: syntheticNumber(50), document: syntheticPdf({ pages: 2 }) });
  await vi.waitFor(async () => expect((await faxbot.get(id)).status).toBe("delivered"), 10_000);
  expect((await faxbot.get(id)).pages).toBe(2);

  const pdf = syntheticPdf({ text: "received" });
  emulator.receiveFax({ from: syntheticNumber(52), to: ownNumber, pdf });
  await vi.waitFor(() => expect(received).toHaveLength(1), 10_000);
  const document = await inbox?.document(received[0] ?? "");
  expect(document && Buffer.from(await readDocument(document))).toEqual(Buffer.from(pdf));

  expect(emulator.deliveries.map(({ event, status }) => [event, status])).toEqual([
    ["status", 200],
    ["inbound", 200],
    ["received", 200],
  ]);
  expect(emulator.calls).toMatchObject({ sendFax: 1, listFaxes: 0, downloadMedia: 1 });
});

test("a fax whose answer was lost is sent once, and known again by its callback", async () => {
  const { emulator, faxbot } = await startHost();
  emulator.fault({ operation: "sendFax", kind: "reset_after" });
  const { id } = await faxbot.send({ to: syntheticNumber(50), document: syntheticPdf() });
  await vi.waitFor(async () => expect((await faxbot.get(id)).status).toBe("delivered"), 10_000);
  expect(emulator.faxes.map(({ status }) => status)).toEqual(["delivered"]);
  expect(emulator.calls).toMatchObject({ sendFax: 1, listFaxes: 0 });
});
