import { createHash } from "node:crypto";
import { type FaxError, isFaxError, type WebhookRequest, type WebhookResult } from "@faxbot/core/transport";
import { transportCall, webhookRequest } from "@faxbot/testing";
import { recordingServer } from "@faxbot/testing/vitest";
import { describe, expect, test } from "vitest";
import { type SignalWireOptions, signalwire } from "../src/index.ts";
import { formSignature, jsonSignature, verifySignature } from "../src/signalwire-signature.ts";
import { type FormVector, formVectors, jsonVectors } from "./signalwire-vectors.ts";

const key = "PSKtest_0123456789abcdef";
const account = { spaceUrl: "example", projectId: "p", apiToken: "token", from: "+12025550123" };
const url = "https://fax.example.com/fax-api/callbacks/signalwire";
const statusUrl = `${url}?attempt=0123456789abcdef0123456789abcdef`;

const formType = { "content-type": "application/x-www-form-urlencoded" };
const jsonType = { "content-type": "application/json" };

function receive(request: WebhookRequest, more: Partial<SignalWireOptions> = { signingKey: key }) {
  return signalwire({ ...account, ...more }).receiveWebhook(request, transportCall());
}

/** A form as SignalWire signs it. */
function signed(
  fields: Record<string, string>,
  more: { url?: string; signedUrl?: string; key?: string; header?: string } = {},
): WebhookRequest {
  const called = more.url ?? statusUrl;
  const signature = formSignature(more.key ?? key, more.signedUrl ?? called, Object.entries(fields));
  const headers = { ...formType, [more.header ?? "x-signalwire-signature"]: signature };
  return webhookRequest(called, new URLSearchParams(fields).toString(), { headers });
}

async function refusal(promise: Promise<WebhookResult>): Promise<FaxError["code"]> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isFaxError(error)) throw new Error("expected a FaxError", { cause: error });
  return error.code;
}

const status = {
  FaxSid: "fax-1",
  FaxStatus: "delivered",
  From: "+12025550123",
  To: "+12025550150",
  NumPages: "3",
};
const empty = {
  status: 200,
  headers: { "content-type": "text/xml; charset=utf-8" },
  body: '<?xml version="1.0" encoding="UTF-8"?><Response/>',
};

