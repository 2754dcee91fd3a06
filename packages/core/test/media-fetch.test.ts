import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { type AddressInfo, isIPv6, Socket } from "node:net";
import { connect } from "node:tls";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import {
  type FaxError,
  isFaxError,
  type MediaAddress,
  type MediaFetchOptions,
  mediaFetch,
  readDocument,
} from "../src/transport/index.ts";
import { privateAddresses } from "./private-addresses.ts";

const publicAddress = "93.184.215.14";
const hosts = ["files.provider.example", ".media.provider.example"];
const pdf = Buffer.from("%PDF-1.4 a document");
let pem: Buffer;
beforeAll(async () => {
  pem = await readFile(new URL("fixtures/self-signed.pem", import.meta.url));
});

/** A TLS server of this machine that stands where a public address would be, and a record of whom was called. */
async function mediaServer(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const requests: IncomingMessage[] = [];
  const server = createServer({ cert: pem, key: pem }, (request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  const connections: MediaAddress[] = [];
  const lookups: string[] = [];
  const answers = new Map<string, readonly (readonly string[])[]>();
  let slots = 0;
  const options = (more: Partial<MediaFetchOptions> = {}): MediaFetchOptions => ({
    transportId: "provider",
    hosts,
    mediaType: "application/pdf",
    fileName: "fax.pdf",
    maxBytes: 1000,
    resolve: async (host) => {
      const sequence = answers.get(host) ?? [hosts[0] === host ? [publicAddress] : ["127.0.0.1"]];
      const answered =
        sequence[Math.min(lookups.filter((each) => each === host).length, sequence.length - 1)];
      lookups.push(host);
      return answered ?? [];
    },
    connect: (to) => {
      connections.push(to);
      return connect({ host: "127.0.0.1", port, servername: "localhost", ca: pem });
    },
    ...more,
  });
  const get = (url: string, more: Partial<MediaFetchOptions> = {}, signal = new AbortController().signal) =>
    mediaFetch(url, options(more), {
      signal,
      clock: { now: () => new Date() },
      limiter: {
        acquire: async () => {
          slots += 1;
        },
        block: () => {},
      },
    });
  return { get, requests, connections, lookups, answers, slots: () => slots };
}

const sendPdf = (_request: IncomingMessage, response: ServerResponse) => void response.end(pdf);

async function failure(promise: Promise<unknown>): Promise<FaxError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isFaxError(error)) throw new Error("expected a FaxError", { cause: error });
  return error;
}

const asHost = (address: string) => (isIPv6(address) ? `[${address}]` : address);

