import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import {
  countPdfPages,
  type PhaxioEmulator,
  startPhaxioEmulator,
  syntheticNumber,
  syntheticPdf,
} from "../src/index.ts";

// The vendor's own client, which we did not write, against the emulator. It has no types.
interface Reply {
  success: boolean;
  message: string;
  data: Record<string, unknown> & { id: number };
}
type Call<Result = Reply> = (options?: object | number | string) => Promise<Result>;
interface Sdk {
  faxes: Record<
    "resend" | "cancel" | "getInfo" | "deleteFile" | "testDelete" | "testReceive" | "listFaxes",
    Call
  > & {
    url: string;
    create: Call<{ id: number; getInfo: Call; getFile: (thumbnail?: string) => Promise<Buffer> }>;
    getFile: Call<Buffer>;
  };
  account: { url: string; status: Call };
  phaxCode: { url: string; create: Call };
  phoneNumber: { url: string } & Record<
    "listNumbers" | "getNumberInfo" | "provisionNumber" | "releaseNumber",
    Call
  >;
  public: { url: string } & Record<"getAreaCodes" | "getCountries", Call>;
}
const Phaxio = createRequire(import.meta.url)("phaxio-official") as new (key: string, secret: string) => Sdk;

let emulator: PhaxioEmulator;
let folder: string;
const to = syntheticNumber(50);
let file: string;
function connect(key: string, secret: string): Sdk {
  const sdk = new Phaxio(key, secret);
  for (const part of [sdk.faxes, sdk.account, sdk.phaxCode, sdk.phoneNumber, sdk.public]) {
    part.url = emulator.apiUrl;
  }
  return sdk;
}

beforeAll(async () => {
  emulator = await startPhaxioEmulator({ completeAfterMs: 10, numbers: [syntheticNumber(90)] });
  folder = mkdtempSync(join(tmpdir(), "phaxio-sdk-"));
  file = join(folder, "order.pdf");
  writeFileSync(file, syntheticPdf({ pages: 2 }));
});
afterEach(() => {
  emulator.reset();
  emulator.completeAfterMs = 10;
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await emulator.stop();
});

test("sends, reads, downloads, resends, cancels and deletes", async () => {
  const sdk = connect(emulator.testApiKey, emulator.testApiSecret);
  const fax = await sdk.faxes.create({
    to: [to, syntheticNumber(51)],
    file: [file, file],
    header_text: "Synthetic",
    batch_collision_avoidance: true,
    tags: { order_id: "77" },
  });
  await emulator.idle();
  const { data } = await fax.getInfo();
  expect(data).toMatchObject({ id: fax.id, status: "success", num_pages: 4, tags: { order_id: "77" } });
  expect(countPdfPages(await fax.getFile())).toBe(4);
  expect((await fax.getFile("s")).subarray(0, 3)).toEqual(Buffer.from("ffd8ff", "hex"));
  emulator.completeAfterMs = Number.POSITIVE_INFINITY;
  const again = await sdk.faxes.resend({ id: fax.id });
  expect(again.data.id).not.toBe(fax.id);
  expect((await sdk.faxes.cancel(again.data.id)).data.id).toBe(again.data.id);
  await emulator.idle();
  await expect(sdk.faxes.cancel(fax.id)).rejects.toMatchObject({ statusCode: 422 });
  expect((await sdk.faxes.deleteFile(fax.id)).success).toBe(true);
  expect((await sdk.faxes.testDelete(fax.id)).success).toBe(true);
  await expect(sdk.faxes.getInfo(fax.id)).rejects.toMatchObject({ statusCode: 404 });
});

test("simulates a receipt and lists it", async () => {
  const sdk = connect(emulator.testApiKey, emulator.testApiSecret);
  const { message } = await sdk.faxes.testReceive({ file });
  expect(message).toBe("Test fax received from +18773346654 to +18773346654.  Calling back now...");
  const list = await sdk.faxes.listFaxes({ direction: "received", phone_number: "+18773346654" });
  expect(list.data).toMatchObject([{ direction: "received", num_pages: 2, is_test: true }]);
});

test("reads the account, numbers and public lists", async () => {
  const sdk = connect(emulator.apiKey, emulator.apiSecret);
  expect((await sdk.account.status()).data).toMatchObject({ balance: 10_000 });
  await sdk.phoneNumber.provisionNumber({ country_code: 1, area_code: 202 });
  expect((await sdk.phoneNumber.listNumbers({ country_code: 1 })).data).toHaveLength(2);
  expect((await sdk.phoneNumber.getNumberInfo(syntheticNumber(90))).data).toMatchObject({ cost: 200 });
  expect((await sdk.phoneNumber.releaseNumber(syntheticNumber(90))).success).toBe(true);
  expect((await sdk.public.getCountries({ per_page: 1 })).data).toHaveLength(1);
  expect((await sdk.public.getAreaCodes()).success).toBe(true);
  expect((await sdk.phaxCode.create({ metadata: "m" })).success).toBe(true);
});

test("learns of the vendor's errors", async () => {
  const sdk = connect(emulator.apiKey, "another-secret");
  await expect(sdk.faxes.create({ to, file })).rejects.toMatchObject({ statusCode: 401 });
  emulator.quirks.refuseWith200 = true;
  await expect(sdk.faxes.create({ to, file })).rejects.toThrow("PhaxioAPIError: Invalid API credentials");
});
