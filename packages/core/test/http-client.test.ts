import { readFile } from "node:fs/promises";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import {
  apiPath,
  documentFromBytes,
  type FaxError,
  formBody,
  type HttpClientOptions,
  type HttpRequest,
  httpClient,
  isFaxError,
  jsonBody,
  multipartBody,
  type RequestBody,
  readAll,
  readDocument,
} from "../src/transport/index.ts";
import { localServer, rawServer, refusedUrl, tcpServer, testCall } from "./local-server.ts";

const manifest = {
  id: "acme",
  definiteRejections: [401, 402, 404, 422, 429, 503].map((status) => ({ status, source: "Acme's manual" })),
};
const anything = z.unknown();
const client = (baseUrl: string, more: Partial<HttpClientOptions> = {}) =>
  httpClient({ manifest, baseUrl, ...more });
const read: HttpRequest = { method: "GET", path: "/faxes" };
const send: HttpRequest = {
  method: "POST",
  path: "/faxes",
  body: jsonBody({ to: "+12025550123" }),
  intent: "send",
};
const failure = async (promise: Promise<unknown>): Promise<FaxError> => {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isFaxError(error)) throw new Error("expected a FaxError", { cause: error });
  return error;
};
const codes = async (baseUrl: string, more: Partial<HttpClientOptions> = {}) => ({
  read: (await failure(client(baseUrl, more).json(read, anything, testCall()))).code,
  send: (await failure(client(baseUrl, more).json(send, anything, testCall()))).code,
});

describe("a request that never left", () => {
  const proven = { read: "transport_unavailable", send: "transport_unavailable" };

  test("connection refused", async () => {
    expect(await codes(await refusedUrl())).toEqual(proven);
  });

  test("connection refused on every address of a name", async () => {
    const url = new URL(await refusedUrl());
    url.hostname = "localhost";
    expect(await codes(url.origin)).toEqual(proven);
  });

  test("a name that does not exist", async () => {
    expect(await codes("https://fax.invalid")).toEqual(proven);
  });

  test("a certificate that nobody vouches for", async () => {
    const pem = await readFile(new URL("fixtures/self-signed.pem", import.meta.url));
    const server = createTlsServer({ key: pem, cert: pem });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    expect(await codes(`https://localhost:${(server.address() as AddressInfo).port}`)).toEqual(proven);
  });

  test("a peer that does not speak TLS", async () => {
    const url = await tcpServer((socket) => void socket.end("SSH-2.0-not-tls\r\n"));
    // Only the untouched body proves it: the error alone could also come in the middle of a connection.
    expect((await codes(url.replace("http:", "https:"))).send).toBe("transport_unavailable");
  });

  test("a peer that hangs before the TLS connection stands", async () => {
    const url = await tcpServer(() => {});
    expect(await codes(url.replace("http:", "https:"), { timeoutMs: 100 })).toEqual(proven);
  });

  test("a caller that gave up before", async () => {
    const { url, requests } = await localServer((_, response) => void response.end("{}"));
    const call = testCall({ signal: AbortSignal.abort(new Error("shutting down")) });
    expect((await failure(client(url).json(send, anything, call))).code).toBe("transport_unavailable");
    expect(requests).toHaveLength(0);
  });

  test("a document that cannot be opened", async () => {
    const { url, requests } = await localServer((_, response) => void response.end("{}"));
    const document = {
      ...documentFromBytes(new Uint8Array(9), { mediaType: "application/pdf", fileName: "a.pdf" }),
      open: () => Promise.reject(new Error("the store is away")),
    };
    const body = multipartBody([{ name: "file", document }]);
    const error = await failure(client(url).json({ ...send, body }, anything, testCall()));
    expect(error.code).toBe("transport_unavailable");
    expect(requests).toHaveLength(0);
  });

  test("documents that were opened for it are closed", async () => {
    let canceled = 0;
    const document = {
      ...documentFromBytes(new Uint8Array(9), { mediaType: "application/pdf", fileName: "a.pdf" }),
      open: async () =>
        new ReadableStream<Uint8Array>({
          cancel() {
            canceled += 1;
          },
        }),
    };
    const body = multipartBody([
      { name: "file", document },
      { name: "file", document },
    ]);
    await failure(client(await refusedUrl()).json({ ...send, body }, anything, testCall()));
    expect(canceled).toBe(2);
  });
});

