// A process that starts a server and never stops it. It runs from dist: the oldest supported Node.js runs no TypeScript.
import { startPostgres } from "@faxbot/testing/postgres";

const { url } = await startPostgres();
process.stdout.write(`${url}\n`);
if (process.argv[2] === "stay") setInterval(() => {}, 60_000);
