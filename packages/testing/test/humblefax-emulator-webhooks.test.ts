import { createHmac } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import {
  type HumbleFaxEmulator,
  type HumbleFaxSentFax,
  humblefaxRetryMinutes,
  startHumbleFaxEmulator,
  syntheticNumber,
  writeMultipart,
} from "../src/index.ts";
import { type HookCatcher, jsonOf, startHookCatcher } from "./hook-catcher.ts";

let emulator: HumbleFaxEmulator;
let host: HookCatcher;
let url: string;
const to = Number(syntheticNumber(50).slice(1));

beforeAll(async () => {
  host = await startHookCatcher();
  url = `${host.url}/humblefax?token=0123456789abcdef`;
  emulator = await startHumbleFaxEmulator({
    completeAfterMs: 10,
    requestsPerSecond: Number.POSITIVE_INFINITY,
    webhookRetryMinuteMs: 2,
    webhookUrls: [url],
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

const api = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(emulator.url + path, {
    ...init,
    headers: {
      authorization: `Basic ${Buffer.from(`${emulator.accessKey}:${emulator.secretKey}`).toString("base64")}`,
      ...(init.headers as Record<string, string>),
    },
  });
async function send(): Promise<HumbleFaxSentFax> {
  const { contentType, body } = writeMultipart([
    { name: "jsonData", content: JSON.stringify({ recipients: [to], includeCoversheet: true }) },
  ]);
  const answer = await api("/quickSendFax", {
    method: "POST",
    headers: { "content-type": contentType },
    body: new Uint8Array(body),
  });
  return ((await answer.json()) as { data: { fax: HumbleFaxSentFax } }).data.fax;
}

test("a sent fax is hinted at by JSON, unsigned, with the token of the URL", async () => {
  const { id } = await send();
  await emulator.idle();
  expect(host.hooks).toHaveLength(1);
  const [hook] = host.hooks;
  expect(hook).toMatchObject({ method: "POST", target: "/humblefax?token=0123456789abcdef" });
  expect(hook?.headers["content-type"]).toBe("application/json");
  expect(Object.keys(hook?.headers ?? {}).filter((name) => name.includes("signature"))).toEqual([]);
  expect(jsonOf(hook)).toEqual({
    type: "SentFax.SendComplete",
    data: { SentFax: expect.objectContaining({ id, status: "success", numSuccesses: 1 }) },
    time: expect.any(Number),
    numAttempts: 1,
    webhookId: 1,
    webhookMsgId: expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
});

test("a received fax is hinted at without a file, to every registered URL", async () => {
  emulator.addWebhook(`${host.url}/second`);
  const fax = emulator.receiveFax();
  await emulator.idle();
  expect(host.hooks.map(({ target }) => target).sort((a, b) => a.length - b.length)).toEqual([
    "/second",
    "/humblefax?token=0123456789abcdef",
  ]);
  for (const hook of host.hooks) {
    expect(jsonOf(hook)).toMatchObject({ type: "IncomingFax.SendComplete", data: { IncomingFax: fax } });
  }
});

test("the fax has other names in other clients' experience", async () => {
  emulator.quirks.webhookKey = "camel";
  const fax = emulator.receiveFax();
  await emulator.idle();
  emulator.quirks.webhookKey = "bare";
  emulator.receiveFax();
  await emulator.idle();
  expect(host.hooks.map((hook) => jsonOf(hook).data)).toMatchObject([
    { incomingFax: { id: fax.id } },
    { id: fax.id + 1 },
  ]);
});

test("webhooks are registered, listed and deleted", async () => {
  const create = (body: unknown) =>
    api("/webhook", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  expect(await (await create({ url: `${host.url}/x` })).json()).toMatchObject({
    data: { webhook: { url: `${host.url}/x` } },
  });
  const { data } = (await (await api("/webhooks")).json()) as {
    data: { webhooks: { id: number; url: string }[] };
  };
  expect(data.webhooks).toHaveLength(2);
  expect((await api(`/webhook/${data.webhooks[0]?.id}`, { method: "DELETE" })).status).toBe(200);
  expect(emulator.webhooks).toEqual(data.webhooks.slice(1));
  const refused = [
    await create({ url: "x" }),
    await create({ url, secret: "s" }),
    await create("x"),
    await api("/webhook/99", { method: "DELETE" }),
  ];
  expect(refused.map(({ status }) => status)).toEqual([400, 400, 400, 404]);
});

test("is tried again under the same message id until it is taken", async () => {
  host.answers = [{ status: 500 }, { status: 403 }];
  emulator.receiveFax();
  await emulator.idle();
  const seen = host.hooks.map(jsonOf);
  expect(seen.map(({ numAttempts }) => numAttempts)).toEqual([1, 2, 3]);
  expect(new Set(seen.map(({ webhookMsgId }) => webhookMsgId)).size).toBe(1);
  expect(humblefaxRetryMinutes.length).toBeGreaterThan(2);
});

test("faults: duplicate, reorder, drop, changed, and a wrong or missing token", async () => {
  emulator.webhookFault({ kind: "duplicate" });
  emulator.receiveFax();
  await emulator.idle();
  expect(jsonOf(host.hooks[1]).webhookMsgId).toBe(jsonOf(host.hooks[0]).webhookMsgId);
  host.clear();
  for (const kind of ["wrong_signature", "no_signature"] as const) {
    emulator.webhookFault({ kind });
    emulator.receiveFax();
    await emulator.idle();
  }
  expect(host.hooks.map(({ target }) => target)).toEqual([
    "/humblefax?token=another0123456789abcde",
    "/humblefax",
  ]);
  host.clear();
  emulator.webhookFault({ kind: "drop" });
  emulator.receiveFax();
  emulator.webhookFault({ kind: "rewrite", change: (body) => ({ ...body, type: "Fax.Sublime" }) });
  emulator.receiveFax();
  await emulator.idle();
  expect(host.hooks.map((hook) => jsonOf(hook).type)).toEqual(["Fax.Sublime"]);
});

test("a schedule of one's own can be given", async () => {
  const impatient = await startHumbleFaxEmulator({ webhookRetryMinutes: [0], webhookUrls: [url] });
  host.fallback = () => ({ status: 500 });
  impatient.receiveFax();
  await impatient.idle();
  expect(impatient.deliveries.map(({ attempt }) => attempt)).toEqual([1, 2]);
  await impatient.stop();
});

test("a proxy that signs can be imitated", async () => {
  const signing = await startHumbleFaxEmulator({ webhookSecret: "whsec_test", webhookUrls: [url] });
  signing.receiveFax();
  await signing.idle();
  signing.webhookFault({ kind: "wrong_signature" });
  signing.receiveFax();
  await signing.idle();
  const verdicts = host.hooks.map(
    ({ headers, body }) =>
      headers["x-humblefax-signature"] === createHmac("sha256", "whsec_test").update(body).digest("hex"),
  );
  expect(verdicts).toEqual([true, false]);
  await signing.stop();
});
