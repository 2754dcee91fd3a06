import { createHmac } from "node:crypto";
import { isFaxError, type WebhookRequest } from "@faxbot/core/transport";
import { transportCall, webhookRequest } from "@faxbot/testing";
import { recordingServer } from "@faxbot/testing/vitest";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { type HumbleFaxOptions, humblefax } from "../src/index.ts";

const token = "k3Jq0sYw7bT1xN9mZ5vR2cL8dF4gH6pA0eU-3iO_aBc";
const hooks = "https://hooks.example.com/fax-api/callbacks/humblefax";
const url = `${hooks}?token=${token}`;
const keys = { accessKey: "key", secretKey: "secret" };
const body =
  '{"type":"SentFax.SendComplete","data":{"SentFax":{"id":100554731,"status":"failure"}},"time":1700000001}';

/** Vectors of the mode for signing proxies: HMAC-SHA256 of the raw body in hex, key `whsec_test`. */
const vectors = [
  {
    body: '{"type":"IncomingFax.SendComplete","data":{"IncomingFax":{"id":100554730,"status":"success"}},"time":1700000000,"webhookMsgId":"m-1"}',
    signature: "c79755549ddde36176a9e71114d36fa90dfa1de8dcab07a8d70893fb76706419",
  },
  {
    body: '{"type":"SentFax.SendComplete","data":{"SentFax":{"id":100554731,"status":"failure"}},"time":1700000001,"webhookMsgId":"m-2"}',
    signature: "51dd7df0cc36471f09e1bc9c24800e35d4a359298b9787ef98f9f77b7dcb635e",
  },
];

const codeOf = async (promise: Promise<unknown>) => {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return isFaxError(error) ? error.code : error;
};

/** HumbleFax as it would tell of the two faxes. */
const account = () =>
  recordingServer(({ target }) => {
    if (target === "/sentFax/100554731") {
      return { json: { data: { sentFax: { id: 100554731, status: "success", numPages: "1" } } } };
    }
    if (target === "/incomingFax/100554730") {
      const incomingFax = {
        id: "100554730",
        status: "partial fax received",
        time: "1700000000",
        fromNumber: "12025550101",
        toNumber: 12025550102,
        numPages: "2",
      };
      return { json: { result: "success", data: { incomingFax } } };
    }
    return { status: 404, json: { result: "failure", error: "notFound" } };
  });

async function receive(request: WebhookRequest, more: Partial<HumbleFaxOptions> = {}) {
  const { url: baseUrl, requests } = await account();
  const transport = humblefax({ ...keys, baseUrl, webhookToken: token, inbound: true, ...more });
  return { ...(await transport.receiveWebhook(request, transportCall())), requests };
}

/** A body that fails the test when it is touched. */
const untouchable = (at: string, headers: Record<string, string> = {}): WebhookRequest => ({
  method: "POST",
  url: at,
  headers: new Headers(headers),
  body: {
    bytes: () => Promise.reject(new Error("the body was read")),
    stream: () => Promise.reject(new Error("the body was read")),
  },
});
const refused = (request: WebhookRequest, more: Partial<HumbleFaxOptions> = {}) =>
  codeOf(humblefax({ ...keys, webhookToken: token, ...more }).receiveWebhook(request, transportCall()));

