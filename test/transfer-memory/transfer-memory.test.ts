import { type ChildProcess, fork } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bundleScript } from "../bundle-script.ts";
import type {
  TransferAnswer,
  TransferGrowth,
  TransferOrder,
  TransferPlan,
  TransferProvider,
} from "./transfer-plan.ts";

// The promise: whatever the size of a document, only a small part of it is in memory at a time. Here are the providers,
// reduced to what a transfer takes, and each host is a process of its own. The emulators keep what they are sent.

const mebibyte = 1024 * 1024;
const small = mebibyte;
const large = 50 * mebibyte;
const mostGrowth = 16 * mebibyte;
const apiKey = "a-key-for-tests-only-0123456789";
const secret = "a-webhook-secret-0123456789";

let script: string;
beforeAll(async () => {
  script = await bundleScript(new URL("transfer-child.ts", import.meta.url), ["@faxbot/source"]);
});
afterAll(() => rm(script, { force: true }));

/** A PDF by its first bytes, in pieces. */
function* pieces(size: number): Generator<Buffer> {
  const piece = Buffer.alloc(64 * 1024, 0x41);
  const first = Buffer.from(piece);
  first.write("%PDF-1.4\n");
  for (let left = size; left > 0; left -= piece.byteLength) {
    yield (left === size ? first : piece).subarray(0, left);
  }
}

async function writePieces(target: NodeJS.WritableStream, size: number): Promise<void> {
  for (const piece of pieces(size)) if (!target.write(piece)) await once(target, "drain");
}

async function bodySize(source: AsyncIterable<Buffer>): Promise<number> {
  let size = 0;
  for await (const chunk of source) size += chunk.byteLength;
  return size;
}

const boundary = "a-boundary";
const field = (name: string, value: string) =>
  `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
const fileHead = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\nContent-Type: application/pdf\r\n\r\n`;
const formEnd = `\r\n--${boundary}--\r\n`;

/** Posts a form with a document to a host. */
async function postForm(
  url: string,
  headers: Record<string, string>,
  fields: Record<string, string>,
  size: number,
): Promise<void> {
  const head = Object.entries(fields)
    .map(([name, value]) => field(name, value))
    .join("");
  const outgoing = request(url, {
    method: "POST",
    headers: {
      ...headers,
      "content-type": `multipart/form-data; boundary=${boundary}`,
      "content-length": Buffer.byteLength(head + fileHead + formEnd) + size,
    },
  });
  const answered = once(outgoing, "response") as Promise<[IncomingMessage]>;
  outgoing.write(head + fileHead);
  await writePieces(outgoing, size);
  outgoing.end(formEnd);
  const [response] = await answered;
  response.resume();
  expect(response.statusCode).toBeLessThan(300);
}

const sendAnswers: Record<TransferProvider, (id: number) => object> = {
  sinch: (id) => ({ id: `F${id}`, status: "QUEUED" }),
  phaxio: (id) => ({ success: true, data: { id } }),
  signalwire: (id) => ({ sid: `F${id}`, status: "queued" }),
  humblefax: (id) => ({ data: { fax: { id, status: "in progress" } } }),
};

