import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  createFaxbot,
  type Fax,
  type Faxbot,
  type FaxTransportV1,
  memoryBlobs,
  memoryStores,
} from "@faxbot/core";
import { faxbotApi } from "@faxbot/http";
import { toNode } from "@faxbot/http/node";
import { humblefax } from "@faxbot/humblefax";
import { phaxio } from "@faxbot/phaxio";
import { signalwire } from "@faxbot/signalwire";
import { sinch } from "@faxbot/sinch";
import {
  type EmulatorFault,
  startHumbleFaxEmulator,
  startPhaxioEmulator,
  startSignalWireEmulator,
  startSinchEmulator,
  syntheticNumber,
  syntheticPdf,
} from "@faxbot/testing";
import { describe, expect, it, onTestFinished, vi } from "vitest";

// The promise: a fax whose answer was lost is never handed over a second time. It is found again by our reference, or a
// person is told. Each provider takes every fax here, and every answer is lost.

const count = process.env.FAXBOT_LOST_ANSWERS ? 1000 : 100;
const timeout = 180_000;
/** So many are on their way at the same time. */
const atOnce = 250;

/** How an answer is lost after the fax was taken; each in turn. */
const lostAnswers: readonly EmulatorFault<never>[] = [
  { kind: "reset_after" },
  { kind: "half_body" },
  { kind: "malformed_json" },
  { kind: "hang" },
  { kind: "respond", status: 500, taken: true },
  { kind: "respond", status: 502, taken: true, body: "<html>Bad Gateway</html>" },
];

/** A transport, and the emulator at its other end. */
interface Line {
  transport: FaxTransportV1;
  /** Makes the answer to the next fax go wrong. */
  lose(answer: EmulatorFault<never>): void;
  /** The destinations of all faxes that the provider took: one that was sent twice is here twice. */
  taken(): string[];
  /** How often it was asked to send. */
  sendCalls(): number;
  stop(): Promise<void>;
}

const completeAfterMs = 5;

async function sinchLine(): Promise<Line> {
  const emulator = await startSinchEmulator({ completeAfterMs });
  const { projectId, keyId: apiKey, keySecret: apiSecret, url: baseUrl } = emulator;
  return {
    transport: sinch({ projectId, apiKey, apiSecret, baseUrl }),
    lose: (answer) => void emulator.fault({ ...answer, operation: "sendFax" }),
    taken: () => emulator.faxes.map(({ to }) => to ?? ""),
    sendCalls: () => emulator.calls.sendFax,
    stop: () => emulator.stop(),
  };
}

async function phaxioLine(): Promise<Line> {
  const emulator = await startPhaxioEmulator({ completeAfterMs });
  const { apiKey, apiSecret, apiUrl: baseUrl } = emulator;
  return {
    transport: phaxio({ apiKey, apiSecret, baseUrl }),
    lose: (answer) => void emulator.fault({ ...answer, operation: "sendFax" }),
    taken: () => emulator.faxes.map(({ recipients }) => recipients?.[0]?.phone_number ?? ""),
    sendCalls: () => emulator.calls.sendFax,
    stop: () => emulator.stop(),
  };
}

async function humblefaxLine(): Promise<Line> {
  const emulator = await startHumbleFaxEmulator({
    completeAfterMs,
    requestsPerSecond: Number.POSITIVE_INFINITY,
  });
  const { accessKey, secretKey, url: baseUrl } = emulator;
  return {
    transport: humblefax({ accessKey, secretKey, baseUrl }),
    lose: (answer) => void emulator.fault({ ...answer, operation: "quickSendFax" }),
    taken: () => emulator.sentFaxes.map(({ recipients }) => `+${recipients[0]?.toNumber}`),
    sendCalls: () => emulator.calls.quickSendFax,
    stop: () => emulator.stop(),
  };
}

/**
 * The engine as a host runs it, without the providers' limits, with a clock that can be put forward.
 *
 * What hangs is given up as soon as the provider has taken all that was sent: what a time limit does, without the wait.
 */
async function startEngine(line: Line, publicUrl?: string) {
  let ahead = 0;
  const now = () => new Date(Date.now() + ahead);
  let sends = 0;
  const waiting = new Set<AbortController>();
  const faxbot = createFaxbot({
    transports: [line.transport],
    stores: memoryStores(),
    blobs: memoryBlobs(),
    clock: { now },
    limiter: () => ({ acquire: async () => {}, block: () => {} }),
    delivery: { concurrency: 32, pollMs: 10, statusPollMs: 50 },
    async fetch(input, init) {
      if (init?.method !== "POST") return fetch(input, init);
      sends += 1;
      const patience = new AbortController();
      waiting.add(patience);
      const signals = [patience.signal, ...(init.signal ? [init.signal] : [])];
      return fetch(input, { ...init, signal: AbortSignal.any(signals) }).finally(() =>
        waiting.delete(patience),
      );
    },
    ...(publicUrl === undefined ? {} : { publicUrl }),
  });
  const impatience = setInterval(() => {
    if (line.taken().length === sends) for (const each of waiting) each.abort();
  }, 10);
  onTestFinished(async () => {
    await faxbot.stop();
    clearInterval(impatience);
    await line.stop();
  });
  await faxbot.start();
  return {
    faxbot,
    now,
    /** Lets time pass. */
    putForward: (ms: number) => {
      ahead += ms;
    },
    /** Sends faxes of which every answer will be lost. */
    send: async (destinations: readonly string[]) => {
      for (const index of destinations.keys()) {
        line.lose(lostAnswers[index % lostAnswers.length] as EmulatorFault<never>);
      }
      await Promise.all(destinations.map((to) => faxbot.send({ to, document: syntheticPdf() })));
    },
  };
}