describe("signatures", () => {
  const call = (
    { url: called, body, signature }: FormVector,
    more: Record<string, string> = {},
    json = false,
  ) => ({
    url: called,
    headers: new Headers({ "x-signalwire-signature": signature, ...more }),
    body: Buffer.from(body),
    json,
  });

  test.each(formVectors)("$name", (vector) => {
    expect(verifySignature(call(vector), [vector.key], [])).toBe(true);
    expect(verifySignature(call(vector), ["another", vector.key], [])).toBe(true);
  });

  test.each(jsonVectors)("$name", (vector) => {
    expect(verifySignature(call(vector, {}, true), [vector.key], [])).toBe(true);
    if (vector.sha256 === undefined) return;
    const strong = { "x-signalwire-sha256-signature": vector.sha256 };
    expect(verifySignature(call(vector, strong, true), [vector.key], [])).toBe(true);
    const wrong = { "x-signalwire-sha256-signature": vector.sha256.replace(/.$/, "x") };
    expect(verifySignature(call(vector, wrong, true), [vector.key], [])).toBe(false);
    expect(jsonSignature("sha256", vector.key, vector.url, Buffer.from(vector.body))).toBe(vector.sha256);
  });

  test.each([
    ...formVectors.map((vector) => ({ ...vector, json: false })),
    ...jsonVectors.map((vector) => ({ ...vector, json: true })),
  ])("$name, with anything changed, is refused", (vector) => {
    const { json, signature, body, url: called } = vector;
    const fits = (change: Partial<FormVector>) =>
      verifySignature(call({ ...vector, ...change }, {}, json), [change.key ?? vector.key], []);
    for (let at = 0; at < signature.length; at += 1) {
      const flipped = String.fromCharCode(signature.charCodeAt(at) ^ 1);
      expect(fits({ signature: signature.slice(0, at) + flipped + signature.slice(at + 1) })).toBe(false);
    }
    for (const wrong of [
      "",
      signature.slice(1),
      signature.slice(0, -1),
      `${signature}=`,
      `${signature},${signature}`,
      signature === signature.toUpperCase() ? signature.toLowerCase() : signature.toUpperCase(),
      Buffer.from(signature, "base64").toString("hex"),
    ]) {
      expect([wrong, fits({ signature: wrong })]).toEqual([wrong, false]);
    }
    for (let at = 0; at < body.length; at += 7) {
      const flipped = String.fromCharCode(body.charCodeAt(at) ^ 1);
      expect([at, fits({ body: body.slice(0, at) + flipped + body.slice(at + 1) })]).toEqual([at, false]);
    }
    for (const spelling of [
      called.replace("https", "http"),
      called.replace("https", "HTTPS"),
      called.replace(".", ".x."),
      called.replace(/^https:\/\/[^/]+/, (origin) => origin.toUpperCase()),
      called.replace(/^(https:\/\/[^/:]+)(:443)?/, "$1:8443"),
      called.replace(/^(https:\/\/[^/:]+)(:443)?/, "$1:80"),
      called.replace(/^(https:\/\/[^/:]+)(:443)?/, "$1."),
      called.replace("//", "//user:pass@"),
      `${called}#x`,
      `${called}${called.includes("?") ? "&" : "?"}x=1`,
      called.replace(/\/([^/]*)$/, "//$1"),
      called.replace(/\/([^/]*)$/, "/%2e/$1"),
      `${called}/`,
    ]) {
      expect([spelling, fits({ url: spelling })]).toEqual([spelling, false]);
    }
    expect(fits({ key: `${vector.key}x` })).toBe(false);
    expect(fits({ key: vector.key.slice(0, -1) })).toBe(false);
  });

  test("an apostrophe, a plus and a percent sign stand as they are written", () => {
    const vector = formVectors.find(({ name }) => name.startsWith("B3")) as FormVector;
    for (const other of [
      vector.url.replace("'", "%27"),
      vector.url.replace("+", "%20"),
      vector.url.replace("+", " "),
    ]) {
      expect(verifySignature(call({ ...vector, url: other }), [vector.key], [])).toBe(false);
    }
  });

  test("names are sorted by their bytes, and values of one name keep their order", () => {
    const parameters = (text: string) => [...new URLSearchParams(text)];
    expect(formSignature("k", "u", parameters("b=1&a=2&B=3"))).toBe(
      formSignature("k", "u", [
        ["B", "3"],
        ["a", "2"],
        ["b", "1"],
      ]),
    );
    expect(formSignature("k", "u", parameters("a=1&a=2"))).not.toBe(
      formSignature("k", "u", parameters("a=2&a=1")),
    );
  });

  test("a port other than the scheme's is neither added nor taken away", () => {
    const at = (called: string, written: string) =>
      verifySignature(
        {
          url: called,
          headers: new Headers({ "x-signalwire-signature": formSignature(key, written, []) }),
          body: new Uint8Array(),
          json: false,
        },
        [key],
        [],
      );
    expect(at("http://fax.example.com/a", "http://fax.example.com:80/a")).toBe(true);
    expect(at("http://[::1]/a", "http://[::1]:80/a")).toBe(true);
    expect(at("http://[::1]:80/a", "http://[::1]/a")).toBe(true);
    expect(at("https://fax.example.com/a", "https://fax.example.com:80/a")).toBe(false);
    expect(at("https://fax.example.com:8443/a", "https://fax.example.com/a")).toBe(false);
    expect(at("https://fax.example.com:8443/a", "https://fax.example.com:8443:443/a")).toBe(false);
  });

  test("without a key nothing is accepted", () => {
    const [vector] = formVectors as [FormVector];
    for (const keys of [[], [""], [vector.key, ""]]) {
      expect(() => verifySignature(call(vector), keys, [])).toThrow(
        expect.objectContaining({ code: "config_invalid" }),
      );
    }
  });

  test("JSON whose URL states two hashes, or another's, is refused", () => {
    const body = Buffer.from('{"FaxSid":"a"}');
    const hash = createHash("sha256").update(body).digest("hex");
    const fits = (called: string) =>
      verifySignature(
        {
          url: called,
          headers: new Headers({ "x-signalwire-signature": formSignature(key, called, []) }),
          body,
          json: true,
        },
        [key],
        [],
      );
    expect(fits(`${url}?bodySHA256=${hash}`)).toBe(true);
    expect(fits(`${url}?bodySHA256=${"0".repeat(64)}&bodySHA256=${hash}`)).toBe(false);
    expect(fits(`${url}?bodySHA256=${"0".repeat(64)}`)).toBe(false);
    expect(fits(`${url}?bodySHA256=`)).toBe(false);
    expect(fits(`${url}?bodySHA256=${hash.toUpperCase()}`)).toBe(false);
  });
});