describe("who may call", () => {
  test.each([
    ["16 hex digits", "0123456789abcdef", "0123456789abcdef"],
    ["base64, encoded", "c2VjcmV0+c2Vj/cmV0==", "c2VjcmV0%2Bc2Vj%2FcmV0%3D%3D"],
    ["base64, as it is", "c2VjcmV0+c2Vj/cmV0==", "c2VjcmV0+c2Vj/cmV0=="],
  ])(
    "who knows a short token of an older installation, which is warned of: %s",
    async (_, short, written) => {
      const warn = vi.fn();
      const call = transportCall({ logger: { debug() {}, info() {}, warn, error() {} } });
      const { url: baseUrl } = await account();
      const transport = humblefax({ ...keys, baseUrl, webhookToken: short });
      const result = await transport.receiveWebhook(webhookRequest(`${hooks}?token=${written}`, body), call);
      expect(result.events).toHaveLength(1);
      expect(warn.mock.calls.map(([, message]) => message as string)).toEqual([
        "HUMBLEFAX_WEBHOOK_TOKEN is short: make a new one of 32 random bytes",
      ]);
      expect(await refused(untouchable(`${hooks}?token=${written}x`), { webhookToken: short })).toBe(
        "webhook_unverified",
      );
    },
  );

  test("who knows the token, whatever else is in the query", async () => {
    expect((await receive(webhookRequest(`${hooks}?a=1&token=${token}&b=2`, body))).events).toHaveLength(1);
  });

  test.each([
    hooks,
    `${hooks}?token=`,
    `${hooks}?token=${token}0`,
    `${hooks}?token=${token.slice(1)}`,
    `${hooks}?token=${token.toLowerCase()}`,
    `${hooks}?Token=${token}`,
    `${hooks}?token=${token}&token=${token}`,
    `${hooks}#token=${token}`,
    `${hooks}/${token}`,
  ])("nobody else; the body is not read: %s", async (at) => {
    expect(await refused(untouchable(at))).toBe("webhook_unverified");
  });

  test("nobody without a configured proof", async () => {
    const transport = humblefax(keys);
    expect(await codeOf(transport.receiveWebhook(untouchable(url), transportCall()))).toBe(
      "webhook_unverified",
    );
    const empty = transport.receiveWebhook(untouchable(`${hooks}?token=`), transportCall());
    expect(await codeOf(empty)).toBe("webhook_unverified");
  });

  test("who knows the previous token, during a rotation", async () => {
    const webhookToken = token.split("").reverse().join("");
    const rotating = { webhookToken, previousWebhookToken: token };
    expect((await receive(webhookRequest(url, body), rotating)).events).toHaveLength(1);
    expect(await refused(untouchable(url), { webhookToken })).toBe("webhook_unverified");
  });

  test("one letter changed, dropped, doubled or in another case is refused", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(token.length - 1),
        fc.nat(6),
        fc.constantFrom("flip", "drop", "double", "case"),
        async (at, bit, kind) => {
          const letter = token.charAt(at);
          const other = {
            flip: String.fromCharCode(letter.charCodeAt(0) ^ (1 << bit)),
            drop: "",
            double: letter + letter,
            case: letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
          }[kind];
          fc.pre(other !== letter);
          const changed = token.slice(0, at) + other + token.slice(at + 1);
          expect(await refused(untouchable(`${hooks}?token=${encodeURIComponent(changed)}`))).toBe(
            "webhook_unverified",
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  test("anybody, where that is switched off: it is only a hint", async () => {
    expect((await receive(webhookRequest(hooks, body), { verifySignature: false })).events).toMatchObject([
      { report: { status: "delivered" } },
    ]);
  });
});

describe("behind a proxy that signs", () => {
  const signed = (raw: string, signature: string, header = "X-Humblefax-Signature", at = url) =>
    webhookRequest(at, raw, { headers: { [header]: signature } });

  test.each(vectors)("vector $signature", async ({ body: raw, signature }) => {
    for (const header of ["X-Humblefax-Signature", "X-HF-Signature", "X-Signature"]) {
      const { events } = await receive(signed(raw, signature, header), { webhookSecret: "whsec_test" });
      expect(events).toHaveLength(1);
    }
    expect(createHmac("sha256", "whsec_test").update(raw).digest("hex")).toBe(signature);
  });

  test.each(vectors)("$signature is refused when anything differs", async ({ body: raw, signature }) => {
    const other = { webhookSecret: "whsec_test" };
    const cases = [
      signed(raw, ""),
      signed(raw, signature.toUpperCase()),
      signed(raw, signature.slice(1)),
      signed(raw, `${signature}0`),
      signed(raw, `sha256=${signature}`),
      signed(`${raw}\n`, signature),
      signed(raw.replace("m-", "n-"), signature),
      webhookRequest(url, raw),
    ];
    for (const request of cases) expect(await refused(request, other)).toBe("webhook_unverified");
    expect(await refused(signed(raw, signature), { webhookSecret: "another" })).toBe("webhook_unverified");
    expect(await refused(signed(raw, signature, "X-Signature", hooks), other), "no token").toBe(
      "webhook_unverified",
    );
  });

  test("the body is not read without a signature, and the signature alone is enough where no token is set", async () => {
    expect(await refused(untouchable(url), { webhookSecret: "whsec_test" })).toBe("webhook_unverified");
    const { url: baseUrl } = await account();
    const transport = humblefax({
      ...keys,
      baseUrl,
      webhookSecret: "new",
      previousWebhookSecret: "whsec_test",
    });
    const [, { body: raw, signature } = { body: "", signature: "" }] = vectors;
    const result = await transport.receiveWebhook(
      signed(raw, signature, "X-Signature", hooks),
      transportCall(),
    );
    expect(result.events).toHaveLength(1);
  });
});

describe("what a webhook says", () => {
  const event = (type: string, data: object) => webhookRequest(url, JSON.stringify({ type, data }));

  test("is asked of HumbleFax, and nothing else is believed", async () => {
    const { events, response, requests } = await receive(webhookRequest(url, body));
    expect(response).toEqual({ status: 200 });
    expect(events).toEqual([
      {
        type: "status",
        key: "SentFax:100554731:success",
        report: { providerId: "100554731", status: "delivered", providerStatus: "success", pages: 1 },
      },
    ]);
    expect(requests.map(({ target }) => target)).toEqual(["/sentFax/100554731"]);
  });

  test.each([
    { IncomingFax: { id: 100554730, fromNumber: "+19005550000" } },
    { incomingFax: { id: "100554730" } },
    { id: 100554730, url: "https://evil.example.com/x.pdf" },
  ])("a received fax, wherever its id stands: %j", async (data) => {
    const { events } = await receive(event("IncomingFax.SendComplete", data));
    expect(events).toEqual([
      {
        type: "received",
        key: "IncomingFax:100554730",
        providerId: "100554730",
        from: "+12025550101",
        to: "+12025550102",
        pages: 2,
        partial: true,
        occurredAt: new Date(1_700_000_000_000),
      },
    ]);
  });

  test("a received fax means nothing to a host that does not receive, or receives by mail", async () => {
    const request = () => event("IncomingFax.SendComplete", { id: 100554730 });
    expect((await receive(request(), { inbound: false })).events).toEqual([]);
    const mail = { imapEnabled: true, imapUsername: "u", imapPassword: "p" };
    expect((await receive(request(), mail)).events).toEqual([]);
  });

  test("an unknown fax and an unknown event are answered with 200", async () => {
    const unknown = await receive(event("SentFax.SendComplete", { SentFax: { id: 7 } }));
    expect(unknown).toMatchObject({ events: [], response: { status: 200 } });
    const other = await receive(event("constructor", { SentFax: { id: 100554731 } }));
    expect(other).toMatchObject({ events: [], response: { status: 200 }, requests: [] });
  });

  test.each([
    "",
    "{",
    "[]",
    "null",
    '{"type":"SentFax.SendComplete"}',
    '{"type":"SentFax.SendComplete","data":{}}',
  ])("%j is malformed", async (raw) =>
    expect(await codeOf(receive(webhookRequest(url, raw)))).toBe("webhook_malformed"),
  );

  test("an id that would leave its path is malformed", async () => {
    const request = event("SentFax.SendComplete", { SentFax: { id: "../user" } });
    expect(await codeOf(receive(request))).toBe("webhook_malformed");
  });

  test("when HumbleFax cannot be asked the call fails, so that it calls again", async () => {
    const { url: baseUrl } = await recordingServer(() => ({ status: 503 }));
    expect(await codeOf(receive(webhookRequest(url, body), { baseUrl }))).toBe("transport_unavailable");
  });
});