async function faxesOf(faxbot: Faxbot, query: Parameters<Faxbot["list"]>[0]): Promise<Fax[]> {
  return (await faxbot.list({ ...query, limit: 1000 })).items;
}

function untilThereAre(wanted: number, faxbot: Faxbot, query: Parameters<Faxbot["list"]>[0]): Promise<void> {
  const check = async () => expect(await faxesOf(faxbot, query)).toHaveLength(wanted);
  // To look costs time in proportion.
  return vi.waitFor(check, { timeout, interval: wanted / 2 });
}

/** Each provider took each fax once, and was asked for it once. */
function expectNoSecondCall(line: Line, destinations: readonly string[]): void {
  expect(line.taken().toSorted()).toEqual(destinations.toSorted());
  expect(line.sendCalls()).toBe(destinations.length);
}

const numbers = Array.from({ length: count }, (_, index) => syntheticNumber(100 + index));

describe(`${count} faxes of which every answer is lost`, () => {
  it.each([
    { name: "sinch", start: sinchLine },
    { name: "phaxio", start: phaxioLine },
    { name: "humblefax", start: humblefaxLine },
  ])("are handed to $name once, and found again by our reference", { timeout }, async ({ start }) => {
    const line = await start();
    const { faxbot, now, send, putForward } = await startEngine(line);
    for (let first = 0; first < count; first += atOnce) {
      const some = numbers.slice(first, first + atOnce);
      const since = now();
      await send(some);
      await untilThereAre(some.length, faxbot, { since, needsReview: true });
      const lost = await faxesOf(faxbot, { since });
      expect(new Set(lost.map(({ needsReview }) => needsReview))).toEqual(new Set(["outcome_unknown"]));
      putForward(line.transport.manifest.lookup.settleMs);
      await untilThereAre(some.length, faxbot, { since, status: "delivered" });
    }
    expect(await faxesOf(faxbot, { status: "delivered" })).toHaveLength(count);
    expect(await faxesOf(faxbot, { needsReview: true })).toEqual([]);
    expectNoSecondCall(line, numbers);
  });

  it("are handed to signalwire once, and resolved by their callback, or else a person is told", {
    timeout,
  }, async () => {
    // It names nothing of ours, so nothing can be searched: of half of the faxes the callback is lost as well.
    const [unheard, heard] = [numbers.slice(0, count / 2), numbers.slice(count / 2)];
    const host = await listen();
    const emulator = await startSignalWireEmulator({
      completeAfterMs,
      callEveryMs: 0,
      requestsPerSecond: Number.POSITIVE_INFINITY,
    });
    const { url: spaceUrl, projectId, apiToken, console } = emulator;
    const line: Line = {
      transport: signalwire({
        spaceUrl,
        projectId,
        apiToken,
        from: syntheticNumber(51),
        signingKey: console.signingKey,
      }),
      lose: (answer) => void emulator.fault({ ...answer, operation: "sendFax" }),
      taken: () => emulator.faxes.map(({ to }) => to),
      sendCalls: () => emulator.calls.sendFax,
      stop: () => emulator.stop(),
    };
    const { faxbot, send, putForward } = await startEngine(line, host.url);
    host.serve(toNode(faxbotApi({ faxbot, publicUrl: host.url, allowUnauthenticated: true })));

    emulator.webhookFault({ kind: "drop", times: unheard.length });
    await send(unheard);
    await untilThereAre(unheard.length, faxbot, { needsReview: true });
    await emulator.idle();
    await send(heard);
    await untilThereAre(heard.length, faxbot, { status: "delivered" });

    // However long it takes, nothing but a person may send it again.
    putForward(7 * 24 * 3_600_000);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const lost = await faxesOf(faxbot, { needsReview: true });
    expect(lost.map(({ to }) => to).toSorted()).toEqual(unheard.toSorted());
    for (const fax of lost)
      expect(fax).toMatchObject({ status: "in_progress", needsReview: "outcome_unknown" });
    expect(await faxesOf(faxbot, { status: "delivered" })).toHaveLength(heard.length);
    expectNoSecondCall(line, numbers);
  });
});

/** A server on this machine of which the address is known before what it serves. */
async function listen(): Promise<{ url: string; serve(listener: RequestListener): void }> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    serve: (listener) => void server.on("request", listener),
  };
}
