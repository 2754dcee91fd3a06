import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  countPdfPages,
  readMultipart,
  type SinchEmulator,
  type SinchFax,
  sinchRetryMinutes,
  startSinchEmulator,
  syntheticNumber,
  syntheticPdf,
} from "../src/index.ts";

interface Hook {
  authorization: string | undefined;
  contentType: string;
  body: Buffer;
}

let emulator: SinchEmulator;
let server: Server;
let hooks: Hook[] = [];
/** Statuses for the next calls; then 202. */
let answers: number[] = [];
let url: string;

beforeAll(async () => {
  emulator = await startSinchEmulator({ completeAfterMs: 10, webhookRetryMinuteMs: 2 });
  server = createServer((request, reply) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      hooks.push({
        authorization: request.headers.authorization,
        contentType: request.headers["content-type"] ?? "",
        body: Buffer.concat(chunks),
      });
      reply.writeHead(answers.shift() ?? 202).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://faxhook:Tr0ub4dor-3@127.0.0.1:${(server.address() as AddressInfo).port}/sinch/fax`;
});
beforeEach(() => {
  hooks = [];
  answers = [];
});
afterEach(() => emulator.reset());
afterAll(async () => {
  await emulator.stop();
  await new Promise((resolve) => server.close(resolve));
});

async function send(options: object = {}): Promise<SinchFax> {
  const answer = await fetch(`${emulator.url}/v3/projects/${emulator.projectId}/faxes`, {
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(`${emulator.keyId}:${emulator.keySecret}`).toString("base64")}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({
      to: syntheticNumber(50),
      files: [{ file: Buffer.from(syntheticPdf({ pages: 2 })).toString("base64"), fileType: "PDF" }],
      callbackUrl: url,
      ...options,
    }),
  });
  expect(answer.status).toBe(200);
  return (await answer.json()) as SinchFax;
}

const parts = async (hook: Hook | undefined) => {
  const list = await readMultipart(hook?.body ?? Buffer.alloc(0), hook?.contentType ?? "");
  return Object.fromEntries(list.map((part) => [part.name, part]));
};
const asJson = (hook: Hook | undefined): Record<string, unknown> => JSON.parse(hook?.body.toString() ?? "");

describe("a completed fax", () => {
  test("is reported by multipart, with the credentials of the URL and the document", async () => {
    const sent = await send();
    await emulator.idle();
    expect(hooks).toHaveLength(1);
    expect(hooks[0]?.authorization).toBe("Basic ZmF4aG9vazpUcjB1YjRkb3ItMw==");
    const { event, eventTime, fax, file } = await parts(hooks[0]);
    expect([event?.text, eventTime?.text]).toEqual(["FAX_COMPLETED", expect.stringMatching(/Z$/)]);
    expect(fax?.contentType).toBe("application/json");
    expect(JSON.parse(fax?.text ?? "")).toMatchObject({ id: sent.id, status: "COMPLETED" });
    expect([file?.fileName, file?.contentType]).toEqual([`${sent.id}.pdf`, "application/pdf"]);
    expect(countPdfPages(file?.bytes ?? Buffer.alloc(0))).toBe(2);
    expect(emulator.deliveries).toMatchObject([{ event: "FAX_COMPLETED", attempt: 1, status: 202 }]);
  });

  test("is reported by JSON in either form, also when it failed", async () => {
    emulator.script("0150", "busy");
    await send({ callbackUrlContentType: "application/json" });
    await emulator.idle();
    expect(asJson(hooks[0])).toMatchObject({
      event: "FAX_COMPLETED",
      fax: { status: "FAILURE", errorCode: 17 },
      files: [{ fileType: "PDF", file: expect.stringMatching(/^JVBERi/) }],
    });
    emulator.quirks.completedJson = "file";
    await send({ callbackUrlContentType: "application/json" });
    await emulator.idle();
    expect(asJson(hooks[1])).toMatchObject({ fileType: "PDF", file: expect.stringMatching(/^JVBERi/) });
  });

  test("is not reported without a callback URL, and without a document when none is stored", async () => {
    await send({ callbackUrl: undefined });
    await emulator.idle();
    expect(hooks).toEqual([]);
    emulator.updateService({ saveOutboundFaxDocuments: false });
    await send();
    await emulator.idle();
    expect(await parts(hooks[0])).not.toHaveProperty("file");
  });

  test("is announced page by page when asked", async () => {
    await send({ inProgressNotifications: true, callbackUrlContentType: "application/json" });
    await emulator.idle();
    const seen = hooks.map(asJson).map(({ event, fax }) => [event, (fax as SinchFax).pagesSentSuccessfully]);
    expect(seen).toHaveLength(3);
    expect(seen).toEqual(
      expect.arrayContaining([
        ["FAX_IN_PROGRESS", 1],
        ["FAX_IN_PROGRESS", 2],
        ["FAX_COMPLETED", 2],
      ]),
    );
  });
});

