// A whole host in a process of its own, so that its memory can be measured: engine, inbox, HTTP handler, documents in a
// folder, one transport. Runs with --expose-gc.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createFaxbot, type FaxTransportV1, folderBlobs, memoryStores } from "@faxbot/core";
import { faxbotApi } from "@faxbot/http";
import { toNode } from "@faxbot/http/node";
import { humblefax } from "@faxbot/humblefax";
import { createInbox } from "@faxbot/inbound";
import { phaxio } from "@faxbot/phaxio";
import { signalwire } from "@faxbot/signalwire";
import { sinch } from "@faxbot/sinch";
import type { TransferAnswer, TransferGrowth, TransferOrder, TransferPlan } from "./transfer-plan.ts";

const plan = JSON.parse(process.argv[2] ?? "{}") as TransferPlan;
const { baseUrl, secret } = plan;
const say = (answer: TransferAnswer) => void process.send?.(answer);
const maxDocumentBytes = 64 * 1024 * 1024;
const sampleEveryMs = 10;

const transports: Record<TransferPlan["provider"], () => FaxTransportV1> = {
  sinch: () =>
    sinch({
      projectId: "p",
      apiKey: "k",
      apiSecret: "s",
      baseUrl,
      webhookUser: "faxhook",
      webhookPass: secret,
    }),
  phaxio: () => phaxio({ apiKey: "k", apiSecret: "s", baseUrl, callbackToken: secret }),
  signalwire: () => signalwire({ spaceUrl: baseUrl, projectId: "p", apiToken: "t", from: "+12025550123" }),
  humblefax: () => humblefax({ accessKey: "k", secretKey: "s", baseUrl }),
};

const transport = transports[plan.provider]();
const [stores, blobs] = [memoryStores(), folderBlobs(plan.folder)];
// What comes in is not looked into here: an inspection has a memory of its own.
const inbox = createInbox({ stores, blobs, maxPdfBytes: maxDocumentBytes });
const publicUrl = "https://fax.example.com";
const faxbot = createFaxbot({
  transports: [transport],
  stores,
  blobs,
  inbox,
  publicUrl,
  maxDocumentBytes,
  limiter: () => ({ acquire: async () => {}, block: () => {} }),
  delivery: { pollMs: 20 },
});
await faxbot.start();
const api = faxbotApi({ faxbot, inbox, apiKey: plan.apiKey, publicUrl, maxUploadBytes: maxDocumentBytes });
const server = createServer(toNode(api)).listen(0, "127.0.0.1", () => {
  say({ type: "ready", port: (server.address() as AddressInfo).port });
});

async function fetchDocument(providerId: string): Promise<void> {
  const document = await transport.fetchDocument?.(providerId, {
    signal: new AbortController().signal,
    fetch,
    clock: { now: () => new Date() },
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    limiter: { acquire: async () => {}, block() {} },
    state: { get: async () => undefined, set: async () => {} },
  });
  if (!document) throw new Error("there is no document");
  await blobs.put(`fetched/${providerId}`, await document.open());
  await document.dispose?.();
}

let before: NodeJS.MemoryUsage | undefined;
let growth: TransferGrowth;
let sampling: NodeJS.Timeout | undefined;

/**
 * Garbage is no growth: left to itself, V8 lets some tens of megabytes of it lie, of whatever a process does. So it is
 * collected before each sample, and what is left is what is held.
 */
function sample(): void {
  globalThis.gc?.({ type: "minor" });
  const now = process.memoryUsage();
  for (const kind of ["rss", "arrayBuffers"] as const) {
    growth[kind] = Math.max(growth[kind], now[kind] - (before?.[kind] ?? 0));
  }
}

async function measure(): Promise<void> {
  if (!globalThis.gc) throw new Error("garbage cannot be collected");
  // Buffers are freed beside the program, a moment later.
  for (let time = 0; time < 2; time += 1) {
    globalThis.gc();
    await sleep(50);
  }
  before = process.memoryUsage();
  growth = { rss: 0, arrayBuffers: 0 };
  clearInterval(sampling);
  sampling = setInterval(sample, sampleEveryMs);
}

async function obey(order: TransferOrder): Promise<TransferAnswer> {
  if (order.type === "fetch") await fetchDocument(order.providerId);
  if (order.type === "measure") await measure();
  if (order.type !== "report") return { type: "done" };
  sample();
  clearInterval(sampling);
  return { type: "growth", growth };
}

process.on("message", (order: TransferOrder) => {
  obey(order).then(say, (error: unknown) => say({ type: "failed", reason: String(error) }));
});
