import { createRequire } from "node:module";
import twilio from "twilio";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  countPdfPages,
  type SignalWireEmulator,
  type SignalWireFax,
  signalwireBodyUrl,
  signalwireSignature,
  startSignalWireEmulator,
  syntheticNumber,
  syntheticPdf,
} from "../src/index.ts";
import { formOf, type Hook, type HookCatcher, jsonOf, startHookCatcher } from "./hook-catcher.ts";

// Validators that we did not write: the vendor's own, and the one it was made from.
type Validate = (key: string, signature: string, url: string, params: Record<string, string>) => boolean;
const { RestClient } = createRequire(import.meta.url)("@signalwire/compatibility-api") as {
  RestClient: {
    validateRequest: Validate;
    validateRequestWithBody: (key: string, signature: string, url: string, body: string) => boolean;
  };
};

let emulator: SignalWireEmulator;
let host: HookCatcher;
const to = syntheticNumber(50);
const from = syntheticNumber(90);
const key = "PSKtest_0123456789abcdef";
const pdf = syntheticPdf({ pages: 2 });
const xml = (inner: string) => ({
  status: 200,
  contentType: "text/xml",
  body: `<?xml version="1.0" encoding="UTF-8"?><Response>${inner}</Response>`,
});

beforeAll(async () => {
  host = await startHookCatcher();
  emulator = await startSignalWireEmulator({
    completeAfterMs: 12,
    callEveryMs: 1,
    numbers: [from],
    webhookTimeoutMs: 2_000,
    console: { signingKey: key },
  });
});
afterEach(() => {
  emulator.reset();
  host.clear();
});
afterAll(async () => {
  await emulator.stop();
  await host.stop();
});