describe("a request that may have arrived", () => {
  const unproven = { read: "transport_unavailable", send: "outcome_unknown" };

  test("reset after the request", async () => {
    const { url } = await localServer((_, response) => void response.socket?.resetAndDestroy());
    expect(await codes(url)).toEqual(unproven);
  });

  test("closed without an answer", async () => {
    const { url } = await localServer((_, response) => void response.socket?.end());
    expect(await codes(url)).toEqual(unproven);
  });

  test("reset in the middle of the body", async () => {
    const url = await rawServer((request) => {
      request.once("data", () => request.socket.resetAndDestroy());
    });
    const big = documentFromBytes(new Uint8Array(4_000_000), {
      mediaType: "application/pdf",
      fileName: "a.pdf",
    });
    const body = multipartBody([{ name: "file", document: big }]);
    const error = await failure(client(url).json({ ...send, body }, anything, testCall()));
    expect(error.code).toBe("outcome_unknown");
  });

  test("no answer in time", async () => {
    const { url } = await localServer(() => {});
    expect(await codes(url, { timeoutMs: 100 })).toEqual(unproven);
    const error = await failure(client(url, { timeoutMs: 50 }).json(send, anything, testCall()));
    expect(error.message).toBe("acme did not answer in time");
  });

  test("an answer that trickles past the deadline", async () => {
    const { url } = await localServer((_, response) => {
      response.writeHead(200).write("[");
      const timer = setInterval(() => response.write("1,"), 20);
      response.on("close", () => clearInterval(timer));
    });
    expect(await codes(url, { timeoutMs: 150 })).toEqual(unproven);
  });

  test("the caller gives up while waiting", async () => {
    const controller = new AbortController();
    const { url } = await localServer(() => controller.abort());
    const call = testCall({ signal: controller.signal });
    expect((await failure(client(url).json(send, anything, call))).code).toBe("outcome_unknown");
  });

  test.each([
    ["no JSON", "<html>"],
    ["half of it", '{"id":'],
    ["nothing", ""],
    ["another shape", "[]"],
  ])("a 200 with %s", async (_, text) => {
    const { url } = await localServer((__, response) => void response.end(text));
    const schema = z.object({ id: z.string() });
    expect((await failure(client(url).json(read, schema, testCall()))).code).toBe("transport_unavailable");
    expect((await failure(client(url).json(send, schema, testCall()))).code).toBe("outcome_unknown");
  });

  test("an answer larger than allowed", async () => {
    const { url } = await localServer((_, response) => void response.end(JSON.stringify("x".repeat(5000))));
    expect(await codes(url, { maxReplyBytes: 1000 })).toEqual(unproven);
  });

  test("an answer that ends early", async () => {
    const { url } = await localServer((_, response) => {
      response.writeHead(200, { "content-length": "100" }).write('{"id":1}');
      setTimeout(() => response.socket?.destroy(), 20);
    });
    expect(await codes(url)).toEqual(unproven);
  });

  test("whatever a foreign fetch throws after it read the body", async () => {
    const fetch = async (_: unknown, init?: RequestInit) => {
      const body = init?.body as ReadableStream<Uint8Array>;
      await body.getReader().read();
      throw new Error("odd");
    };
    const call = testCall({ fetch: fetch as typeof globalThis.fetch });
    const error = await failure(client("https://acme.example").json(send, anything, call));
    expect(error.code).toBe("outcome_unknown");
  });
});

