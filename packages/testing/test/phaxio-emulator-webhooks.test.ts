import { createHash, createHmac } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  countPdfPages,
  type FormPart,
  type PhaxioEmulator,
  type PhaxioFax,
  phaxioRetryMinutes,
  phaxioSignature,
  startPhaxioEmulator,
  syntheticNumber,
  syntheticPdf,
  writeMultipart,
} from "../src/index.ts";
import { type Hook, type HookCatcher, partsOf, startHookCatcher } from "./hook-catcher.ts";

let emulator: PhaxioEmulator;
let host: HookCatcher;
let url: string;
const to = syntheticNumber(50);
const token = "callback-token-0123456789";

beforeAll(async () => {
  host = await startHookCatcher();
  url = `${host.url}/phaxio/?job=42&env=prod`;
  emulator = await startPhaxioEmulator({
    completeAfterMs: 10,
    webhookRetryMinuteMs: 2,
    console: { callbackToken: token, sentCallbackUrl: url, receivedCallbackUrl: url },
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

async function send(...more: FormPart[]): Promise<number> {
  const { contentType, body } = writeMultipart([
    { name: "to", content: to },
    { name: "file", fileName: "a.pdf", content: syntheticPdf({ pages: 2 }) },
    ...more,
  ]);
  const pair = Buffer.from(`${emulator.apiKey}:${emulator.apiSecret}`).toString("base64");
  const answer = await fetch(`${emulator.apiUrl}/faxes`, {
    method: "POST",
    headers: { authorization: `Basic ${pair}`, "content-type": contentType },
    body: new Uint8Array(body),
  });
  return ((await answer.json()) as { data: { id: number } }).data.id;
}

const fields = async (hook: Hook | undefined): Promise<Record<string, string>> =>
  Object.fromEntries((await partsOf(hook)).map(({ name, text }) => [name, text]));
const faxOf = async (hook: Hook | undefined): Promise<PhaxioFax> =>
  JSON.parse((await fields(hook)).fax ?? "") as PhaxioFax;

/** The documented algorithm once more, in the words of the vendor's page and apart from the emulator's own. */
async function expectedSignature(hook: Hook | undefined, signedUrl = url): Promise<string> {
  const all = await partsOf(hook);
  const sorted = (list: typeof all) => list.sort((a, b) => (a.name < b.name ? -1 : 1));
  let message = signedUrl;
  for (const { name, text } of sorted(all.filter(({ fileName }) => fileName === undefined)))
    message += name + text;
  for (const { name, bytes } of sorted(all.filter(({ fileName }) => fileName !== undefined))) {
    message += name + createHash("sha1").update(bytes).digest("hex");
  }
  return createHmac("sha1", token).update(message).digest("hex");
}

describe("a sent fax", () => {
  test("is reported by a signed multipart POST without a file", async () => {
    const id = await send();
    await emulator.idle();
    expect(host.hooks).toHaveLength(1);
    const [hook] = host.hooks;
    expect(hook).toMatchObject({ method: "POST", target: "/phaxio/?job=42&env=prod" });
    expect(await fields(hook)).toEqual({
      event_type: "fax_completed",
      fax: expect.any(String),
      success: "true",
      is_test: "false",
      direction: "sent",
    });
    expect(await faxOf(hook)).toMatchObject({ id, status: "success", recipients: [{ status: "success" }] });
    expect(hook?.headers["x-phaxio-signature"]).toBe(await expectedSignature(hook));
    expect(emulator.deliveries).toMatchObject([{ event: "fax_completed", attempt: 1, status: 200 }]);
  });

  test("goes to the callback_url of its own, and failures are the same event", async () => {
    emulator.script("0150", "invalid_number");
    await send({ name: "callback_url", content: `${host.url}/own` });
    await emulator.idle();
    expect(host.hooks[0]?.target).toBe("/own");
    expect(await faxOf(host.hooks[0])).toMatchObject({ status: "failure", error_id: 34 });
    expect((await fields(host.hooks[0])).success).toBe("false");
  });

  test("is accompanied by inflight events when the account wants them", async () => {
    Object.assign(emulator.console, { inflightEvents: true, retries: 1 });
    await send();
    emulator.script("0150", "busy");
    await send();
    await emulator.idle();
    const seen = await Promise.all(host.hooks.map(fields));
    const summary = seen.map(({ event_type, page, retry_count }) => [event_type, page ?? retry_count]);
    expect(summary).toHaveLength(5);
    expect(summary).toEqual(
      expect.arrayContaining([
        ["transmitting_page", "1"],
        ["transmitting_page", "2"],
        ["retry_scheduled", "1"],
        ["fax_completed", undefined],
      ]),
    );
    for (const hook of host.hooks) {
      expect(hook.headers["x-phaxio-signature"]).toBe(await expectedSignature(hook));
    }
    const retry = seen.find(({ event_type }) => event_type === "retry_scheduled");
    expect(Object.keys(retry ?? {}).sort()).toEqual([
      "event_type",
      "fax",
      "recipient_phone_number",
      "retry_count",
    ]);
  });
});

describe("a received fax", () => {
  test("is brought with its file, signed by the file's SHA-1", async () => {
    const fax = emulator.receiveFax({ from: syntheticNumber(3), pdf: syntheticPdf({ pages: 4 }) });
    await emulator.idle();
    const file = (await partsOf(host.hooks[0])).find(({ name }) => name === "file");
    expect(file).toMatchObject({ fileName: `fax-${fax.id}.pdf`, contentType: "application/pdf" });
    expect(countPdfPages(file?.bytes ?? Buffer.alloc(0))).toBe(4);
    const shown = await faxOf(host.hooks[0]);
    expect(shown).toMatchObject({
      direction: "received",
      from_number: syntheticNumber(3),
      status: "success",
    });
    expect(shown.recipients).toBeUndefined();
    expect(host.hooks[0]?.headers["x-phaxio-signature"]).toBe(await expectedSignature(host.hooks[0]));
  });

  test("has other shapes in v1 and v2.0", async () => {
    emulator.console.webhookVersion = "v1";
    emulator.receiveFax();
    await send();
    await emulator.idle();
    const names = (await partsOf(host.hooks[0])).map(({ name }) => name);
    expect(names).toEqual(["fax", "success", "is_test", "direction", "filename"]);
    expect(await faxOf(host.hooks[1])).toMatchObject({
      requested_at: expect.any(Number),
      recipients: [{ number: to.slice(1), status: "success" }],
    });
    emulator.console.webhookVersion = "v2.0";
    emulator.script("0150", "busy");
    await send();
    await emulator.idle();
    expect(Object.keys(await fields(host.hooks[2]))).toEqual([
      "fax",
      "success",
      "is_test",
      "direction",
      "message",
    ]);
    for (const hook of host.hooks)
      expect(hook.headers["x-phaxio-signature"]).toBe(await expectedSignature(hook));
  });

  test("may come without its file, and unsigned when no token was made", async () => {
    Object.assign(emulator.console, { receivedFile: false, callbackToken: "" });
    emulator.receiveFax();
    await emulator.idle();
    expect((await partsOf(host.hooks[0])).map(({ name }) => name)).not.toContain("file");
    expect(host.hooks[0]?.headers).not.toHaveProperty("x-phaxio-signature");
  });
});

test("is tried again by the vendor's schedule until it is taken, then no more", async () => {
  host.answers = [{ status: 500 }, { status: 403 }, { status: 301 }];
  await send();
  await emulator.idle();
  expect(emulator.deliveries.map(({ attempt, status }) => [attempt, status])).toEqual([
    [1, 500],
    [2, 403],
    [3, 301],
    [4, 200],
  ]);
  expect(phaxioRetryMinutes).toHaveLength(16);
});

test("user info in the URL becomes Basic, and is signed unless told otherwise", async () => {
  const target = url.replace("//", "//hook:s%3Acret@");
  emulator.console.sentCallbackUrl = target;
  await send();
  await emulator.idle();
  emulator.quirks.signUserInfo = false;
  await send();
  await emulator.idle();
  for (const [index, signed] of [target, url].entries()) {
    const hook = host.hooks[index];
    expect(hook?.headers.authorization).toBe(`Basic ${Buffer.from("hook:s:cret").toString("base64")}`);
    expect(hook?.headers["x-phaxio-signature"]).toBe(await expectedSignature(hook, signed));
  }
});

describe("faults", () => {
  test("duplicate, wrong and no signature, changed and signed", async () => {
    emulator.webhookFault({ kind: "duplicate" });
    await send();
    await emulator.idle();
    expect(host.hooks[1]?.headers["x-phaxio-signature"]).toBe(host.hooks[0]?.headers["x-phaxio-signature"]);
    emulator.webhookFault({ kind: "wrong_signature" });
    emulator.receiveFax();
    await emulator.idle();
    emulator.webhookFault({ kind: "no_signature" });
    emulator.receiveFax();
    await emulator.idle();
    emulator.webhookFault({ kind: "rewrite", change: (fax) => ({ ...fax, status: "sublime" }) });
    emulator.receiveFax();
    await emulator.idle();
    const [, , wrong, none, changed] = host.hooks;
    expect(wrong?.headers["x-phaxio-signature"]).toMatch(/^[0-9a-f]{40}$/);
    expect(wrong?.headers["x-phaxio-signature"]).not.toBe(await expectedSignature(wrong));
    expect(none?.headers).not.toHaveProperty("x-phaxio-signature");
    expect((await faxOf(changed)).status).toBe("sublime");
    expect(changed?.headers["x-phaxio-signature"]).toBe(await expectedSignature(changed));
  });

  test("reorder, drop, delay, slow, cut and malformed bodies", async () => {
    emulator.webhookFault({ kind: "reorder" });
    const first = emulator.receiveFax();
    const second = emulator.receiveFax();
    await emulator.idle();
    expect(await Promise.all(host.hooks.map(async (hook) => (await faxOf(hook)).id))).toEqual([
      second.id,
      first.id,
    ]);
    emulator.webhookFault({ kind: "drop" });
    emulator.receiveFax();
    emulator.webhookFault({ kind: "half_body" });
    emulator.receiveFax();
    await emulator.idle();
    expect(emulator.deliveries.slice(2).map(({ attempt, status }) => [attempt, status])).toEqual([
      [1, undefined],
      [2, 200],
    ]);
    emulator.webhookFault({ kind: "slow_body", chunkBytes: 400, everyMs: 1 });
    const slow = emulator.receiveFax();
    await emulator.idle();
    expect((await faxOf(host.hooks.at(-1))).id).toBe(slow.id);
    emulator.webhookFault({ kind: "delay", ms: 20 });
    emulator.receiveFax();
    emulator.webhookFault({ kind: "malformed" });
    emulator.receiveFax();
    await emulator.idle();
    expect(host.hooks).toHaveLength(6);
    await expect(partsOf(host.hooks[4])).rejects.toThrow();
  });
});

// The first value is that of the official Ruby client's own test; the others were derived twice, in Node and Python.
const hooksUrl = "https://hooks.example.com/phaxio";
const sent = `{"id":900100,"direction":"sent","num_pages":2,"status":"success","is_test":true,"created_at":"2026-01-15T09:00:00.000-06:00","completed_at":"2026-01-15T09:01:30.000-06:00","cost":14,"tags":{"order_id":"77"},"recipients":[{"phone_number":"+15005550006","status":"success"}]}`;
const received = `{"id":900200,"direction":"received","num_pages":1,"status":"success","is_test":true,"from_number":"+15005550001","to_number":"+15005550002"}`;
const bytes = Buffer.from("JVBERi0xLjQKJSB0aW55IHRlc3QgYm9keQolJUVPRgo=", "base64");
test.each<[string, string, Record<string, string | Buffer>, string]>([
  ["test-webhook-token", "example.com", { test: "true" }, "64a735ef0c47a0ae671e381c046648f0966deb29"],
  [
    token,
    hooksUrl,
    { success: "true", fax: sent, is_test: "true", direction: "sent", event_type: "fax_completed" },
    "7584b9950cd41c38936a1ce69b9e207e583be2f6",
  ],
  [
    token,
    `${hooksUrl}/`,
    { success: "true", fax: sent, is_test: "true", direction: "sent", event_type: "fax_completed" },
    "0f164f4c33c5635b8188107f683f7ceeb8f1d06a",
  ],
  [
    token,
    hooksUrl,
    {
      file: bytes,
      fax: received,
      direction: "received",
      is_test: "true",
      success: "true",
      event_type: "fax_completed",
    },
    "4f4935438e43f37723a4e0ecbc0b1b451e646385",
  ],
  [
    token,
    `${hooksUrl}/?job=42&env=prod`,
    {
      event_type: "retry_scheduled",
      fax: '{"id":900100}',
      retry_count: "1",
      recipient_phone_number: "+15005550006",
    },
    "4d7225cddf3eb0b4ada6e3c6b6538f01ed8a96aa",
  ],
  [
    token,
    hooksUrl,
    { event_type: "fax_completed", fax: '{"id":1,"caller_name":"Zoë Müller"}' },
    "b4e5708672f66820f3f9ae3d38345c63df708bd3",
  ],
  [
    token,
    hooksUrl,
    { fax: '{"id":1}', direction: "received", is_test: "false", success: "true", filename: bytes },
    "0c19f31f2bb59fdd4a17aa017a24a1405d462294",
  ],
])("signs %s %s", (key, signedUrl, parts, signature) => {
  const list = Object.entries(parts).map(([name, content]) => ({ name, content }));
  expect(phaxioSignature(key, signedUrl, list)).toBe(signature);
});