/** URLs that must not lead anywhere, whatever a resolver says of the names in them. */
const forbiddenUrls = [
  ...privateAddresses.flatMap((address) => [
    `https://${asHost(address)}/a.pdf`,
    `http://${asHost(address)}/`,
  ]),
  // other spellings of 127.0.0.1 and 169.254.169.254
  "https://2130706433/",
  "https://2852039166/latest/meta-data/",
  "https://0x7f000001/",
  "https://0x7f.0x0.0x0.0x1/",
  "https://0xA9FEA9FE/",
  "https://0xa9.0xfe.0xa9.0xfe/",
  "https://017700000001/",
  "https://0177.0.0.1/",
  "https://0177.0000.0000.0001/",
  "https://0251.0376.0251.0376/",
  "https://025177524776/",
  "https://0x7f.1/",
  "https://127.1/",
  "https://127.0.1/",
  "https://127.0x1/",
  "https://0/",
  "https://0x0/",
  "https://00.00.00.00/",
  "https://127.0.0.1./",
  "https://127。0。0。1/",
  "https://127．0．0．1/",
  "https://127｡0｡0｡1/",
  "https://１２７.０.０.１/",
  "https://①②⑦.⓪.⓪.①/",
  "https://[::ffff:127.0.0.1]/",
  "https://[::ffff:0x7f.0.0.1]/",
  "https://[0000:0000:0000:0000:0000:ffff:7f00:0001]/",
  "https://[0:0:0:0:0:0:0:1]/",
  "https://[::]/",
  "https://[fe80::1%25eth0]/",
  // names that lead here
  "https://localhost/",
  "https://LOCALHOST/",
  "https://localhost./",
  "https://localhost.localdomain/",
  "https://ip6-localhost/",
  "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
  "https://127.0.0.1.nip.example/",
  "https://metadata.google.internal/computeMetadata/v1/",
  "https://kubernetes.default.svc/",
  "https://router/",
  // not the provider's host, however much it looks like it
  "https://files.provider.example.evil.example/",
  "https://evil-files.provider.example/",
  "https://evilfiles.provider.example/",
  "https://provider.example/",
  "https://media.provider.example/",
  "https://evil.example/files.provider.example",
  "https://evil.example/?files.provider.example",
  "https://evil.example#files.provider.example",
  "https://evil.example?.media.provider.example",
  "https://xmedia.provider.example/",
  "https://files.provider.example./",
  "https://files.provider.example../",
  "https://.files.provider.example/",
  "https://files.provider.examplе/", // a Cyrillic letter
  "https://files.provider.example%00.evil.example/",
  "https://files.provider.example%2eevil.example/",
  // credentials before an @
  "https://files.provider.example@127.0.0.1/",
  "https://files.provider.example:443@127.0.0.1/",
  "https://files.provider.example%40127.0.0.1/",
  "https://user:pass@files.provider.example/",
  "https://user@files.provider.example/",
  "https://:pass@files.provider.example/",
  "https://127.0.0.1@files.provider.example/",
  "https://127.0.0.1%2f@files.provider.example/",
  "https://files.provider.example\\@127.0.0.1/",
  "https://127.0.0.1\\@files.provider.example/",
  "https://127.0.0.1#@files.provider.example/",
  "https://127.0.0.1?@files.provider.example/",
  "https://127.0.0.1/@files.provider.example/",
  "https://127.0.0.1;@files.provider.example/",
  "https://@files.provider.example@127.0.0.1/",
  // ports
  "https://files.provider.example:80/",
  "https://files.provider.example:22/",
  "https://files.provider.example:8443/",
  "https://files.provider.example:0/",
  "https://files.provider.example:65536/",
  "https://files.provider.example:-1/",
  "https://files.provider.example:443x/",
  "https://127.0.0.1:443/",
  "https://127.0.0.1:6379/",
  "https://[::1]:9200/",
  // schemes
  "http://files.provider.example/",
  "http://files.provider.example:443/",
  "HTTP://files.provider.example/",
  "ftp://files.provider.example/",
  "file:///etc/passwd",
  "file://files.provider.example/etc/passwd",
  "gopher://files.provider.example/",
  "data:application/pdf,%25PDF-",
  "blob:https://files.provider.example/1",
  "javascript:1",
  "ws://files.provider.example/",
  "wss://files.provider.example/",
  "ldap://127.0.0.1/",
  "jar:https://files.provider.example/!/",
  "//files.provider.example/",
  "/a.pdf",
  "files.provider.example/a.pdf",
  "",
  " ",
  "https://",
  "https:///",
  "https:////127.0.0.1/",
  // spellings that two parsers read in two ways
  "https:files.provider.example/",
  "https:/files.provider.example/",
  "https:\\\\files.provider.example/",
  "https:/\\files.provider.example/",
  " https://files.provider.example/",
  "\thttps://files.provider.example/",
  "ht\ntps://files.provider.example/",
  "https://files.provi\tder.example/",
  "https://files.provider.exa\nmple/",
  "https://files。provider。example/",
  "https://files．provider．example/",
  "https://ｆiles.provider.example/",
  "https://files.prov%69der.example/",
  "https://files.provider.exa\u00admple/",
  "https://files.provider.exa\u200bmple/",
  "https://x.media。provider.example/",
];

describe("a URL that may not be fetched", () => {
  test("is one of at least 150", () => {
    expect(new Set(forbiddenUrls).size).toBeGreaterThanOrEqual(150);
  });

  test("is refused before a name is resolved or a connection made, without being repeated", async () => {
    const { get, connections, lookups, requests } = await mediaServer(sendPdf);
    const dialled = vi.spyOn(Socket.prototype, "connect");
    onTestFinished(() => dialled.mockRestore());
    for (const url of forbiddenUrls) {
      const error = await failure(get(url, { authorizations: ["Bearer secret"] }));
      expect([url, error.code, error.retryable]).toEqual([url, "transport_rejected", false]);
      expect(error.message).not.toMatch(/127|example|secret/);
    }
    expect([connections, lookups, requests, dialled.mock.calls]).toEqual([[], [], [], []]);
  });

  test("is refused as a redirect, too", async () => {
    let location = "";
    const { get, connections, requests } = await mediaServer((_request, response) => {
      response.writeHead(302, { location: Buffer.from(location).toString("latin1") }).end();
    });
    // What a header can carry, and what does not mean the provider's host when it is resolved against it.
    const targets = forbiddenUrls.filter(
      (url) =>
        /^[\x21-\x7e]+$/.test(url) &&
        !hosts.includes(URL.parse(url, "https://files.provider.example/a")?.hostname ?? "") &&
        URL.canParse(url, "https://files.provider.example/a"),
    );
    expect(targets.length).toBeGreaterThan(100);
    for (location of targets) {
      const error = await failure(get("https://files.provider.example/a"));
      expect([location, error.code]).toEqual([location, "transport_rejected"]);
    }
    expect(requests.length).toBe(targets.length);
    expect(new Set(connections.map(({ address }) => address))).toEqual(new Set([publicAddress]));
  });
});