const hooks = (): Hook[] => host.hooks.filter(({ target }) => !target.startsWith("/order.pdf"));
async function send(fields: Record<string, string> | [string, string][] = {}): Promise<SignalWireFax> {
  const base = { To: to, From: from, MediaUrl: `${host.url}/order.pdf` };
  const body = new URLSearchParams(base);
  for (const [name, value] of new URLSearchParams(fields)) body.append(name, value);
  const inner = host.fallback;
  host.fallback = (hook) =>
    hook.target.startsWith("/order.pdf")
      ? { status: 200, contentType: "application/pdf", body: pdf }
      : inner(hook);
  const answer = await fetch(`${emulator.apiUrl}/Accounts/${emulator.projectId}/Faxes`, {
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(`${emulator.projectId}:${emulator.apiToken}`).toString("base64")}`,
      "content-type": "application/x-www-form-urlencoded",
    },
    body: body.toString(),
  });
  expect(answer.status).toBe(200);
  return (await answer.json()) as SignalWireFax;
}

const signatureOf = (hook: Hook | undefined): string => String(hook?.headers["x-signalwire-signature"]);
/** Both foreign validators must agree. */
const isSigned = (hook: Hook | undefined, url: string, params = formOf(hook)): boolean => {
  const verdicts = [
    RestClient.validateRequest(key, signatureOf(hook), url, params),
    twilio.validateRequest(key, signatureOf(hook), url, params),
  ];
  expect(new Set(verdicts).size).toBe(1);
  return verdicts[0] === true;
};

describe("a sent fax", () => {
  test("is reported by a form that the vendor's own validator takes", async () => {
    const url = `${host.url}/webhooks/signalwire?job_id=8f14e45f`;
    const { sid } = await send({ StatusCallback: url });
    await emulator.idle();
    expect(hooks()).toHaveLength(1);
    const [hook] = hooks();
    expect(hook).toMatchObject({ method: "POST", target: "/webhooks/signalwire?job_id=8f14e45f" });
    expect(hook?.headers["content-type"]).toBe("application/x-www-form-urlencoded");
    expect(formOf(hook)).toEqual({
      AccountSid: emulator.projectId,
      ApiVersion: "v1",
      FaxSid: sid,
      From: from,
      To: to,
      FaxStatus: "delivered",
      NumPages: "2",
      MediaSid: emulator.faxes[0]?.media_sid,
      MediaUrl: emulator.faxes[0]?.media_url,
      OriginalMediaUrl: `${host.url}/order.pdf`,
      RemoteStationId: to,
      ErrorCode: "",
      ErrorMessage: "",
    });
    expect(isSigned(hook, url)).toBe(true);
    expect(isSigned(hook, `${host.url}/webhooks/signalwire`)).toBe(false);
    expect(isSigned(hook, url, { ...formOf(hook), NumPages: "3" })).toBe(false);
    expect(emulator.deliveries).toMatchObject([{ event: "status", faxId: sid, attempt: 1, status: 200 }]);
  });

  test("is reported at every event that was asked for", async () => {
    emulator.script("0150", "line_error");
    const events = ["initiated", "ringing", "answered", "completed"];
    await send([
      ["StatusCallback", host.url],
      ...events.map((event): [string, string] => ["StatusCallbackEvent", event]),
    ]);
    await emulator.idle();
    const statuses = hooks().map((hook) => formOf(hook).FaxStatus);
    expect(statuses).toHaveLength(4);
    expect(statuses).toEqual(expect.arrayContaining(["processing", "sending", "failed"]));
    expect(
      hooks()
        .map(formOf)
        .find(({ FaxStatus }) => FaxStatus === "failed"),
    ).toMatchObject({
      FaxStatus: "failed",
      ErrorCode: "34004",
      ErrorMessage: "The call dropped prematurely",
      NumPages: "0",
    });
  });

  test("is reported by GET when asked, with everything in the signed URL", async () => {
    await send({ StatusCallback: `${host.url}/get?a=b`, StatusCallbackMethod: "GET" });
    await emulator.idle();
    const [hook] = hooks();
    expect(hook).toMatchObject({ method: "GET", target: expect.stringContaining("/get?a=b&AccountSid=") });
    expect(isSigned(hook, host.url + (hook?.target ?? ""), {})).toBe(true);
  });

  test("is reported once: there is no second try", async () => {
    host.fallback = () => ({ status: 500 });
    await send({ StatusCallback: host.url });
    await emulator.idle();
    expect(emulator.deliveries.map(({ status }) => status)).toEqual([500]);
  });

  test("a URL may carry credentials and its own time limits", async () => {
    const url = `${host.url.replace("//", "//user:pass@")}/cb`;
    await send({ StatusCallback: `${url}#rt=100&tt=100` });
    await emulator.idle();
    const [hook] = hooks();
    expect(hook?.headers.authorization).toBe(`Basic ${Buffer.from("user:pass").toString("base64")}`);
    expect(isSigned(hook, url)).toBe(true);
    Object.assign(emulator.quirks, { signUserInfo: false, signFragment: true });
    await send({ StatusCallback: `${url}#rt=100` });
    await emulator.idle();
    expect(signatureOf(hooks()[1])).toBe(
      signalwireSignature(key, `${host.url}/cb#rt=100`, Object.entries(formOf(hooks()[1]))),
    );
  });

  test("may be reported by JSON with bodySHA256, and under Twilio's header", async () => {
    emulator.quirks.webhookBody = "json";
    await send({ StatusCallback: `${host.url}/json?vendor=sw` });
    await emulator.idle();
    const [hook] = hooks();
    expect(jsonOf(hook)).toMatchObject({ FaxStatus: "delivered" });
    const url = host.url + (hook?.target ?? "");
    const body = hook?.body.toString() ?? "";
    expect(url).toBe(signalwireBodyUrl(`${host.url}/json?vendor=sw`, body));
    expect(RestClient.validateRequestWithBody(key, signatureOf(hook), url, body)).toBe(true);
    expect(twilio.validateRequestWithBody(key, signatureOf(hook), url, body)).toBe(true);
    expect(twilio.validateRequestWithBody(key, signatureOf(hook), url, `${body} `)).toBe(false);
    emulator.quirks.signatureHeader = "x-twilio-signature";
    await send({ StatusCallback: host.url });
    await emulator.idle();
    expect(hooks()[1]?.headers).toHaveProperty("x-twilio-signature");
  });
});