describe("statuses", () => {
  test.each([
    [400, "transport_rejected", "outcome_unknown"],
    [401, "transport_unauthorized", "transport_unauthorized"],
    [402, "transport_rejected", "transport_rejected"],
    [403, "transport_unauthorized", "outcome_unknown"],
    [404, "not_found", "transport_rejected"],
    [408, "transport_unavailable", "outcome_unknown"],
    [410, "not_found", "outcome_unknown"],
    [422, "transport_rejected", "transport_rejected"],
    [429, "transport_rate_limited", "transport_rate_limited"],
    [500, "transport_unavailable", "outcome_unknown"],
    [502, "transport_unavailable", "outcome_unknown"],
    [503, "transport_unavailable", "transport_unavailable"],
  ])("%i", async (status, forRead, forSend) => {
    const { url, requests } = await localServer((_, response) => void response.writeHead(status).end());
    expect(await codes(url)).toEqual({ read: forRead, send: forSend });
    expect(requests, "nothing is repeated").toHaveLength(2);
  });

  test("a rejection carries the provider's code, never its text", async () => {
    const { url } = await localServer((_, response) => {
      response.writeHead(422).end(JSON.stringify({ code: 17, message: "+12025550123 of Jane Doe is wrong" }));
    });
    const error = await failure(
      client(url, {
        readFailure: (status, body) => ({
          reason: "invalid_number",
          retryable: false,
          providerCode: `${status}/${(body as { code: number }).code}`,
        }),
      }).json(send, anything, testCall()),
    );
    expect(error).toMatchObject({
      code: "transport_rejected",
      message: "acme rejected the request (422/17)",
      transportId: "acme",
      failure: { reason: "invalid_number", retryable: false, providerCode: "422/17" },
    });
    expect(inspect(error, { depth: 9 })).not.toMatch(/2025550123|Jane/);
  });

  test.each([
    ["7", 7000],
    ["Thu, 01 Jan 2026 00:02:00 GMT", 120_000],
    ["Thu, 01 Jan 2015 00:00:00 GMT", 0],
    ["999999999", 86_400_000],
    ["soon", undefined],
    ["-1", undefined],
  ])("Retry-After %s", async (header, ms) => {
    const { url } = await localServer((_, response) => {
      response.writeHead(429, { "retry-after": header }).end();
    });
    const call = testCall({ clock: { now: () => new Date("2026-01-01T00:00:00Z") } });
    expect((await failure(client(url).json(send, anything, call))).retryAfterMs).toBe(ms);
  });
});