describe("a status webhook", () => {
  test("is answered with 200 and an empty Response, and reports the fax", async () => {
    expect(await receive(signed(status))).toEqual({
      events: [
        {
          type: "status",
          key: "status:fax-1:delivered",
          report: { providerId: "fax-1", status: "delivered", providerStatus: "delivered", pages: 3 },
        },
      ],
      response: empty,
    });
  });

  test("of a failure says why", async () => {
    const failed = {
      ...status,
      FaxStatus: "failed",
      ErrorCode: "34004",
      ErrorMessage: "The call dropped prematurely",
    };
    const { events } = await receive(signed(failed, { url: `${url}?job_id=1` }));
    expect(events).toMatchObject([
      {
        key: "status:fax-1:failed",
        report: { failure: { reason: "line_error", retryable: true, providerCode: "34004" } },
      },
    ]);
  });

  test("may come under the header that SignalWire shares with Twilio, or as a GET", async () => {
    expect((await receive(signed(status, { header: "X-Twilio-Signature" }))).events).toHaveLength(1);
    const called = `${statusUrl}&${new URLSearchParams(status).toString()}`;
    const headers = { "x-signalwire-signature": formSignature(key, called, []) };
    const { events } = await receive(webhookRequest(called, "", { method: "GET", headers }));
    expect(events).toMatchObject([{ type: "status", key: "status:fax-1:delivered" }]);
    const other = webhookRequest(called.replace("delivered", "failed"), "", { method: "GET", headers });
    expect(await refusal(receive(other))).toBe("webhook_unverified");
    expect(await refusal(receive({ ...signed(status), method: "PUT" }))).toBe("webhook_malformed");
  });

  test("may come as JSON", async () => {
    const body = JSON.stringify({ ...status, NumPages: 3, ErrorMessage: null });
    const called = `${statusUrl}&bodySHA256=${createHash("sha256").update(body).digest("hex")}`;
    const headers = { ...jsonType, "x-signalwire-signature": formSignature(key, called, []) };
    expect((await receive(webhookRequest(called, body, { headers }))).events).toMatchObject([
      { report: { status: "delivered", pages: 3 } },
    ]);
  });

  test("is read tolerantly", async () => {
    const { events } = await receive(signed({ FaxSid: "fax-1", FaxStatus: "teleported", NumPages: "many" }));
    expect(events).toMatchObject([{ report: { status: "unmapped", providerStatus: "teleported" } }]);
    for (const FaxSid of ["", "a/b", "../x", "x".repeat(129)]) {
      expect(await refusal(receive(signed({ ...status, FaxSid })))).toBe("webhook_malformed");
    }
    expect(await refusal(receive(signed({ To: "+12025550150" })))).toBe("webhook_malformed");
  });

  test("is verified with the old key, too, during a rotation", async () => {
    const keys = { signingKey: "PSKnew", previousSigningKey: key };
    expect((await receive(signed(status), keys)).events).toHaveLength(1);
    expect((await receive(signed(status, { key: "PSKnew" }), keys)).events).toHaveLength(1);
    expect(await refusal(receive(signed(status, { key: "PSKold" }), keys))).toBe("webhook_unverified");
    expect(await refusal(receive(signed(status), { signingKey: "PSKnew" }))).toBe("webhook_unverified");
  });

  test("without a proof is refused before its body is read", async () => {
    let touched = false;
    const request = { ...webhookRequest(statusUrl, "FaxSid=1", { headers: formType }) };
    request.body = {
      bytes: async () => {
        touched = true;
        return new Uint8Array();
      },
      stream: async () => {
        touched = true;
        return new Blob([]).stream();
      },
    };
    for (const settings of [{}, { signingKey: key }, { webhookUser: "u", webhookPass: "p" }]) {
      expect(await refusal(receive(request, settings))).toBe("webhook_unverified");
    }
    expect(touched).toBe(false);
  });

  test("the API token is no signing key", async () => {
    expect(await refusal(receive(signed(status, { key: account.apiToken })))).toBe("webhook_unverified");
  });

  test("that is empty or of another product is taken and means nothing", async () => {
    expect(await receive(signed({}))).toEqual({ events: [], response: empty });
    const [swml] = jsonVectors;
    const request = webhookRequest(swml?.url ?? "", swml?.body ?? "", {
      headers: { ...jsonType, "x-signalwire-signature": swml?.signature ?? "" },
    });
    expect(await receive(request)).toEqual({ events: [], response: empty });
  });

  test("whose genuine JSON cannot be read is malformed", async () => {
    for (const body of ["{", "[]", "1", '"x"', '{"FaxSid":{}}']) {
      const headers = {
        ...jsonType,
        "x-signalwire-signature": jsonSignature("sha1", key, url, Buffer.from(body)),
      };
      expect([body, await refusal(receive(webhookRequest(url, body, { headers })))]).toEqual([
        body,
        "webhook_malformed",
      ]);
    }
  });

  test("that is too large is refused", async () => {
    const body = `FaxSid=1&x=${"x".repeat(300_000)}`;
    const headers = { ...formType, "x-signalwire-signature": "x" };
    expect(await refusal(receive(webhookRequest(statusUrl, body, { headers })))).toBe("document_too_large");
  });
});