describe("an allowed host", () => {
  test("whose address is not public is never called", async () => {
    const { get, connections, answers, lookups } = await mediaServer(sendPdf);
    for (const address of privateAddresses) {
      for (const all of [[address], [publicAddress, address], [address, publicAddress]]) {
        answers.set("a.media.provider.example", [all]);
        const error = await failure(get("https://a.media.provider.example/a.pdf"));
        expect([address, error.code]).toEqual([address, "transport_rejected"]);
      }
    }
    expect(lookups.length).toBe(privateAddresses.length * 3);
    expect(connections).toEqual([]);
  });

  test("is resolved once, so that a second answer changes nothing", async () => {
    const { get, connections, answers, lookups } = await mediaServer(sendPdf);
    answers.set("a.media.provider.example", [[publicAddress], ["127.0.0.1"]]);
    const document = await get("https://a.media.provider.example/a.pdf");
    expect(Buffer.from(await readDocument(document))).toEqual(pdf);
    expect(lookups).toEqual(["a.media.provider.example"]);
    expect(connections).toEqual([
      { address: publicAddress, port: 443, serverName: "a.media.provider.example" },
    ]);
    await document.dispose();
  });

  test("is checked again when a redirect resolves it again", async () => {
    const { get, connections, answers } = await mediaServer((_request, response) => {
      response.writeHead(307, { location: "/again" }).end();
    });
    answers.set("a.media.provider.example", [[publicAddress], ["10.0.0.1"]]);
    expect((await failure(get("https://a.media.provider.example/"))).code).toBe("transport_rejected");
    expect(connections.length).toBe(1);
  });

  test("is dialled by its checked address and known by its name", async () => {
    const dialled = vi.spyOn(Socket.prototype, "connect").mockImplementation(function (this: Socket) {
      setImmediate(() => this.destroy(Object.assign(new Error("refused"), { code: "ECONNREFUSED" })));
      return this;
    });
    onTestFinished(() => dialled.mockRestore());
    const error = await failure(
      mediaFetch(
        "https://files.provider.example/a.pdf",
        {
          transportId: "provider",
          hosts,
          mediaType: "application/pdf",
          fileName: "fax.pdf",
          maxBytes: 10,
          resolve: async () => [publicAddress, "2606:4700::1111"],
        },
        {
          signal: new AbortController().signal,
          clock: { now: () => new Date() },
          limiter: { acquire: async () => {}, block: () => {} },
        },
      ),
    );
    expect(error.code).toBe("transport_unavailable");
    const targets = dialled.mock.calls.map((call) => {
      const [first] = [call].flat(2) as { host?: string; port?: number }[];
      return `${first?.host} ${first?.port}`;
    });
    expect(targets).toEqual([`${publicAddress} 443`, "2606:4700::1111 443"]);
  });

  test("may be listed as a name only", async () => {
    const { get } = await mediaServer(sendPdf);
    for (const host of ["127.0.0.1", "com", ".com", "*.example.com", "A.example.com", "[::1]", ""]) {
      const error = await failure(get("https://files.provider.example/", { hosts: [host] }));
      expect([host, error.code]).toEqual([host, "config_invalid"]);
    }
  });
});