describe("credentials and origins", () => {
  const credentials = { authorization: () => "Bearer very-secret-token" };

  test("go with every request to the base URL", async () => {
    const { url, requests } = await localServer((_, response) => void response.end("{}"));
    await client(`${url}/v3/`, { credentials }).json(
      { method: "GET", path: apiPath`/faxes/${"a/../b"}`, query: [["to", "+1 202"]] },
      anything,
      testCall(),
    );
    expect(requests[0]).toMatchObject({ path: "/v3/faxes/a%2F..%2Fb?to=%2B1+202" });
    expect(requests[0]?.headers.authorization).toBe("Bearer very-secret-token");
  });

  test("a redirect to another origin is refused: nothing is sent there", async () => {
    const other = await localServer((_, response) => void response.end("{}"));
    const { url } = await localServer((_, response) => {
      response.writeHead(302, { location: `${other.url}/faxes` }).end();
    });
    const error = await failure(client(url, { credentials }).json(read, anything, testCall()));
    expect(error.code).toBe("transport_rejected");
    expect(other.requests).toHaveLength(0);
  });

  test("a read follows redirects within the origin, but not for ever; a send follows none", async () => {
    const { url, requests } = await localServer((seen, response) => {
      if (seen.path === "/there") response.end('"here"');
      else response.writeHead(307, { location: seen.path === "/loop" ? "/loop" : "/there" }).end();
    });
    const bound = client(url, { credentials });
    expect(await bound.json(read, anything, testCall())).toBe("here");
    expect(requests[1]?.headers.authorization).toBe("Bearer very-secret-token");
    const loop = bound.json({ method: "GET", path: "/loop" }, anything, testCall());
    expect((await failure(loop)).code).toBe("transport_rejected");
    expect(requests).toHaveLength(6);
    expect((await failure(bound.json(send, anything, testCall()))).code).toBe("outcome_unknown");
    expect(requests).toHaveLength(7);
  });

  test("a refused credential is renewed once, and the same bytes are sent again", async () => {
    let token = 1;
    const { url, requests } = await localServer((seen, response) => {
      if (seen.headers.authorization === "Bearer 2") response.end('{"ok":true}');
      else response.writeHead(401, { "www-authenticate": "expired" }).end();
    });
    const renewing = client(url, {
      credentials: {
        authorization: () => `Bearer ${token}`,
        renew: (refused, headers) => {
          if (refused === `Bearer ${token}` && headers.get("www-authenticate") === "expired") token += 1;
          return true;
        },
      },
    });
    expect(await renewing.json(send, anything, testCall())).toEqual({ ok: true });
    expect(requests.map((each) => each.body.toString())).toEqual([
      '{"to":"+12025550123"}',
      '{"to":"+12025550123"}',
    ]);
    token = 7;
    expect((await failure(renewing.json(send, anything, testCall()))).code).toBe("transport_unauthorized");
    expect(requests, "not more than once").toHaveLength(4);
  });

  test("a send is not repeated where a 401 proves nothing", async () => {
    const { url, requests } = await localServer((_, response) => void response.writeHead(401).end());
    const renewing = httpClient({
      manifest: { id: "acme", definiteRejections: [] },
      baseUrl: url,
      credentials: { authorization: () => "Bearer 1", renew: () => true },
    });
    expect((await failure(renewing.json(send, anything, testCall()))).code).toBe("outcome_unknown");
    expect(requests).toHaveLength(1);
  });

  test.each([
    "http://acme.example",
    "http://127.0.0.1.acme.example",
    "ftp://acme.example",
    "https://user:pass@acme.example",
    "https://acme.example/?a=1",
    "acme",
  ])("the base URL %s is refused", (baseUrl) => {
    expect(() => client(baseUrl)).toThrow(expect.objectContaining({ code: "config_invalid" }));
  });

  test("no path leads away from the base URL", async () => {
    const { url, requests } = await localServer((_, response) => void response.end("{}"));
    const outside = client(url).json({ method: "GET", path: "@evil.example/" }, anything, testCall());
    expect((await failure(outside)).code).toBe("config_invalid");
    expect(requests).toHaveLength(0);
    for (const value of ["", ".", ".."])
      expect(() => apiPath`/faxes/${value}`).toThrow("not valid in a path");
  });

  test("nothing of a foreign fetch's error shows, nor the credentials", async () => {
    const fetch = () =>
      Promise.reject(new Error("request to https://acme.example/faxes?to=+12025550123 failed"));
    const call = testCall({ fetch: fetch as typeof globalThis.fetch });
    const error = await failure(client("https://acme.example", { credentials }).json(read, anything, call));
    expect(inspect(error, { depth: 9 })).not.toMatch(/2025550123|very-secret/);
    expect(error.cause).toMatchObject({ message: "Error" });
  });
});

