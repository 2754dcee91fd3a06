import { createHash, randomBytes } from "node:crypto";
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import {
  createFaxbot,
  type Faxbot,
  type FaxDocument,
  FaxError,
  type InboundFax,
  type Inbox,
  memoryBlobs,
  memoryStores,
  type WebhookRequest,
} from "@faxbot/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { syntheticNumber } from "../synthetic-number.ts";
import { testTransport } from "../test-transport.ts";

/** What the suite wants served: hand it to `faxbotApi`. */
export interface HandlerParts {
  faxbot: Faxbot;
  inbox: Inbox;
  apiKey: string;
  publicUrl: string;
  maxUploadBytes: number;
}

/** A served API. */
export interface ServedHandler {
  /** The API's base URL, mount path included. */
  url: string;
  close(): Promise<void>;
}

/** What {@link describeHandlerBinding} tests. */
export interface HandlerBindingOptions {
  /** Makes the API of these parts and serves it over a real socket. */
  serve(parts: HandlerParts): Promise<ServedHandler>;
}

const apiKey = "key-of-the-binding-suite";
const publicUrl = "https://fax.example.com/published";
const maxUploadBytes = 8 * 1024 * 1024;
const downloadBytes = 32 * 1024 * 1024;
const faxId = "0".repeat(32);

/**
 * Proves that a binding carries the API over real sockets unharmed: routes and errors keep their shape, uploads and
 * downloads stream byte for byte at the slower side's pace, webhook bodies and queries arrive untouched, and clients
 * that break off leave nothing behind.
 *
 * @example
 * describeHandlerBinding("node", {
 *   serve: async (parts) => {
 *     const server = createServer(toNode(faxbotApi(parts))).listen(0);
 *     await once(server, "listening");
 *     const { port } = server.address() as AddressInfo;
 *     return { url: `http://127.0.0.1:${port}`, close: async () => void server.close() };
 *   },
 * });
 */
