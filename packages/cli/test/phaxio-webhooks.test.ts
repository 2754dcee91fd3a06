import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toNode } from "@faxbot/http/node";
import { capturingLogger, startPhaxioEmulator, syntheticPdf } from "@faxbot/testing";
import { expect, onTestFinished, test, vi } from "vitest";
import { fromEnvironment } from "../src/index.ts";

test("Phaxio's webhooks come through all of Faxbot, signed over the public URL to the letter", async () => {
  let listener: RequestListener = (_request, response) => void response.writeHead(503).end();
  const server = createServer((request, response) => listener(request, response));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const emulator = await startPhaxioEmulator({ completeAfterMs: 20 });
  const folder = await mkdtemp(join(tmpdir(), "faxbot-phaxio-"));
  // A spelling that `new URL()` would change.
  const publicUrl = `http://LOCALHOST:${(server.address() as AddressInfo).port}/Fax-API`;
  const { faxbot, api, close } = await fromEnvironment(
    {
      FAX_BACKEND: "phaxio",
      FAX_DATA_DIR: folder,
      PUBLIC_API_URL: publicUrl,
      INBOUND_ENABLED: "true",
      API_KEY: "a key of a test, long enough",
      PHAXIO_API_KEY: emulator.apiKey,
      PHAXIO_API_SECRET: emulator.apiSecret,
      PHAXIO_CALLBACK_TOKEN: emulator.console.callbackToken,
      PHAXIO_BASE_URL: emulator.apiUrl,
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
  emulator.console.receivedCallbackUrl = `${publicUrl}/phaxio-inbound`;
  const received = vi.fn();
  faxbot.on("inbound.received", received);
  await faxbot.start();

  const { id } = await faxbot.send({ to: "+12025550123", document: syntheticPdf() });
  await vi.waitFor(async () => expect((await faxbot.get(id)).status).toBe("delivered"), 10_000);
  emulator.receiveFax();
  await vi.waitFor(() => expect(received).toHaveBeenCalledOnce(), 10_000);

  expect(emulator.deliveries.map(({ event, status }) => [event, status])).toEqual([
    ["fax_completed", 202],
    ["fax_completed", 202],
  ]);
  expect(emulator.calls, "nothing had to be asked for").toMatchObject({
    sendFax: 1,
    getFax: 0,
    downloadFax: 0,
  });
});