describe("a received fax", () => {
  test("is brought to the service's URL, by multipart or JSON, and can be fetched", async () => {
    emulator.updateService({ incomingWebhookUrl: url });
    const fax = emulator.receiveFax({ from: syntheticNumber(3), pdf: syntheticPdf({ pages: 4 }) });
    await emulator.idle();
    const first = await parts(hooks[0]);
    expect(JSON.parse(first.fax?.text ?? "")).toMatchObject({
      id: fax.id,
      direction: "INBOUND",
      numberOfPages: 4,
    });
    expect(countPdfPages(first.file?.bytes ?? Buffer.alloc(0))).toBe(4);
    expect(countPdfPages(emulator.documentOf(fax.id) ?? Buffer.alloc(0))).toBe(4);
    emulator.receiveFax({ contentType: "application/json" });
    await emulator.idle();
    expect(asJson(hooks[1])).toMatchObject({
      event: "INCOMING_FAX",
      fileType: "PDF",
      fax: { direction: "INBOUND" },
    });
  });

  test("is only there to be listed when the service has no URL", async () => {
    emulator.receiveFax();
    await emulator.idle();
    expect([hooks.length, emulator.faxes[0]?.direction]).toEqual([0, "INBOUND"]);
  });
});

test("is tried again by the vendor's schedule until it is taken, then no more", async () => {
  answers = [500, 401, 301];
  await send();
  await emulator.idle();
  expect(emulator.deliveries.map(({ attempt, status }) => [attempt, status])).toEqual([
    [1, 500],
    [2, 401],
    [3, 301],
    [4, 202],
  ]);
  expect(sinchRetryMinutes).toHaveLength(16);
  expect(sinchRetryMinutes.slice(0, 5)).toEqual([5, 10, 20, 30, 360]);
});

describe("faults", () => {
  test("duplicate, wrong and no credentials, no file", async () => {
    emulator.webhookFault({ kind: "duplicate" });
    await send();
    await emulator.idle();
    expect(hooks).toHaveLength(2);
    emulator.webhookFault({ kind: "wrong_signature" });
    emulator.webhookFault({ kind: "no_signature" });
    emulator.webhookFault({ kind: "missing_file" });
    for (let i = 0; i < 3; i += 1) {
      await send();
      await emulator.idle();
    }
    expect(hooks[2]?.authorization).toMatch(/^Basic /);
    expect(hooks[2]?.authorization).not.toBe(hooks[0]?.authorization);
    expect(hooks[3]?.authorization).toBeUndefined();
    expect(await parts(hooks[4])).not.toHaveProperty("file");
  });

  test("reorder holds a webhook back until the next one came, drop loses it", async () => {
    emulator.webhookFault({ kind: "reorder" });
    emulator.updateService({ incomingWebhookUrl: url });
    const first = emulator.receiveFax({ contentType: "application/json" });
    const second = emulator.receiveFax();
    await emulator.idle();
    expect(hooks.map(asJson).map(({ fax }) => (fax as SinchFax).id)).toEqual([second.id, first.id]);
    emulator.webhookFault({ kind: "drop", event: "INCOMING_FAX" });
    emulator.receiveFax();
    await emulator.idle();
    expect(hooks).toHaveLength(2);
  });

  test("malformed and half bodies, changed faxes, delays", async () => {
    emulator.updateService({ incomingWebhookUrl: url, webhookContentType: "application/json" });
    emulator.webhookFault({ kind: "malformed" });
    emulator.receiveFax();
    await emulator.idle();
    expect(() => asJson(hooks[0])).toThrow(SyntaxError);
    emulator.webhookFault({ kind: "half_body" });
    emulator.receiveFax();
    await emulator.idle();
    expect(emulator.deliveries.slice(1).map(({ attempt, status }) => [attempt, status])).toEqual([
      [1, undefined],
      [2, 202],
    ]);
    emulator.webhookFault({ kind: "rewrite", change: (fax) => ({ ...fax, status: "SUCCEEDED" }) });
    emulator.receiveFax();
    await emulator.idle();
    expect(asJson(hooks[2])).toMatchObject({ fax: { status: "SUCCEEDED" } });
    emulator.webhookFault({ kind: "delay", ms: 30 });
    const fax = emulator.receiveFax();
    expect(emulator.deliveries.some(({ faxId }) => faxId === fax.id)).toBe(false);
    await emulator.idle();
    expect(asJson(hooks[3])).toMatchObject({ fax: { id: fax.id } });
  });

  test("the event may be quoted in a form", async () => {
    emulator.quirks.quotedEvent = true;
    await send();
    await emulator.idle();
    const { event } = await parts(hooks[0]);
    expect([event?.text, event?.contentType]).toEqual(['"FAX_COMPLETED"', "application/json"]);
  });
});

test("reset stops retries that were on their way", async () => {
  answers = [500];
  await send();
  while (hooks.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  emulator.reset();
  await emulator.idle();
  expect([emulator.deliveries, hooks.length]).toEqual([[], 1]);
});

// RFC 7617: the pair is UTF-8, and the user name ends at the first colon.
test.each([
  ["faxhook", "Tr0ub4dor-3", "Basic ZmF4aG9vazpUcjB1YjRkb3ItMw=="],
  ["svc_fax", "a:b:c", "Basic c3ZjX2ZheDphOmI6Yw=="],
  ["fäx", "pässwörd", "Basic ZsOkeDpww6Rzc3fDtnJk"],
])("sends %s:%s as %s", async (user, pass, header) => {
  const target = new URL(url);
  target.username = user;
  target.password = pass;
  await send({ callbackUrl: target.href });
  await emulator.idle();
  expect(hooks[0]?.authorization).toBe(header);
});
