import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FaxService } from "@sinch/fax";
import { SinchClient } from "@sinch/sdk-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import {
  countPdfPages,
  type SinchEmulator,
  startSinchEmulator,
  syntheticNumber,
  syntheticPdf,
} from "../src/index.ts";

// The vendor's own client, which we did not write, against the emulator.
let emulator: SinchEmulator;
let sdk: FaxService;
let folder: string;
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const to = syntheticNumber(50);

beforeAll(async () => {
  emulator = await startSinchEmulator({ completeAfterMs: 10 });
  const { projectId, keyId, keySecret, url } = emulator;
  sdk = new SinchClient({ projectId, keyId, keySecret, faxHostname: url, authHostname: url, logger: silent })
    .fax;
  folder = mkdtempSync(join(tmpdir(), "sinch-sdk-"));
  writeFileSync(join(folder, "order.pdf"), syntheticPdf({ pages: 2 }));
});
afterEach(() => emulator.reset());
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await emulator.stop();
});

const sendFile = (numbers: string | string[] = to) =>
  sdk.faxes.send({ sendFaxRequestBody: { to: numbers as string, filePaths: [join(folder, "order.pdf")] } });

test("sends a file by multipart with an OAuth2 token, reads its status and downloads it", async () => {
  const [sent] = await sendFile();
  expect(sent).toMatchObject({ to, status: "IN_PROGRESS", direction: "OUTBOUND" });
  expect(emulator.requests[1]?.headers).toMatchObject({
    authorization: expect.stringMatching(/^Bearer /),
    "content-type": expect.stringMatching(/^multipart\/form-data/),
  });
  await emulator.idle();
  const id = sent?.id ?? "";
  const fax = await sdk.faxes.get({ id });
  expect(fax).toMatchObject({ status: "COMPLETED", numberOfPages: 2 });
  expect(fax.completedTime).toBeInstanceOf(Date);
  const file = await sdk.faxes.downloadContent({ id });
  expect(countPdfPages(file.buffer)).toBe(2);
  await sdk.faxes.deleteContent({ id });
  await expect(sdk.faxes.downloadContent({ id })).rejects.toThrow();
});

test("sends base64 files by JSON", async () => {
  const file = Buffer.from(syntheticPdf()).toString("base64");
  const [sent] = await sdk.faxes.send({
    sendFaxRequestBody: { to, files: [{ file, fileType: "PDF" }], maxRetries: 0 },
  });
  expect(emulator.faxes[0]).toMatchObject({ id: sent?.id, maxRetries: 0 });
});

test("sends to several numbers, and to a list of one", async () => {
  expect(await sendFile([to, syntheticNumber(51)])).toHaveLength(2);
  expect(await sendFile([to])).toHaveLength(1);
});

test("lists page by page", async () => {
  for (let i = 0; i < 5; i += 1) emulator.addFax({});
  const ids: unknown[] = [];
  for await (const fax of sdk.faxes.list({ pageSize: 2 })) ids.push(fax.id);
  expect(ids).toHaveLength(5);
  expect(emulator.calls.listFaxes).toBe(3);
});

test("renews a token that expired", async () => {
  // Not with a file: the SDK cannot read its multipart body a second time.
  const { id } = emulator.addFax({});
  await sdk.faxes.get({ id });
  emulator.expireTokens();
  await sdk.faxes.get({ id });
  expect(emulator.calls).toMatchObject({ getFax: 3, issueToken: 1 });
});

test("learns of the vendor's errors", async () => {
  await expect(sendFile("12345")).rejects.toMatchObject({ statusCode: 422 });
  emulator.fault({ operation: "getFax", kind: "respond", status: 402 });
  await expect(sdk.faxes.get({ id: "x" })).rejects.toMatchObject({ statusCode: 402 });
});

test("manages services", async () => {
  const service = await sdk.services.create({ createServiceRequestBody: { name: "Pharmacy" } });
  expect(await sdk.services.get({ serviceId: service.id ?? "" })).toMatchObject({ name: "Pharmacy" });
  const names: unknown[] = [];
  for await (const each of sdk.services.list({})) names.push(each.name);
  expect(names).toEqual(["Default", "Pharmacy"]);
});