describe("an incoming fax", () => {
  const incoming = {
    AccountSid: "p",
    ApiVersion: "v1",
    FaxSid: "fax-2",
    From: "+12025550160",
    To: "+12025550123",
  };
  const report = {
    ...incoming,
    FaxStatus: "received",
    NumPages: "2",
    MediaUrl: "https://169.254.169.254/latest",
    Timestamp: "2026-01-13T21:54:46Z",
  };

  test("is received, and reported to the URL that was called", async () => {
    const { events, response } = await receive(signed(incoming, { url: `${url}?tenant=acme` }));
    expect(events).toEqual([]);
    expect(response).toEqual({
      ...empty,
      body:
        '<?xml version="1.0" encoding="UTF-8"?><Response><Receive action="' +
        `${url}?tenant=acme&amp;direction=inbound` +
        '" method="POST" mediaType="application/pdf" pageSize="letter"/></Response>',
    });
    const a4 = await receive(signed(incoming, { url }), { signingKey: key, receivePageSize: "a4" });
    expect(a4.response?.body).toContain(`action="${url}?direction=inbound"`);
    expect(a4.response?.body).toContain('pageSize="a4"');
  });

  test("is an event once it is there; its document is asked of the API, whatever URL the report has", async () => {
    expect(await receive(signed(report, { url: `${url}?direction=inbound` }))).toEqual({
      events: [
        {
          type: "received",
          key: "received:fax-2",
          providerId: "fax-2",
          from: "+12025550160",
          to: "+12025550123",
          pages: 2,
          occurredAt: new Date("2026-01-13T21:54:46Z"),
        },
      ],
      response: empty,
    });
  });

  test("from a SIP address has no number", async () => {
    const { events } = await receive(signed({ ...report, From: "sip:fax@example.com" }, { url }));
    expect(events[0]).not.toHaveProperty("from");
  });

  test("that broke off counts when pages came", async () => {
    const called = `${url}?direction=inbound`;
    const failed = { ...report, FaxStatus: "failed" };
    expect((await receive(signed(failed, { url: called }))).events).toMatchObject([
      { type: "received", key: "received:fax-2", partial: true, pages: 2 },
    ]);
    expect((await receive(signed({ ...failed, NumPages: "0" }, { url: called }))).events).toEqual([]);
    expect((await receive(signed({ ...failed, MediaUrl: "" }, { url: called }))).events).toEqual([]);
    expect((await receive(signed({ ...failed, FaxStatus: "canceled" }, { url: called }))).events).toEqual([]);
  });
});