describe("a document", () => {
  test("is asked for without credentials and under the right name", async () => {
    const { get, requests, slots } = await mediaServer(sendPdf);
    const document = await get("https://Files.Provider.Example:443/a/b.pdf?x=%2F#page", {
      authorizations: ["Bearer secret"],
    });
    expect(document).toMatchObject({ mediaType: "application/pdf", fileName: "fax.pdf", size: pdf.length });
    const [request] = requests;
    expect([request?.method, request?.url, slots()]).toEqual(["GET", "/a/b.pdf?x=%2F", 0]);
    expect(request?.headers).toMatchObject({ host: "files.provider.example", "accept-encoding": "identity" });
    expect(request?.headers.authorization).toBeUndefined();
    expect(Buffer.from(await readDocument(document))).toEqual(pdf);
    await document.dispose();
  });

  test("is asked for with one authorization after the other, each with its own slot", async () => {
    const { get, requests, slots } = await mediaServer(({ headers }, response) => {
      response.writeHead(headers.authorization === "Bearer b" ? 200 : headers.authorization ? 403 : 401);
      response.end(pdf);
    });
    const authorizations = ["Basic a", "Bearer b", "Bearer c"];
    await (await get("https://files.provider.example/a", { authorizations })).dispose();
    expect(requests.map(({ headers }) => headers.authorization)).toEqual([undefined, "Basic a", "Bearer b"]);
    expect(slots()).toBe(2);
    const error = await failure(get("https://files.provider.example/a", { authorizations: ["Basic x"] }));
    expect(error.code).toBe("transport_unauthorized");
  });

  test("is followed to another host of the list, and the credentials stay behind", async () => {
    const { get, requests, answers } = await mediaServer(({ headers, url }, response) => {
      if (url === "/end") response.end(pdf);
      else if (headers.authorization) {
        response.writeHead(302, { location: "https://b.media.provider.example/end" }).end();
      } else response.writeHead(401).end();
    });
    answers.set("b.media.provider.example", [[publicAddress]]);
    await (await get("https://files.provider.example/a", { authorizations: ["Basic a"] })).dispose();
    expect(requests.map(({ headers }) => [headers.host, headers.authorization])).toEqual([
      ["files.provider.example", undefined],
      ["files.provider.example", "Basic a"],
      ["b.media.provider.example", undefined],
    ]);
  });

  test("is not followed for ever", async () => {
    const { get, requests } = await mediaServer((_request, response) => {
      response.writeHead(301, { location: "/again" }).end();
    });
    expect((await failure(get("https://files.provider.example/"))).code).toBe("transport_rejected");
    expect(requests.length).toBe(4);
  });

  test.each([
    [400, "transport_rejected"],
    [403, "transport_unauthorized"],
    [404, "not_found"],
    [408, "transport_unavailable"],
    [410, "not_found"],
    [429, "transport_rate_limited"],
    [500, "transport_unavailable"],
    [204, "transport_rejected"],
    [206, "transport_rejected"],
    [304, "transport_rejected"],
  ])("answered with %i is %s", async (status, code) => {
    const { get } = await mediaServer((_request, response) => {
      response.writeHead(status, { "retry-after": "7" }).end();
    });
    const error = await failure(get("https://files.provider.example/"));
    expect(error).toMatchObject({ code, transportId: "provider" });
    if (error.retryable && status !== 403) expect(error.retryAfterMs).toBe(7000);
  });

  test("is not taken when it is too large, said or not", async () => {
    const { get } = await mediaServer(({ url }, response) => {
      if (url === "/said") response.writeHead(200, { "content-length": 1001 });
      response.end(Buffer.alloc(1001));
    });
    for (const path of ["said", "not-said"]) {
      expect((await failure(get(`https://files.provider.example/${path}`))).code).toBe("document_too_large");
    }
  });

  test("that breaks off, hangs or is no longer wanted is not taken", async () => {
    const { get } = await mediaServer(({ url }, response) => {
      response.writeHead(200, { "content-length": 100 });
      response.write("%PDF-");
      if (url === "/cut") setImmediate(() => response.destroy());
    });
    const cut = await failure(get("https://files.provider.example/cut"));
    expect(cut).toMatchObject({ code: "transport_unavailable", message: expect.stringContaining("fetched") });
    const late = await failure(
      get("https://files.provider.example/hang", { timeoutMs: 50, minBytesPerSecond: 100_000 }),
    );
    expect(late).toMatchObject({
      code: "transport_unavailable",
      message: expect.stringContaining("in time"),
    });
    const controller = new AbortController();
    const unwanted = failure(get("https://files.provider.example/hang", {}, controller.signal));
    controller.abort();
    expect((await unwanted).code).toBe("transport_unavailable");
  });

  test("is not waited for longer than the resolver may take", async () => {
    const { get } = await mediaServer(sendPdf);
    const resolve = () => new Promise<string[]>(() => {});
    expect((await failure(get("https://files.provider.example/", { resolve, timeoutMs: 20 }))).code).toBe(
      "transport_unavailable",
    );
  });

  test("whose server has no valid certificate is not taken", async () => {
    const { get, requests } = await mediaServer(sendPdf);
    const error = await failure(
      get("https://files.provider.example/", {
        connect: () => connect({ host: "127.0.0.1", port: 1, servername: "localhost" }),
      }),
    );
    expect(error.code).toBe("transport_unavailable");
    expect(requests).toEqual([]);
  });
});
