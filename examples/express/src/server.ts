import { once } from "node:events";
import { join } from "node:path";
import { fromEnvironment } from "@faxbot/cli";
import { toExpress } from "@faxbot/http/express";
import { sinchEmulatorEnvironment, startSinchEmulator } from "@faxbot/testing";
import express from "express";

const port = Number(process.env.PORT || 8080);
const url = `http://127.0.0.1:${port}`;

// Without credentials an imitation of Sinch answers on this machine and nobody is dialled.
const emulator =
  process.env.FAX_BACKEND || process.env.SINCH_PROJECT_ID
    ? undefined
    : await startSinchEmulator({ completeAfterMs: 1_000 });
const { faxbot, api, settings, close } = await fromEnvironment({
  FAX_BACKEND: "sinch",
  INBOUND_ENABLED: "true",
  ...(emulator ? sinchEmulatorEnvironment(emulator, { publicUrl: url }) : {}),
  ...process.env,
});

// What the engine tells, at least once each; this is where a host does its own work.
faxbot.on("fax.delivered", ({ subject }) =>
  console.log(`fax ${subject.id} was delivered, ${subject.pages} pages`),
);
faxbot.on("fax.failed", ({ subject }) => console.log(`fax ${subject.id} failed: ${subject.failure?.reason}`));
faxbot.on("inbound.received", ({ subject }) =>
  console.log(`fax ${subject.id} came in, ${subject.pages} pages`),
);

const app = express();
app.use(toExpress(api)); // before any body parser: signatures cover the body's bytes
app.get(
  "/",
  (_request, response) => void response.type("text").send("This host's own pages live beside the fax API.\n"),
);

const server = app.listen(port);
await once(server, "listening");
await faxbot.start();

const key = process.env.API_KEY ? "$API_KEY" : `$(cat '${join(settings.dataDir, "api-key")}')`;
console.log(`Faxbot listens on ${url}. Try:

  curl -H "X-API-Key: ${key}" -F to=+12025550123 -F file=@examples/assets/order.pdf ${url}/fax
  curl -H "X-API-Key: ${key}" ${url}/fax/<id>
  curl -H "X-API-Key: ${key}" ${url}/inbound`);
if (emulator) console.log(`\n  curl -X POST ${emulator.url}/_emulator/receive   # a fax comes in`);

async function stop(): Promise<void> {
  server.close(); // takes no new requests
  await once(server, "close"); // the running ones have ended
  await close(); // so has the work of the engine
  await emulator?.stop();
  console.log("Faxbot has stopped.");
}
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void stop());