describe("Basic credentials in the URL", () => {
  const basic = { webhookUser: "faxhook", webhookPass: "a/b" };
  const authorized = (user: string, pass: string, fields: Record<string, string> = status) =>
    webhookRequest(statusUrl, new URLSearchParams(fields).toString(), {
      headers: { ...formType, authorization: `Basic ${Buffer.from(`${user}:${pass}`).toString("base64")}` },
    });

  test("prove a webhook where there is no signing key", async () => {
    expect((await receive(authorized("faxhook", "a/b"), basic)).events).toHaveLength(1);
    expect((await receive(authorized("faxhook", "a%2Fb"), basic)).events).toHaveLength(1);
    for (const [user, pass] of [
      ["faxhook", "a/c"],
      ["faxhook", ""],
      ["Faxhook", "a/b"],
      ["", "a/b"],
      ["faxhook:a", "b"],
    ] as const) {
      expect(await refusal(receive(authorized(user, pass), basic))).toBe("webhook_unverified");
    }
    expect(await refusal(receive(signed(status), basic))).toBe("webhook_unverified");
  });

  test("are rotated", async () => {
    const both = { ...basic, previousWebhookPass: "old" };
    expect((await receive(authorized("faxhook", "old"), both)).events).toHaveLength(1);
    expect((await receive(authorized("faxhook", "a/b"), both)).events).toHaveLength(1);
    expect(await refusal(receive(authorized("faxhook", "older"), both))).toBe("webhook_unverified");
  });

  test("are no proof where there is a signing key, but may be in the URL that is signed", async () => {
    const settings = { ...basic, signingKey: key };
    expect(await refusal(receive(authorized("faxhook", "a/b"), settings))).toBe("webhook_unverified");
    for (const userInfo of ["faxhook:a/b@", "faxhook:a%2Fb@"]) {
      const signedUrl = statusUrl.replace("//", `//${userInfo}`);
      expect((await receive(signed(status, { signedUrl }), settings)).events).toHaveLength(1);
    }
    const signedUrl = statusUrl.replace("//", "//faxhook:else@");
    expect(await refusal(receive(signed(status, { signedUrl }), settings))).toBe("webhook_unverified");
  });

  test("go into the URL for the report of a received fax", async () => {
    const { response } = await receive(
      authorized("faxhook", "a/b", { FaxSid: "1", From: "x", To: "y" }),
      basic,
    );
    expect(response?.body).toBe(empty.body); // our own callback URL: a status without a word is no incoming fax
    const incoming = { ...authorized("faxhook", "a/b", { FaxSid: "1" }), url };
    expect((await receive(incoming, basic)).response?.body).toContain(
      'action="https://faxhook:a%2Fb@fax.example.com/fax-api/callbacks/signalwire?direction=inbound"',
    );
  });
});

describe("without verification", () => {
  const open = async (answer: { status?: number; json?: unknown }) => {
    const { url: spaceUrl, requests } = await recordingServer(() => answer);
    return { requests, settings: { spaceUrl, verifySignature: false } };
  };
  const forged = (fields: Record<string, string>) =>
    webhookRequest(url, new URLSearchParams(fields).toString(), { headers: formType });

  test("a webhook is a hint to ask by id", async () => {
    const { requests, settings } = await open({
      json: { sid: "fax-1", status: "busy", direction: "outbound" },
    });
    const { events } = await receive(forged(status), settings);
    expect(requests.map(({ target }) => target)).toEqual(["/api/laml/2010-04-01/Accounts/p/Faxes/fax-1"]);
    expect(events).toMatchObject([
      { type: "status", report: { status: "failed", failure: { reason: "busy" } } },
    ]);
  });

  test("a received fax is one only when SignalWire says so", async () => {
    const { settings } = await open({
      json: { sid: "fax-1", status: "received", direction: "inbound", to: "+12025550123", num_pages: "1" },
    });
    expect((await receive(forged(status), settings)).events).toMatchObject([
      { type: "received", key: "received:fax-1", pages: 1 },
    ]);
  });

  test("a fax that SignalWire does not know means nothing", async () => {
    const { settings } = await open({ status: 404, json: { code: 20404 } });
    expect(await receive(forged(status), settings)).toEqual({ events: [], response: empty });
  });
});