export function describeHandlerBinding(name: string, options: HandlerBindingOptions): void {
  describe(`${name} binding`, () => {
    const hooks = recordingTransport();
    const download = generatedDocument(downloadBytes);
    const faxbot = createFaxbot({
      transports: [hooks.transport],
      stores: memoryStores(),
      blobs: memoryBlobs(),
      maxDocumentBytes: 2 * maxUploadBytes,
    });
    let served: ServedHandler;
    beforeAll(async () => {
      const inbox = inboxOf(download.document);
      served = await options.serve({ faxbot, inbox, apiKey, publicUrl, maxUploadBytes });
    });
    afterAll(() => served.close());

    const call = (path: string, init: RequestInit = {}) =>
      fetch(served.url + path, { ...init, headers: { "x-api-key": apiKey } });

    it("serves the routes", async () => {
      const health = await call("/health");
      expect(health.status).toBe(200);
      expect(await health.json()).toEqual({ status: "ok" });
      expect((await call("/openapi.json")).status).toBe(200);
      const list = await call("/fax?limit=5");
      expect(list.status).toBe(200);
      expect(list.headers.get("content-type")).toMatch(/^application\/json/);
    });

    it("keeps the shape of errors", async () => {
      const cases = [
        [await fetch(`${served.url}/fax`), 401, "unauthorized"],
        [await call("/fax/unknown"), 404, "not_found"],
        [await call("/fax/unknown/cancel", { method: "POST" }), 404, "not_found"],
        [await call("/fax?status=lost"), 400, "request_invalid"],
        [await call("/fax?colour=blue"), 501, "unsupported"],
        [await call("/fax", { method: "POST", body: "{}" }), 415, "document_unsupported"],
        [await call("/callbacks/nobody", { method: "POST", body: "{}" }), 404, "not_found"],
      ] as const;
      for (const [response, status, code] of cases) {
        expect([response.status, await response.json()]).toEqual([
          status,
          { detail: expect.any(String), code },
        ]);
      }
    });

    it.each(["before", "after"])("streams an upload with the fields %s the file", async (place) => {
      const pdf = bigPdf(maxUploadBytes - 1024);
      const form = new FormData();
      if (place === "before") form.set("to", syntheticNumber(1));
      form.set("file", new Blob([pdf]), "big.pdf");
      if (place === "after") form.set("to", syntheticNumber(1));
      const response = await call("/fax", { method: "POST", body: form });
      expect(response.status).toBe(202);
      const { id } = (await response.json()) as { id: string };
      expect((await faxbot.get(id)).document).toMatchObject({ size: pdf.byteLength, sha256: sha256(pdf) });
    });

    it("tells a client that still sends why its upload is refused", async () => {
      const before = (await faxbot.list()).items.length;
      const { answer, sending } = startUpload(served.url);
      const chunk = randomBytes(256 * 1024);
      // Chunked, so nothing but the bytes themselves tells how many there are.
      void (async () => {
        for (let sent = 0; sent < 4 * maxUploadBytes && !sending.destroyed; sent += chunk.byteLength) {
          if (!sending.write(chunk)) await new Promise((resolve) => sending.once("drain", resolve));
        }
      })();
      const response = await answer;
      expect(response.statusCode).toBe(413);
      expect(JSON.parse(await textOf(response))).toMatchObject({ code: "document_too_large" });
      sending.destroy();
      expect((await faxbot.list()).items).toHaveLength(before);
    });

    it("forgets an upload whose client goes away", async () => {
      const before = (await faxbot.list()).items.length;
      const { answer, sending } = startUpload(served.url);
      const gone = expect(answer).rejects.toThrow();
      await new Promise((resolve) => sending.write(randomBytes(3 * 1024 * 1024), resolve));
      sending.destroy();
      await gone;
      expect((await call("/health")).status).toBe(200);
      expect((await faxbot.list()).items).toHaveLength(before);
    });

    it("hands webhook bodies and queries over untouched", async () => {
      const everyByte = Buffer.from(Array.from({ length: 1024 }, (_, index) => index % 256));
      for (const [body, type] of [
        [everyByte, "application/json"],
        [Buffer.from('{ "a" : 1.0,\r\n"b":"\\u00e9" }\n'), "application/json; charset=utf-8"],
        [Buffer.from("b=2&a=%41+%2B&a="), "application/x-www-form-urlencoded"],
        [Buffer.alloc(0), "text/plain"],
        [randomBytes(6 * 1024 * 1024), "application/octet-stream"],
      ] as const) {
        const query = "?attempt=1&name=O'Neil&x=%41+b&&empty=&x={2}|3";
        const seen = hooks.next();
        const response = await post(`${served.url}/callbacks/test`, query, body, {
          "content-type": type,
          "x-forwarded-host": "evil.example",
          "x-forwarded-proto": "http",
          host: "evil.example",
        });
        expect(response.statusCode).toBe(200);
        expect(await textOf(response)).toBe("<Response/>");
        expect(response.headers["content-type"]).toBe("text/xml");
        const { request, bytes } = await seen;
        expect(request.method).toBe("POST");
        expect(request.url).toBe(`${publicUrl}/callbacks/test${query}`);
        expect(request.headers.get("content-type")).toBe(type);
        expect(sha256(bytes)).toBe(sha256(body));
      }
    });

    it("answers a webhook that is refused before its body is read", async () => {
      const seen = hooks.next("refuse");
      const response = await post(`${served.url}/callbacks/test`, "", randomBytes(4 * 1024 * 1024), {});
      expect(response.statusCode).toBe(401);
      expect(JSON.parse(await textOf(response))).toMatchObject({ code: "webhook_unverified" });
      expect((await seen).bytes.byteLength).toBe(0);
    });

    it("streams a download", async () => {
      const response = await call(`/inbound/${faxId}/pdf`);
      expect(response.status).toBe(200);
      expect(response.headers.get("content-length")).toBe(String(downloadBytes));
      expect(response.headers.get("cache-control")).toBe("no-cache, no-store, must-revalidate");
      expect(await sha256OfStream(response.body)).toBe(download.document.sha256);
    });

    it("answers HEAD without opening the document", async () => {
      const opened = download.opened();
      const response = await call(`/inbound/${faxId}/pdf`, { method: "HEAD" });
      expect(response.status).toBe(200);
      expect(response.headers.get("content-length")).toBe(String(downloadBytes));
      expect(await response.text()).toBe("");
      expect(download.opened()).toBe(opened);
    });

    it("reads a document no faster than the client takes it, and lets go of it when the client goes", async () => {
      const closed = download.nextClose();
      const before = download.produced();
      const response = await startGet(`${served.url}/inbound/${faxId}/pdf`);
      // Nobody reads. What comes in fills the sockets' buffers, and then nothing more is produced.
      let produced = -1;
      while (download.produced() !== produced) {
        produced = download.produced();
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(produced - before).toBeGreaterThan(0);
      expect(produced - before).toBeLessThan(downloadBytes);
      response.destroy();
      await closed;
    });
  });
}

/** A test transport whose webhook keeps what it was handed. */
function recordingTransport() {
  const waiting: {
    mode: "take" | "refuse";
    seen(webhook: { request: WebhookRequest; bytes: Uint8Array }): void;
  }[] = [];
  const transport = testTransport();
  transport.receiveWebhook = async (request) => {
    const next = waiting.shift();
    if (next?.mode === "refuse") {
      next.seen({ request, bytes: new Uint8Array() });
      throw new FaxError("webhook_unverified", "refused");
    }
    next?.seen({ request, bytes: await request.body.bytes(maxUploadBytes) });
    return {
      events: [],
      response: { status: 200, headers: { "content-type": "text/xml" }, body: "<Response/>" },
    };
  };
  return {
    transport,
    next: (mode: "take" | "refuse" = "take") =>
      new Promise<{ request: WebhookRequest; bytes: Uint8Array }>((seen) => waiting.push({ mode, seen })),
  };
}

/** A document that is made up while it is read, and counts how much of it was. */
function generatedDocument(size: number) {
  const piece = randomBytes(64 * 1024);
  const hash = createHash("sha256");
  for (let done = 0; done < size; done += piece.byteLength) hash.update(piece);
  let produced = 0;
  let opened = 0;
  const closing: (() => void)[] = [];
  const document: FaxDocument = {
    mediaType: "application/pdf",
    fileName: "big.pdf",
    size,
    sha256: hash.digest("hex"),
    async open() {
      opened += 1;
      let left = size;
      return new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            if (left === 0) return controller.close();
            controller.enqueue(new Uint8Array(piece));
            left -= piece.byteLength;
            produced += piece.byteLength;
          },
          cancel() {
            for (const done of closing.splice(0)) done();
          },
        },
        { highWaterMark: 0 },
      );
    },
  };
  return {
    document,
    produced: () => produced,
    opened: () => opened,
    nextClose: () => new Promise<void>((done) => closing.push(done)),
  };
}