describe("bodies", () => {
  test("forms and JSON come with their length", async () => {
    const { url, requests } = await localServer((_, response) => void response.end("{}"));
    const post = (body: RequestBody) => client(url).discard({ method: "POST", path: "/x", body }, testCall());
    await post(
      formBody([
        ["To", "+1 202&x"],
        ["To", "ü"],
      ]),
    );
    await post(jsonBody({ a: "ü" }));
    await post(formBody([]));
    expect(requests.map((each) => [each.body.toString(), each.headers["content-length"]])).toEqual([
      ["To=%2B1+202%26x&To=%C3%BC", "25"],
      ['{"a":"ü"}', "10"],
      ["", "0"],
    ]);
    expect(requests.every((each) => each.headers["transfer-encoding"] === undefined)).toBe(true);
  });

  test("50 MB go up no faster than they are taken, with an exact length", async () => {
    const size = 50 * 1024 * 1024;
    let pulled = 0;
    const document = {
      mediaType: "application/pdf",
      fileName: "large.pdf",
      size,
      sha256: "0".repeat(64),
      open: async () =>
        new ReadableStream<Uint8Array>(
          {
            pull(controller) {
              if (pulled === size) return controller.close();
              pulled += 65_536;
              controller.enqueue(new Uint8Array(65_536));
            },
          },
          { highWaterMark: 0 },
        ),
    };
    const body = multipartBody([{ name: "file", document }]);
    let received = 0;
    let ahead = 0;
    let length: string | undefined;
    const url = await rawServer((request, response) => {
      length = request.headers["content-length"];
      // Nothing is read for a moment: what piles up then is what the client holds, beside the sockets' own buffers.
      setTimeout(() => {
        ahead = pulled;
        request.on("data", (chunk: Buffer) => {
          received += chunk.byteLength;
        });
        request.on("end", () => {
          response.end("{}");
        });
      }, 300);
    });
    await client(url).json({ ...send, body }, anything, testCall());
    expect(received).toBe(body.contentLength);
    expect(length).toBe(String(body.contentLength));
    expect(ahead).toBeLessThan(16 * 1024 * 1024);
  });

  test("a document with another size than it says is never taken as whole", async () => {
    for (const actual of [90, 110]) {
      const { url, requests } = await localServer((_, response) => void response.end("{}"));
      const lying = {
        ...documentFromBytes(new Uint8Array(actual), { mediaType: "application/pdf", fileName: "a.pdf" }),
        size: 100,
      };
      const body = multipartBody([{ name: "file", document: lying }]);
      const error = await failure(client(url).json({ ...send, body }, anything, testCall()));
      expect(error.code).toBe("outcome_unknown");
      expect(requests).toHaveLength(0);
    }
  });
});

describe("document", () => {
  const about = { mediaType: "application/pdf", fileName: "fax.pdf", maxBytes: 3_000_000 };

  test("is spooled and can be opened again, in parts", async () => {
    const bytes = Buffer.from(Array.from({ length: 2_000_000 }, (_, index) => index % 251));
    const { url } = await localServer((_, response) => void response.end(bytes));
    const document = await client(url).document(read, about, testCall());
    expect(document).toMatchObject({ size: 2_000_000, mediaType: "application/pdf", fileName: "fax.pdf" });
    expect(Buffer.from(await readDocument(document)).equals(bytes)).toBe(true);
    const part = await readAll(await document.open({ start: 10, end: 19 }), 10);
    expect(Buffer.from(part).equals(bytes.subarray(10, 20))).toBe(true);
    await document.dispose();
  });

  test("is refused when it is too large, missing or cut off", async () => {
    const { url } = await localServer((seen, response) => {
      if (seen.path === "/large") response.end(Buffer.alloc(3_000_001));
      else if (seen.path === "/gone") response.writeHead(404).end();
      else {
        response.writeHead(200, { "content-length": "1000" }).write("%PDF");
        setTimeout(() => response.socket?.destroy(), 20);
      }
    });
    const get = (path: string) => failure(client(url).document({ method: "GET", path }, about, testCall()));
    expect((await get("/large")).code).toBe("document_too_large");
    expect((await get("/gone")).code).toBe("not_found");
    expect((await get("/cut")).code).toBe("transport_unavailable");
  });

  test("a slow one gets the time that its size needs", async () => {
    const { url } = await localServer((_, response) => {
      response.writeHead(200, { "content-length": "300" });
      let left = 3;
      const timer = setInterval(() => {
        response.write("x".repeat(100));
        left -= 1;
        if (left > 0) return;
        clearInterval(timer);
        response.end();
      }, 800);
    });
    const slow = client(url, { timeoutMs: 2_000, minBytesPerSecond: 100 });
    const document = await slow.document(read, about, testCall());
    expect(document.size).toBe(300);
    await document.dispose();
  });

  test("one that promises much and trickles is given up", async () => {
    const { url } = await localServer((_, response) => {
      response.writeHead(200, { "content-length": "1000000000" });
      const timer = setInterval(() => response.write("x"), 20);
      response.on("close", () => clearInterval(timer));
    });
    const patient = client(url, { timeoutMs: 200, minBytesPerSecond: 1_000 });
    const error = await failure(patient.document(read, { ...about, maxBytes: 2_000_000_000 }, testCall()));
    expect(error).toMatchObject({
      code: "transport_unavailable",
      message: expect.stringContaining("did not answer in time"),
    });
  });
});