describe("a received fax", () => {
  const receiveXml = `<Receive action="/fax/received?a=1&amp;b=2" method="POST" mediaType="application/pdf" pageSize="letter"/>`;

  test("is announced to the number's URL, received as it says, and reported", async () => {
    const url = `${host.url}/fax/sent`;
    emulator.console.voiceUrl = url;
    host.answers = [xml(receiveXml), xml("")];
    const fax = emulator.receiveFax({ from: syntheticNumber(60), pdf: syntheticPdf({ pages: 3 }) });
    expect(fax).toMatchObject({ direction: "inbound", status: "receiving" });
    await emulator.idle();
    const [asked, reported] = hooks();
    const standard = {
      AccountSid: emulator.projectId,
      ApiVersion: "v1",
      FaxSid: fax.sid,
      From: syntheticNumber(60),
      To: from,
    };
    expect(formOf(asked)).toEqual(standard);
    expect(isSigned(asked, url)).toBe(true);
    expect(reported?.target).toBe("/fax/received?a=1&b=2");
    expect(formOf(reported)).toEqual({
      ...standard,
      FaxStatus: "received",
      NumPages: "3",
      MediaSid: fax.media_sid,
      MediaUrl: fax.media_url,
      RemoteStationId: syntheticNumber(60),
      ErrorCode: "",
      ErrorMessage: "",
      Timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
    expect(isSigned(reported, `${host.url}/fax/received?a=1&b=2`)).toBe(true);
    const document = await fetch(fax.media_url ?? "");
    expect(countPdfPages(new Uint8Array(await document.arrayBuffer()))).toBe(3);
    expect(emulator.deliveries.map(({ event }) => event)).toEqual(["inbound", "received"]);
  });

  test("is reported as failed when the reception breaks, and to an absolute action by GET", async () => {
    emulator.console.voiceUrl = `${host.url}/fax`;
    host.answers = [xml(`<Receive action="${host.url}/done" method="GET"></Receive>`)];
    const fax = emulator.receiveFax({ failure: { errorMessage: "The call dropped prematurely" } });
    await emulator.idle();
    expect(fax.status).toBe("failed");
    const target = new URL(hooks()[1]?.target ?? "", host.url);
    expect([target.pathname, target.searchParams.get("FaxStatus")]).toEqual(["/done", "failed"]);
  });

  test("is refused by <Reject>", async () => {
    emulator.console.voiceUrl = host.url;
    host.answers = [xml("<Reject/>")];
    const fax = emulator.receiveFax();
    await emulator.idle();
    expect([fax.status, hooks().length]).toEqual(["canceled", 1]);
  });

  test.each([
    ["no content type", { status: 200, body: "<Response><Receive/></Response>" }, "20422"],
    ["another content type", { ...xml("<Receive/>"), contentType: "text/html" }, "12300"],
    [
      "white space first",
      { status: 200, contentType: "text/xml", body: " <Response><Receive/></Response>" },
      "12100",
    ],
    ["a verb in lower case", xml("<receive/>"), "12100"],
    ["no verb", xml(""), "12100"],
    ["an error", { status: 503 }, "11217"],
  ])("fails on %s, and a fallback URL saves it", async (_name, answer, code) => {
    emulator.console.voiceUrl = `${host.url}/fax`;
    host.answers = [answer];
    const failed = emulator.receiveFax();
    await emulator.idle();
    expect([failed.status, failed.error_code]).toEqual(["failed", code]);
    emulator.console.voiceFallbackUrl = `${host.url}/fallback`;
    host.answers = [answer, xml("<Receive/>")];
    const saved = emulator.receiveFax();
    await emulator.idle();
    expect([saved.status, hooks().at(-1)?.target]).toEqual(["received", "/fallback"]);
  });

  test("is only there to be listed when nobody is asked", async () => {
    const fax = emulator.receiveFax();
    await emulator.idle();
    expect([fax.status, host.hooks.length]).toEqual(["received", 0]);
  });
});

test("faults: duplicate, wrong and no signature, changed and signed, lost", async () => {
  const url = `${host.url}/cb`;
  for (const kind of ["duplicate", "wrong_signature", "no_signature", "drop"] as const) {
    emulator.webhookFault({ kind });
    await send({ StatusCallback: url });
    await emulator.idle();
  }
  emulator.webhookFault({ kind: "rewrite", change: (fields) => ({ ...fields, FaxStatus: "sublime" }) });
  await send({ StatusCallback: url });
  await emulator.idle();
  const [first, second, wrong, none, changed] = hooks();
  expect(hooks()).toHaveLength(5);
  expect(second?.body).toEqual(first?.body);
  expect(isSigned(wrong, url)).toBe(false);
  expect(none?.headers).not.toHaveProperty("x-signalwire-signature");
  expect(formOf(changed).FaxStatus).toBe("sublime");
  expect(isSigned(changed, url)).toBe(true);
});

// B0 is Twilio's published example, C1 SignalWire's own; the others were checked with both validators.
const example = {
  CallSid: "CA1234567890ABCDE",
  Caller: "+14158675309",
  Digits: "1234",
  From: "+14158675309",
  To: "+18005551212",
};
const sentReport = {
  AccountSid: "b3877c40-da60-4998-90ad-b792e98472ac",
  ApiVersion: "v1",
  ErrorCode: "",
  ErrorMessage: "",
  FaxSid: "b3877c40-da60-4998-90ad-b792e98472fa",
  FaxStatus: "delivered",
  From: "+13103383454",
  MediaSid: "b3877c40-da60-4998-90ad-b792e98472fe",
  MediaUrl: "https://files.signalwire.com/a/b/c.pdf",
  NumPages: "3",
  OriginalMediaUrl: "https://fax.example.com/media/8f14e45f?token=abc",
  RemoteStationId: "+13104456789",
  To: "+13104456789",
};
const receivedReport = Object.fromEntries(
  new URLSearchParams(
    "FaxSid=0d2bbd4c-1111-4222-8333-444455556666&AccountSid=b3877c40-da60-4998-90ad-b792e98472ac&From=%2B12025550101&To=%2B12025550199&RemoteStationId=ACME+CLINIC+%26+CO&FaxStatus=received&ApiVersion=v1&NumPages=2&MediaSid=11111111-2222-4333-8444-555566667777&MediaUrl=https%3A%2F%2Ffiles.signalwire.com%2Fs%2Fp%2Ff.pdf&Timestamp=2022-01-13T21%3A54%3A46Z",
  ),
);
test.each<[string, string, Record<string, string>, string]>([
  ["12345", "https://mycompany.com/myapp.php?foo=1&bar=2", example, "RSOYDt4T1cUTdK1PDd93/VVr8B8="],
  [
    key,
    "https://fax.example.com/webhooks/signalwire?job_id=8f14e45f",
    sentReport,
    "bsWxFZmOjQxHl4G1uWRSfzEg+ps=",
  ],
  [
    key,
    "https://fax.example.com:443/webhooks/signalwire?job_id=8f14e45f",
    sentReport,
    "Kht29O3wCcD/Od7GlZpBzVU51Q8=",
  ],
  [
    key,
    "https://fax.example.com/webhooks/signalwire/inbound",
    receivedReport,
    "pAX7fCiUkx2uPbKx5cEoKCqtbb0=",
  ],
  [key, "https://fax.example.com/cb?name=O'Hara+X", { FaxSid: "x" }, "gI+F1IaW3UUvx4MRDXDq+vMG4ms="],
])("signs with %s for %s", (signingKey, url, params, signature) => {
  expect(signalwireSignature(signingKey, url, Object.entries(params))).toBe(signature);
});
test.each([
  [
    "PSKtest1234567890abcdef",
    '{"event":"call.state"}',
    "https://example.ngrok.io/webhook",
    "dfO9ek8mxyFtn2nMz24plPmPfIY=",
  ],
  [
    key,
    '{"FaxSid":"0d2bbd4c-1111-4222-8333-444455556666","FaxStatus":"received"}',
    "https://fax.example.com/hook?vendor=sw",
    "Zu6FtBdhB7lcxrQxDZ9CKnxhlDs=",
  ],
])("signs JSON with %s: %s", (signingKey, body, url, signature) => {
  expect(signalwireSignature(signingKey, signalwireBodyUrl(url, body))).toBe(signature);
});
