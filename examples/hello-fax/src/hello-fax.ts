import { readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { createFaxbot, folderBlobs } from "@faxbot/core";
import { openSqlite } from "@faxbot/kysely";
import { sinch } from "@faxbot/sinch";
import { sinchEmulatorEnvironment, startSinchEmulator } from "@faxbot/testing";

// Without credentials an imitation of Sinch answers on this machine and nobody is dialled.
const emulator = process.env.SINCH_PROJECT_ID ? undefined : await startSinchEmulator();
const env = emulator ? sinchEmulatorEnvironment(emulator) : process.env;

const [to = "+12025550123", file = new URL("../../assets/order.pdf", import.meta.url)] =
  process.argv.slice(2);
const { stores, close } = await openSqlite("faxbot-data/hello-fax.db");
const faxbot = createFaxbot({ transports: [sinch.fromEnv(env)], stores, blobs: folderBlobs("faxbot-data") });
await faxbot.start();

let fax = await faxbot.send({ to, document: await readFile(file) });
console.log(fax.status);
while (!fax.completedAt) {
  await setTimeout(250);
  const { status } = fax;
  fax = await faxbot.get(fax.id);
  if (fax.status !== status) console.log(fax.status, fax.failure?.reason ?? "");
}
console.log(`${fax.pages ?? 0} pages arrived`);

await faxbot.stop();
await close();
await emulator?.stop();