/** An inbox that holds one fax. */
function inboxOf(document: FaxDocument): Inbox {
  const at = new Date("2026-01-02T03:04:05Z");
  const fax: InboundFax = {
    tenantId: "default",
    id: faxId,
    transportId: "test",
    providerId: "test_1",
    status: "received",
    partial: false,
    document: { blobKey: "inbound/big.pdf", ...document },
    createdAt: at,
    receivedAt: at,
    updatedAt: at,
    version: 1,
  };
  const known = (id: string) => {
    if (id !== fax.id) throw new FaxError("not_found", "no such received fax");
  };
  const inbox: Inbox = {
    tenantId: "default",
    tasks: [],
    consume: async () => {},
    giveUp: async () => {},
    list: async () => ({ items: [fax] }),
    get: async (id) => {
      known(id);
      return fax;
    },
    document: async (id) => {
      known(id);
      return document;
    },
    issueToken: async () => ({ token: "t".repeat(43), expiresAt: at }),
    openWithToken: async () => {
      throw new FaxError("forbidden", "the token is wrong or has expired");
    },
    forTenant: () => inbox,
  };
  return inbox;
}

/** Starts a chunked upload and leaves it open in the middle of the file. */
function startUpload(url: string): { sending: ClientRequest; answer: Promise<IncomingMessage> } {
  const boundary = "binding-suite";
  const sending = httpRequest(`${url}/fax`, {
    method: "POST",
    agent: false,
    headers: { "x-api-key": apiKey, "content-type": `multipart/form-data; boundary=${boundary}` },
  });
  sending.on("error", () => {});
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    sending.once("response", resolve).once("error", reject);
    sending.once("close", () => reject(new Error("closed without an answer")));
  });
  sending.write(
    `--${boundary}\r\ncontent-disposition: form-data; name="to"\r\n\r\n${syntheticNumber(2)}\r\n`,
  );
  sending.write(
    `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="a.pdf"\r\ncontent-type: application/pdf\r\n\r\n%PDF-1.4\n`,
  );
  return { sending, answer };
}

/** Posts with a query that no URL parser has touched. */
function post(
  url: string,
  query: string,
  body: Uint8Array,
  headers: Record<string, string>,
): Promise<IncomingMessage> {
  const { hostname, port, pathname } = new URL(url);
  return new Promise((resolve, reject) => {
    const sending = httpRequest({
      hostname,
      port,
      path: pathname + query,
      method: "POST",
      // A server may close a connection whose body it did not want; nobody else shall be using it then.
      agent: false,
      headers: { "content-length": body.byteLength, ...headers },
    });
    sending.once("response", resolve).once("error", reject).end(body);
  });
}

function startGet(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sending = httpRequest(url, { agent: false, headers: { "x-api-key": apiKey } });
    sending.once("response", resolve).once("error", reject).end();
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** The header of a PDF, then bytes without any meaning. */
function bigPdf(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(randomBytes(size));
  bytes.set(Buffer.from("%PDF-1.4\n"));
  return bytes;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function sha256OfStream(stream: ReadableStream<Uint8Array> | null): Promise<string> {
  const hash = createHash("sha256");
  if (stream) for await (const chunk of stream) hash.update(chunk);
  return hash.digest("hex");
}
