import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type SinchEmulator, startSinchEmulator, syntheticNumber, syntheticPdf } from "../src/index.ts";

let emulator: SinchEmulator;
beforeAll(async () => {
  emulator = await startSinchEmulator({ completeAfterMs: 5 });
});
afterEach(() => emulator.reset());
afterAll(() => emulator.stop());

const send = (init: RequestInit = {}): Promise<Response> =>
  fetch(`${emulator.url}/v3/projects/${emulator.projectId}/faxes`, {
    method: "POST",
    headers: {
      authorization: `Basic ${Buffer.from(`${emulator.keyId}:${emulator.keySecret}`).toString("base64")}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({
      to: syntheticNumber(50),
      files: [{ file: Buffer.from(syntheticPdf()).toString("base64"), fileType: "PDF" }],
    }),
    redirect: "manual",
    ...init,
  });

test("an answer can be lost after the fax was taken: a second send shows as a second fax", async () => {
  emulator.fault({ operation: "sendFax", kind: "reset_after" });
  await expect(send()).rejects.toThrow();
  expect([emulator.calls.sendFax, emulator.faxes.length]).toEqual([1, 1]);
  expect((await send()).status).toBe(200);
  expect([emulator.calls.sendFax, emulator.faxes.length]).toEqual([2, 2]);
});

test("a connection can be reset before anything was taken", async () => {
  emulator.fault({ kind: "reset_before" });
  await expect(send()).rejects.toThrow();
  expect([emulator.calls.sendFax, emulator.faxes.length]).toEqual([1, 0]);
});

test("a closed port refuses connections, and the same port opens again", async () => {
  await emulator.refuseConnections();
  // Older releases of Node may still write to a connection that they kept from before.
  await send().catch(() => {});
  await expect(send()).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
  await emulator.acceptConnections();
  expect((await send()).status).toBe(200);
});

test("statuses come with the vendor's body or none, before or after the fax was taken", async () => {
  emulator.fault({ kind: "respond", status: 429, headers: { "retry-after": "7" } });
  const limited = await send();
  expect([limited.status, limited.headers.get("retry-after"), await limited.text()]).toEqual([429, "7", ""]);
  emulator.fault({ kind: "respond", status: 402 });
  expect(await (await send()).json()).toMatchObject({ code: "402" });
  expect(emulator.faxes).toEqual([]);
  emulator.fault({ kind: "respond", status: 500, taken: true });
  expect((await send()).status).toBe(500);
  expect(emulator.faxes).toHaveLength(1);
});

test("bodies can be cut, broken, slow or other than documented", async () => {
  emulator.fault({ kind: "half_body" });
  await expect((await send()).text()).rejects.toThrow();
  emulator.fault({ kind: "malformed_json" });
  await expect((await send()).json()).rejects.toThrow(SyntaxError);
  emulator.fault({ kind: "slow_body", chunkBytes: 200, everyMs: 2 });
  expect(await (await send()).json()).toMatchObject({ direction: "OUTBOUND" });
  emulator.fault({ kind: "rewrite", change: (fax) => ({ ...fax, status: "SUCCEEDED" }) });
  expect(await (await send()).json()).toMatchObject({ status: "SUCCEEDED" });
  expect(emulator.faxes).toHaveLength(4);
});

test("it can hang, with and without having taken the fax", async () => {
  for (const taken of [false, true]) {
    emulator.fault({ kind: "hang", taken });
    await expect(send({ signal: AbortSignal.timeout(100) })).rejects.toMatchObject({ name: "TimeoutError" });
    expect(emulator.faxes).toHaveLength(taken ? 1 : 0);
  }
});

test("it can send a client to another host", async () => {
  emulator.fault({ kind: "redirect", to: "http://127.0.0.1:1" });
  const answer = await send();
  expect([answer.status, answer.headers.get("location")]).toEqual([
    307,
    `http://127.0.0.1:1/v3/projects/${emulator.projectId}/faxes`,
  ]);
});

test("a fault hits only its operation, so often as it says, and can be taken back", async () => {
  emulator.fault({ operation: "getFax", kind: "reset_before" });
  const takeBack = emulator.fault({ operation: "sendFax", kind: "respond", status: 500, times: 2 });
  expect([(await send()).status, (await send()).status, (await send()).status]).toEqual([500, 500, 200]);
  takeBack();
  const other = emulator.fault({
    operation: "sendFax",
    kind: "respond",
    status: 500,
    times: Number.POSITIVE_INFINITY,
  });
  other();
  expect((await send()).status).toBe(200);
});

test("requests are kept with headers and body, and reset forgets everything", async () => {
  await send();
  expect(emulator.requests).toMatchObject([{ operation: "sendFax", method: "POST", status: 200 }]);
  expect(emulator.requests[0]?.headers["content-type"]).toBe("application/json");
  expect(emulator.requests[0]?.body.length).toBeGreaterThan(100);
  emulator.reset();
  expect([emulator.requests, emulator.faxes, emulator.calls.sendFax]).toEqual([[], [], 0]);
});
