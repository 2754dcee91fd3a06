// Shows Faxbot at work, over real HTTP from end to end: starts the Express example with nothing configured (a SQLite
// file, a local folder and an imitation of Sinch), sends a fax, waits for the signed webhook that says it was
// delivered, receives one, and downloads its PDF with a token. Ends with 1 and a sentence when anything is not so.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../examples/express/dist/server.js", import.meta.url));
const order = await readFile(new URL("../examples/assets/order.pdf", import.meta.url));
const patienceMs = 30_000;

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

function check(truth, otherwise) {
  if (!truth) throw new Error(otherwise);
}

/** Says what happened, and how long it took since the last line. */
let last = performance.now();
function tell(text) {
  const now = performance.now();
  console.log(`  ${`${Math.round(now - last)} ms`.padStart(8)}  ${text}`);
  last = now;
}

/** Asks again and again until there is an answer. */
async function until(what, ask) {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    check(performance.now() < deadline, `${what} did not happen within ${patienceMs / 1000} s`);
    await wait(20);
  }
}

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

/** Starts the example in a process of its own, with an environment that holds nothing of the user's settings. */
function startServer(folder, port) {
  const keep = ["PATH", "HOME", "TMPDIR", "SystemRoot", "TEMP"].filter(
    (name) => process.env[name] !== undefined,
  );
  const child = spawn(process.execPath, [program], {
    env: {
      ...Object.fromEntries(keep.map((name) => [name, process.env[name]])),
      PORT: String(port),
      FAX_DATA_DIR: folder,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const server = { child, out: "", err: "", ended: once(child, "exit") };
  child.stdout.on("data", (chunk) => {
    server.out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    server.err += chunk;
  });
  return server;
}

async function demo(folder, server, url) {
  const emulator = await until("the start of the server", () => {
    check(server.child.exitCode === null, "the server ended before it listened");
    return /(http:\S+)\/_emulator\//.exec(server.out)?.[1];
  });
  tell(`The Express example listens on ${url}, with a SQLite file and documents in ${folder}.`);

  const key = { "x-api-key": (await readFile(join(folder, "api-key"), "utf8")).trim() };
  const api = async (path, init = {}) => {
    const response = await fetch(url + path, { ...init, headers: { ...key, ...init.headers } });
    check(response.ok, `${init.method ?? "GET"} ${path.replace(/\?.*/, "")} answered ${response.status}`);
    return response.json();
  };
  /** Looks at, or does something to, the imitation of Sinch in the way that other processes can. */
  const sinch = async (knob, input = {}) => {
    const response = await fetch(`${emulator}/_emulator/${knob}`, {
      method: "POST",
      body: JSON.stringify(input),
    });
    check(response.ok, `the Sinch emulator answered ${response.status} to ${knob}`);
    return response.status === 204 ? undefined : response.json();
  };

  console.log("\nSending a fax of three pages");
  const form = new FormData();
  form.set("to", "+12025550123");
  form.set("file", new Blob([order], { type: "application/pdf" }), "order.pdf");
  const sent = await api("/fax", { method: "POST", headers: { "idempotency-key": "demo" }, body: form });
  tell(`POST /fax answered: fax ${sent.id} is ${sent.status}.`);

  const onItsWay = await until("handing the fax over", async () => {
    const fax = await api(`/fax/${sent.id}`);
    return fax.provider_sid && fax;
  });
  tell(`Sinch took it as ${onItsWay.provider_sid}; its status is ${onItsWay.status}.`);

  const forged = await fetch(`${url}/callbacks/sinch`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Basic ${btoa("sinch:guessed")}` },
    body: JSON.stringify({ event: "FAX_COMPLETED", fax: { id: onItsWay.provider_sid, status: "FAILURE" } }),
  });
  check(forged.status === 401, `a forged webhook was answered ${forged.status} instead of 401`);
  tell("A forged webhook that says it failed was refused with 401.");

  const delivered = await until("delivery", async () => {
    const fax = await api(`/fax/${sent.id}`);
    check(fax.status !== "failed", `the fax failed: ${fax.error}`);
    return fax.status === "delivered" && fax;
  });
  check(delivered.pages === 3, `${delivered.pages} pages were confirmed instead of 3`);
  const reports = await until("the answer to the webhook", async () => {
    const deliveries = await sinch("deliveries");
    const own = deliveries.filter(
      ({ event, faxId }) => event === "FAX_COMPLETED" && faxId === delivered.provider_sid,
    );
    return own.some(({ status }) => status !== undefined) && own;
  });
  const calls = await sinch("calls");
  check(reports.length === 1, `Sinch reported the fax ${reports.length} times instead of once`);
  check([200, 202].includes(reports[0].status), `the webhook was answered ${reports[0].status}`);
  check(calls.getFax === 0 && calls.listFaxes === 0, "the status was polled, so the webhook proves nothing");
  check(calls.sendFax === 1, `the fax was handed to Sinch ${calls.sendFax} times instead of once`);
  tell(
    `Delivered, 3 pages confirmed, by the signed webhook (answered ${reports[0].status}): handed over once, polled never.`,
  );

  console.log("\nReceiving a fax of three pages");
  const incoming = await sinch("receive", {
    from: "+12025550142",
    to: "+12025550190",
    pdfBase64: order.toString("base64"),
  });
  tell(`Somebody sends a fax to our number; Sinch calls it ${incoming.id}.`);

  const received = await until("receiving", async () => {
    const list = await api("/inbound");
    return list.find(({ provider_sid, status }) => provider_sid === incoming.id && status === "received");
  });
  check(received.pages === 3, `${received.pages} pages were counted instead of 3`);
  tell(`GET /inbound shows it: fax ${received.id}, ${received.pages} pages, ${received.size_bytes} bytes.`);

  const link = await api(`/inbound/${received.id}/token`, { method: "POST" });
  tell(`POST /inbound/{id}/token made a link that works until ${link.expires_at}.`);
  const wrong = await fetch(link.url.replace(/token=.*/, `token=${"A".repeat(43)}`));
  check(wrong.status === 403, `a wrong token was answered ${wrong.status} instead of 403`);
  const download = await fetch(link.url);
  check(download.status === 200, `the link answered ${download.status}`);
  const pdf = Buffer.from(await download.arrayBuffer());
  const [stored, original] = [sha256(pdf), sha256(order)];
  check(stored === received.sha256, "the downloaded PDF is not the one that was stored");
  check(stored === original, "the downloaded PDF is not the one that was sent");
  tell(`Downloaded ${pdf.length} bytes with it, without a key; a wrong token got 403.`);
  tell(`SHA-256 is the same everywhere: ${stored}`);
}

async function stopServer(server) {
  if (server.child.exitCode === null && server.child.signalCode === null) server.child.kill("SIGTERM");
  const force = setTimeout(() => server.child.kill("SIGKILL"), 15_000);
  const [code, signal] = await server.ended;
  clearTimeout(force);
  return signal ?? code;
}

const folder = await mkdtemp(join(tmpdir(), "faxbot-demo-"));
const port = await freePort();
console.log("\nStarting");
const server = startServer(folder, port);
// Ctrl-C reaches the server too; the demo then ends when the server has.
process.once("SIGTERM", () => server.child.kill("SIGTERM"));
process.once("SIGINT", () => {});
const started = performance.now();
try {
  await demo(folder, server, `http://127.0.0.1:${port}`);
  console.log("\nStopping");
  const code = await stopServer(server);
  check(code === 0, `the server ended with ${code} instead of 0`);
  tell("The server stopped in order.");
  console.log(
    `\nAll of it is true, in ${((performance.now() - started) / 1000).toFixed(1)} s. \`npm start\` keeps serving.`,
  );
} catch (error) {
  console.error(`\nThe demo failed: ${error.message}`);
  await stopServer(server);
  const log = server.err.trim().split("\n").slice(-10).join("\n");
  if (log) console.error(`The server's last words:\n${log}`);
  process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
