import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { createFaxbot, memoryBlobs, memoryStores } from "@faxbot/core";
import { syntheticNumber, testTransport } from "@faxbot/testing";
import { createAdaptorServer } from "@hono/node-server";
import express from "express";
import { Hono } from "hono";
import { afterEach, describe, expect, it } from "vitest";
import { toExpress } from "../src/express.ts";
import { toHono } from "../src/hono.ts";
import { type FaxbotApi, type FaxbotApiOptions, faxbotApi } from "../src/index.ts";
import { toNode } from "../src/node.ts";
import { apiKey, faxForm, webhookSecret } from "./running-api.ts";

function newApi(options: Partial<FaxbotApiOptions> = {}): FaxbotApi {
  const faxbot = createFaxbot({
    transports: [testTransport({ webhookSecret })],
    stores: memoryStores(),
    blobs: memoryBlobs(),
  });
  return faxbotApi({ faxbot, apiKey, ...options });
}

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function serve(listener: RequestListener): Promise<{ port: number; url: string }> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}` };
}

const status = async (api: FaxbotApi, url: string) => (await api(new Request(url))).status;
const upload = (url: string) =>
  fetch(url, { method: "POST", body: faxForm({ to: syntheticNumber(1) }), headers: { "x-api-key": apiKey } });

describe("the base path", () => {
  it("is the public URL's, and may have been cut off by a proxy", async () => {
    const api = newApi({ publicUrl: "https://fax.example.com/fax-api/" });
    expect(await status(api, "http://localhost/fax-api/health")).toBe(200);
    expect(await status(api, "http://localhost/fax-api/health?probe=1")).toBe(200);
    expect(await status(api, "http://localhost/health")).toBe(200);
    expect(await status(api, "http://localhost/fax-apiary/health")).toBe(404);
    expect(await status(api, "http://localhost/fax-api")).toBe(404);
    expect(await status(api, "http://localhost/fax-api/fax-api/health")).toBe(404);
  });

  it("can be given where the host does not cut it off", async () => {
    const api = newApi({ publicUrl: "https://fax.example.com", basePath: "/api/fax" });
    expect(await status(api, "http://localhost/api/fax/health")).toBe(200);
    expect(await status(api, "http://localhost/api/fax/fax")).toBe(401);
  });

  it("is refused when it makes no sense", () => {
    for (const options of [
      { basePath: "api" },
      { publicUrl: "ftp://fax.example.com" },
      { publicUrl: "fax.example.com" },
      { publicUrl: "https://fax.example.com?x=1" },
      { publicUrl: "https://user:password@fax.example.com" },
      { maxUploadBytes: 0 },
      { maxCallbackBytes: Number.NaN },
    ]) {
      expect(() => newApi(options)).toThrow(expect.objectContaining({ code: "config_invalid" }));
    }
  });
});

describe("toExpress", () => {
  it("at the root hands other paths on", async () => {
    const app = express();
    app.use(toExpress(newApi()));
    app.use(express.json());
    app.post("/orders", (request, response) => {
      response.json({ mine: request.body });
    });
    const { url } = await serve(app);
    const order = await fetch(`${url}/orders`, {
      method: "POST",
      body: '{"a":1}',
      headers: { "content-type": "application/json" },
    });
    expect(await order.json()).toEqual({ mine: { a: 1 } });
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect((await upload(`${url}/fax`)).status).toBe(202);
    const unknown = await fetch(`${url}/unknown`);
    expect([unknown.status, unknown.headers.get("content-type")]).toEqual([404, "text/html; charset=utf-8"]);
  });

  it("below a mount path answers for every path", async () => {
    const app = express();
    app.use("/fax", toExpress(newApi({ publicUrl: "https://example.com/fax" })));
    const { url } = await serve(app);
    expect((await fetch(`${url}/fax/health`)).status).toBe(200);
    expect((await upload(`${url}/fax/fax`)).status).toBe(202);
    const unknown = await fetch(`${url}/fax/unknown`);
    expect([unknown.status, await unknown.json()]).toEqual([
      404,
      { detail: expect.any(String), code: "not_found" },
    ]);
  });

  it("after a body parser answers 500 and says why", async () => {
    const app = express();
    app.use(express.json(), express.raw({ type: "multipart/form-data" }));
    app.use(toExpress(newApi()));
    app.post("/orders", (_request, response) => void response.json("fine"));
    const { url } = await serve(app);
    const callback = fetch(`${url}/callbacks/test`, {
      method: "POST",
      body: "{}",
      headers: { "content-type": "application/json" },
    });
    for (const response of [await callback, await upload(`${url}/fax`)]) {
      expect([response.status, await response.json()]).toEqual([
        500,
        { detail: expect.stringContaining("body parser"), code: "config_invalid" },
      ]);
    }
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect((await fetch(`${url}/orders`, { method: "POST" })).status).toBe(200);
  });
});

describe("toHono", () => {
  it.each(["/*", "/fax-api/*", "/tenants/:tenant/fax-api/*"])("mounts at %s", async (pattern) => {
    const app = new Hono();
    app.use(async (_context, next) => next());
    app.all(pattern, toHono(newApi()));
    const { url } = await serveHono(app);
    const base = url + pattern.replace(":tenant", "acme").slice(0, -2);
    expect((await fetch(`${base}/health`)).status).toBe(200);
    expect((await upload(`${base}/fax`)).status).toBe(202);
    expect((await fetch(`${base}/unknown`)).status).toBe(404);
  });

  it("mounts as a fetch handler too", async () => {
    const app = new Hono();
    app.mount("/fax-api", newApi());
    const { url } = await serveHono(app);
    expect((await fetch(`${url}/fax-api/health`)).status).toBe(200);
    expect((await upload(`${url}/fax-api/fax`)).status).toBe(202);
  });

  async function serveHono(app: Hono): Promise<{ url: string }> {
    const server = createAdaptorServer({ fetch: app.fetch });
    server.listen(0, "127.0.0.1");
    closing.push(() => void server.close());
    await once(server, "listening");
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  }
});

describe("toNode", () => {
  it("lets a client that reads nothing before it has sent all read why it was refused", async () => {
    const { port } = await serve(toNode(newApi({ maxUploadBytes: 1000 })));
    const size = 24 * 1024 * 1024;
    for (const framing of [`content-length: ${size}`, "transfer-encoding: chunked"]) {
      const socket = connect(port, "127.0.0.1");
      const chunked = framing.startsWith("transfer");
      socket.write(
        `POST /fax HTTP/1.1\r\nhost: localhost\r\nx-api-key: ${apiKey}\r\n${framing}\r\n` +
          "content-type: multipart/form-data; boundary=b\r\n\r\n",
      );
      const head =
        '--b\r\ncontent-disposition: form-data; name="file"; filename="a.pdf"\r\ncontent-type: application/pdf\r\n\r\n';
      const body = Buffer.alloc(size, "x");
      body.write(head);
      const sent = chunked
        ? Buffer.concat([Buffer.from(`${size.toString(16)}\r\n`), body, Buffer.from("\r\n0\r\n\r\n")])
        : body;
      // Paused until everything is in the socket: what old blocking clients do.
      await new Promise((resolve) => socket.write(sent, resolve));
      let answer = "";
      for await (const chunk of socket.setEncoding("utf8")) {
        answer += chunk as string;
        if (answer.includes("document_too_large")) break;
      }
      expect(answer).toMatch(/^HTTP\/1\.1 413 /);
      socket.destroy();
    }
  });

  it("answers targets and methods that are no requests of the web", async () => {
    const { port } = await serve(toNode(newApi()));
    for (const line of ["GET http://evil.example/health", "OPTIONS *", "TRACE /health"]) {
      const socket = connect(port, "127.0.0.1");
      socket.end(`${line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
      let answer = "";
      for await (const chunk of socket.setEncoding("utf8")) answer += chunk as string;
      expect(answer).toMatch(/^HTTP\/1\.1 400 [\s\S]*request_invalid/);
    }
  });

  it("takes the path as it is, dots and slashes included", async () => {
    const { port } = await serve(toNode(newApi()));
    for (const path of ["//health", "/x/../health", "/%2e%2e/health", "/health/../fax"]) {
      const socket = connect(port, "127.0.0.1");
      socket.end(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
      let answer = "";
      for await (const chunk of socket.setEncoding("utf8")) answer += chunk as string;
      expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    }
  });

  it("tells the length of an answer that is JSON", async () => {
    const { port } = await serve(toNode(newApi()));
    const answer = await fetch(`http://127.0.0.1:${port}/health`);
    const body = await answer.text();
    expect(body).toMatch(/^\{.+\}$/);
    expect(answer.headers.get("content-length")).toBe(String(Buffer.byteLength(body)));
  });

  it("serves two requests over one connection, a refused upload in between", async () => {
    const { port } = await serve(toNode(newApi()));
    const socket = connect(port, "127.0.0.1").setEncoding("utf8");
    const body = "x".repeat(100_000);
    socket.write("GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n");
    socket.write(`POST /fax HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    socket.write("GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let answers = "";
    for await (const chunk of socket) answers += chunk as string;
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 401", "HTTP/1.1 200"]);
  });
});

describe("any fetch-style host", () => {
  it("keeps the connection of a request that is refused: its body is left alone, not cancelled", async () => {
    let canceled = false;
    const chunk = new Uint8Array(64 * 1024);
    const endless = () =>
      new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(chunk.slice()),
        cancel: () => {
          canceled = true;
        },
      });
    const api = newApi({ maxUploadBytes: 1000, maxCallbackBytes: 1000 });
    for (const [path, type, status] of [
      ["/fax", "multipart/form-data; boundary=b", 413],
      ["/fax", "text/plain", 415],
      ["/callbacks/test", "application/json", 413],
      ["/unknown", "application/json", 404],
    ] as const) {
      const headers = { "x-api-key": apiKey, "x-internal-secret": webhookSecret, "content-type": type };
      const init = { method: "POST", headers, body: endless(), duplex: "half" as const };
      const response = await api(new Request(`http://localhost${path}`, init));
      expect(response.status).toBe(status);
      expect(canceled).toBe(false);
    }
  });
});