/** A provider, and the host that has a transport to it. */
async function startHouse(provider: TransferProvider) {
  let taken: ((size: number) => void) | undefined;
  let hostUrl = "";
  let faxes = 0;
  const answer = (response: ServerResponse, body: object) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(body));
  };
  const server = createServer((incoming, response) => {
    void (async () => {
      const { pathname } = new URL(incoming.url ?? "/", baseUrl);
      const size = /(small|large)/.exec(pathname)?.[1] === "large" ? large : small;
      if (incoming.method === "GET" && pathname.includes("/Faxes/")) {
        answer(response, {
          sid: "F1",
          status: "received",
          media_url: `/media/${size === large ? "large" : "small"}`,
        });
      } else if (incoming.method === "GET" && /small|large/.test(pathname)) {
        response.setHeader("content-length", size);
        await writePieces(response, size);
        response.end();
      } else if (incoming.method === "GET") {
        // What the engine asks by itself, beside the transfers.
        answer(response, {});
      } else if (provider === "signalwire") {
        const form = new URLSearchParams(Buffer.concat(await incoming.toArray()).toString());
        answer(response, sendAnswers.signalwire(faxes));
        const media = new URL(form.get("MediaUrl") ?? "");
        const pulled = await fetch(`${hostUrl}${media.pathname}${media.search}`);
        taken?.(await bodySize(pulled.body as unknown as AsyncIterable<Buffer>));
      } else {
        const received = await bodySize(incoming);
        answer(response, sendAnswers[provider](faxes));
        taken?.(received);
      }
    })();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const folder = await mkdtemp(join(tmpdir(), "faxbot-transfer-"));
  const plan: TransferPlan = { provider, baseUrl, folder, apiKey, secret };
  const child = fork(script, [JSON.stringify(plan)], { execArgv: ["--expose-gc"] });
  const ready = await nextAnswer(child);
  if (ready.type !== "ready") throw new Error("the child did not start");
  hostUrl = `http://127.0.0.1:${ready.port}`;

  const order = async (given: TransferOrder): Promise<TransferAnswer> => {
    const answered = nextAnswer(child);
    child.send(given);
    const told = await answered;
    if (told.type === "failed") throw new Error(told.reason);
    return told;
  };
  const transfers = {
    /** From the host's own caller to the provider. */
    send: async (size: number) => {
      const arrived = new Promise<number>((resolve) => {
        taken = resolve;
      });
      faxes += 1;
      // A number of its own: to each there is one call at a time.
      const to = `+1202555${String(faxes).padStart(4, "0")}`;
      await postForm(`${hostUrl}/fax`, { "x-api-key": apiKey }, { to }, size);
      expect(await arrived).toBeGreaterThanOrEqual(size);
    },
    fetch: async (size: number) => {
      await order({ type: "fetch", providerId: size === large ? "large" : "small" });
    },
    webhook: async (size: number) => {
      faxes += 1;
      if (provider === "sinch") {
        const authorization = `Basic ${Buffer.from(`faxhook:${secret}`).toString("base64")}`;
        const fax = JSON.stringify({ id: `F${faxes}`, direction: "INBOUND", status: "COMPLETED" });
        await postForm(`${hostUrl}/callbacks/sinch`, { authorization }, { event: "INCOMING_FAX", fax }, size);
        return;
      }
      const fax = JSON.stringify({ id: faxes, direction: "received", status: "success" });
      const hash = createHash("sha1");
      for (const piece of pieces(size)) hash.update(piece);
      const signed = `https://fax.example.com/callbacks/phaxiofax${fax}file${hash.digest("hex")}`;
      const signature = createHmac("sha1", secret).update(signed).digest("hex");
      await postForm(`${hostUrl}/callbacks/phaxio`, { "x-phaxio-signature": signature }, { fax }, size);
    },
  };
  return {
    /** The growth of one transfer of the large document, by a host that has made small ones before. */
    async growthOf(kind: keyof typeof transfers): Promise<TransferGrowth> {
      for (let warmUp = 0; warmUp < 3; warmUp += 1) await transfers[kind](small);
      await order({ type: "measure" });
      await transfers[kind](large);
      const told = await order({ type: "report" });
      if (told.type !== "growth") throw new Error("the child did not report");
      return told.growth;
    },
    async stop() {
      child.kill();
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function nextAnswer(child: ChildProcess): Promise<TransferAnswer> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error("the child ended"));
    child.once("exit", ended);
    child.once("message", (answer: TransferAnswer) => {
      child.off("exit", ended);
      resolve(answer);
    });
  });
}

it.concurrent.for([
  ["sinch", ["send", "fetch", "webhook"]],
  ["phaxio", ["send", "webhook"]],
  ["signalwire", ["send", "fetch"]],
  ["humblefax", ["send"]],
] as const)(
  "a document of 50 MB takes at most 16 MB of memory with %s",
  { timeout: 120_000 },
  async ([provider, kinds], { expect }) => {
    const house = await startHouse(provider);
    try {
      for (const kind of kinds) {
        const { rss, arrayBuffers } = await house.growthOf(kind);
        expect.soft(rss, `${kind}: the process's memory`).toBeLessThan(mostGrowth);
        expect.soft(arrayBuffers, `${kind}: buffers`).toBeLessThan(mostGrowth);
      }
    } finally {
      await house.stop();
    }
  },
);
