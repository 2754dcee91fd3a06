import { readFile } from "node:fs/promises";
import { createFaxbot, folderBlobs } from "@faxbot/core";
import { openSqlite } from "@faxbot/kysely";
import { sinch } from "@faxbot/sinch";
import { order, sinchEnvironment } from "./surroundings.ts";

const { stores } = await openSqlite("faxbot-data/hello-fax.db");
const transports = [sinch.fromEnv(await sinchEnvironment())];
const faxbot = createFaxbot({ transports, stores, blobs: folderBlobs("faxbot-data") });
await faxbot.start();

const [to = "+12025550123", file = order] = process.argv.slice(2);
const { id } = await faxbot.send({ to, document: await readFile(file) });
const fax = await faxbot.waitFor(id);
console.log(`${fax.status}, ${fax.pages ?? 0} pages arrived`);
await faxbot.stop();
process.exit(fax.status === "delivered" ? 0 : 1);
