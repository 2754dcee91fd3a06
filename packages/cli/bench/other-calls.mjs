// How long the end of our call takes to reach the host while 10,000 events of other people's calls come through the same
// connection in every second. The exchange is an emulator in a process of its own; both read one monotonic clock.
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const self = fileURLToPath(import.meta.url);
const eventsPerSecond = 10_000;
const calls = 30;
const mostMs = 100;
const now = () => Number(process.hrtime.bigint()) / 1e6;

async function serve(kind) {
  const { amiAccount, startAmiEmulator, startEslEmulator } = await import("@faxbot/testing");
  // Our own manager.conf keeps other people's events away; here is one that does not.
  const account = { ...amiAccount, filters: [] };
  const emulator =
    kind === "asterisk"
      ? await startAmiEmulator({ completeAfterMs: 5, accounts: [account] })
      : await startEslEmulator({ completeAfterMs: 5 });
  let stop;
  const end = async () => {
    await emulator.reached("transferring");
    const endedAt = now();
    emulator.resume();
    process.send({ endedAt });
  };
  process.on("message", (order) => {
    if (order === "flood") stop = emulator.flood(eventsPerSecond);
    if (order === "pause") emulator.pauseAt = "transferring";
    if (order === "end") void end();
    if (order === "stop") process.send({ events: stop() });
  });
  const { port, password, secret, spoolIn } = emulator;
  process.send({ port, password: password ?? secret, spoolIn });
}

async function openTransport(kind, { port, password, spoolIn }, spoolOut) {
  const settings = { host: "127.0.0.1", port, password, spoolOut, callerIdNumber: "+12125550100" };
  if (kind === "asterisk") {
    const { asterisk } = await import("@faxbot/asterisk");
    return asterisk({ ...settings, username: "faxbot", trunk: "trunk", spoolIn: spoolIn ?? spoolOut });
  }
  const { freeswitch } = await import("@faxbot/freeswitch");
  return freeswitch({ ...settings, gateway: "trunk", spoolIn: spoolIn ?? spoolOut });
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc");
const memory = () => {
  collectGarbage();
  return process.memoryUsage().heapUsed / 1024 ** 2;
};

async function measure(kind) {
  const { documentFromBytes } = await import("@faxbot/core/transport");
  const { sendJob, syntheticFaxTiff, transportCall, transportHost } = await import("@faxbot/testing");
  const folder = await mkdtemp(join(tmpdir(), "faxbot-bench-"));
  await mkdir(join(folder, "out"));
  const child = fork(self, [kind]);
  const answer = async () => (await once(child, "message"))[0];
  const transport = await openTransport(kind, await answer(), join(folder, "out"));
  const controller = new AbortController();
  const waiting = new Map();
  const host = transportHost({
    signal: controller.signal,
    emit: async (event) => {
      if (event.type === "status" && event.report.status === "delivered")
        waiting.get(event.report.providerId)?.();
    },
  });
  const running = transport.run(host);
  const document = documentFromBytes(syntheticFaxTiff(), { mediaType: "image/tiff", fileName: "fax.tif" });
  const delays = [];
  try {
    await sleep(500);
    child.send("flood");
    await sleep(1_000);
    const before = memory();
    const floodedAt = now();
    for (let call = 0; call < calls; call++) {
      child.send("pause");
      const { providerId } = await transport.send(sendJob({ to: "+12025550123", document }), transportCall());
      let heardAt;
      const heard = new Promise((resolve) => {
        waiting.set(providerId, () => {
          heardAt = now();
          resolve();
        });
      });
      child.send("end");
      const [{ endedAt }] = await Promise.all([answer(), heard]);
      delays.push(heardAt - endedAt);
    }
    const seconds = (now() - floodedAt) / 1_000;
    child.send("stop");
    const { events } = await answer();
    return { delays: delays.sort((a, b) => a - b), growth: memory() - before, events, seconds };
  } finally {
    controller.abort();
    await running;
    child.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

async function main() {
  console.log(
    `While events of other people's calls come through the same connection: from the moment in which the exchange ends our
call, its own two or three events of that included, until the host is told. ${calls} calls each; promised is less than ${mostMs} ms.\n`,
  );
  console.log("| exchange | events a second | median | longest | heap grew by |\n|---|---|---|---|---|");
  for (const kind of ["asterisk", "freeswitch"]) {
    const { delays, growth, events, seconds } = await measure(kind);
    const longest = delays.at(-1);
    const rate = Math.round(events / (seconds + 1));
    console.log(
      `| ${kind} | ${rate} | ${delays[delays.length >> 1].toFixed(1)} ms | ${longest.toFixed(1)} ms | ${Math.max(0, growth).toFixed(1)} MB |`,
    );
    if (longest > mostMs) {
      console.error(`${kind}: the longest was ${longest.toFixed(0)} ms`);
      process.exitCode = 1;
    }
  }
}

const [kind] = process.argv.slice(2);
if (kind) await serve(kind);
else await main();
