import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { connect } from "node:tls";
import { readDocument } from "@faxbot/core/transport";
import { transportCall } from "@faxbot/testing";
import { expect, onTestFinished, test } from "vitest";
import { signalwireMedia } from "../src/signalwire-media.ts";

const basic = `Basic ${Buffer.from("p:token").toString("base64")}`;
const pdf = "%PDF-1.4 received";

/** A TLS server of this machine that stands where SignalWire's file host is. */
async function fileHost(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const pem = await readFile(new URL("fixtures/self-signed.pem", import.meta.url));
  const seen: [string | undefined, string | undefined, string | undefined][] = [];
  const server = createServer({ cert: pem, key: pem }, (request, response) => {
    seen.push([request.headers.host, request.url, request.headers.authorization]);
    answer(request, response);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  const media = signalwireMedia(
    { spaceUrl: "example", projectId: "p", apiToken: "token" },
    {
      resolve: async () => ["93.184.215.14"],
      connect: () => connect({ host: "127.0.0.1", port, servername: "localhost", ca: pem }),
    },
  );
  return { seen, get: (url: string) => media(url, transportCall()) };
}

test("a document is asked for without credentials", async () => {
  const { get, seen } = await fileHost((_request, response) => void response.end(pdf));
  const document = await get("https://files.signalwire.com/s/p/f.pdf");
  expect(Buffer.from(await readDocument(document)).toString()).toBe(pdf);
  expect(seen).toEqual([["files.signalwire.com", "/s/p/f.pdf", undefined]]);
});

test.each([[basic], ["Bearer token"]])(
  "a protected one is then asked for with credentials: %s",
  async (wanted) => {
    const { get, seen } = await fileHost(({ headers }, response) => {
      response.writeHead(headers.authorization === wanted ? 200 : 401).end(pdf);
    });
    expect((await get("https://media.eu.signalwire.com/f.pdf")).size).toBe(pdf.length);
    const tried = [undefined, basic, "Bearer token"];
    expect(seen.map(([, , authorization]) => authorization)).toEqual(
      tried.slice(0, tried.indexOf(wanted) + 1),
    );
  },
);

test("credentials do not follow a redirect, and nothing follows one to a stranger", async () => {
  const { get, seen } = await fileHost(({ url, headers }, response) => {
    if (url === "/end") response.end(pdf);
    else if (!headers.authorization) response.writeHead(403).end();
    else {
      const target = url === "/near" ? "https://other.signalwire.com/end" : "https://bucket.example.com/end";
      response.writeHead(302, { location: target }).end();
    }
  });
  expect((await get("https://files.signalwire.com/near")).size).toBe(pdf.length);
  expect(seen.at(-1)).toEqual(["other.signalwire.com", "/end", undefined]);
  seen.length = 0;
  await expect(get("https://files.signalwire.com/far")).rejects.toMatchObject({ code: "transport_rejected" });
  expect(seen.map(([host]) => host)).toEqual(["files.signalwire.com", "files.signalwire.com"]);
});

test("what is no PDF is not taken", async () => {
  const { get } = await fileHost((_request, response) => void response.end("<html>"));
  await expect(get("https://files.signalwire.com/f.pdf")).rejects.toMatchObject({
    code: "transport_unavailable",
  });
});
