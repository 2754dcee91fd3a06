import { createRequire } from "node:module";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import {
  type SignalWireEmulator,
  startSignalWireEmulator,
  syntheticNumber,
  syntheticPdf,
} from "../src/index.ts";
import { type HookCatcher, startHookCatcher } from "./hook-catcher.ts";

// The vendor's own client, which we did not write, against the emulator. Its types do not know `baseUrl`.
interface SdkFax {
  sid: string;
  status: string;
  numPages: number | string;
  mediaUrl: string | null;
}
interface Sdk {
  fax: {
    baseUrl: string;
    faxes: ((sid: string) => {
      fetch(): Promise<SdkFax>;
      update(changes: object): Promise<SdkFax>;
      remove(): Promise<boolean>;
      media: (sid: string) => { fetch(): Promise<{ contentType: string }> };
    }) & { create(fax: object): Promise<SdkFax>; list(filter: object): Promise<SdkFax[]> };
  };
}
const { RestClient } = createRequire(import.meta.url)("@signalwire/compatibility-api") as {
  RestClient: ((project: string, token: string, options: object) => Sdk) & {
    LaML: {
      FaxResponse: new () => { receive(attributes: object): void; reject(): void; toString(): string };
    };
  };
};

let emulator: SignalWireEmulator;
let host: HookCatcher;
let sdk: Sdk;
const connect = (token: string): Sdk => {
  const client = RestClient(emulator.projectId, token, { signalwireSpaceUrl: "example.signalwire.com" });
  client.fax.baseUrl = emulator.url;
  return client;
};
const order = () => ({ to: syntheticNumber(50), from: syntheticNumber(90), mediaUrl: `${host.url}/x.pdf` });

beforeAll(async () => {
  emulator = await startSignalWireEmulator({ completeAfterMs: 12, callEveryMs: 1 });
  host = await startHookCatcher();
  sdk = connect(emulator.apiToken);
});
afterEach(() => {
  emulator.reset();
  emulator.completeAfterMs = 12;
  host.clear();
});
afterAll(async () => {
  await emulator.stop();
  await host.stop();
});

test("sends, reads, lists and deletes", async () => {
  host.fallback = () => ({ status: 200, contentType: "application/pdf", body: syntheticPdf({ pages: 2 }) });
  const { sid } = await sdk.fax.faxes.create({
    ...order(),
    quality: "fine",
    statusCallback: `${host.url}/cb`,
    storeMedia: true,
    ttl: 30,
  });
  await emulator.idle();
  const fax = await sdk.fax.faxes(sid).fetch();
  expect(fax).toMatchObject({ status: "delivered", mediaUrl: emulator.faxes[0]?.media_url });
  expect(Number(fax.numPages)).toBe(2);
  expect(await sdk.fax.faxes.list({ to: syntheticNumber(50) })).toHaveLength(1);
  // Not `media.list()`: the client cannot read a page with two names for its items, as the vendor documents it.
  const media = sdk.fax.faxes(sid).media(emulator.faxes[0]?.media_sid ?? "");
  expect((await media.fetch()).contentType).toBe("application/pdf");
  expect(await sdk.fax.faxes(sid).remove()).toBe(true);
  await expect(sdk.fax.faxes(sid).fetch()).rejects.toMatchObject({ status: 404, code: 20404 });
});

test("cancels, and learns of the vendor's errors", async () => {
  emulator.completeAfterMs = Number.POSITIVE_INFINITY;
  const { sid } = await sdk.fax.faxes.create(order());
  expect((await sdk.fax.faxes(sid).update({ status: "canceled" })).status).toBe("canceled");
  await expect(sdk.fax.faxes.create({ ...order(), to: "12" })).rejects.toMatchObject({ code: 21217 });
  await expect(connect("x").fax.faxes.create(order())).rejects.toMatchObject({ code: 20003 });
});

test("understands what the vendor's own LaML builder writes", async () => {
  emulator.console.voiceUrl = `${host.url}/fax`;
  const receive = new RestClient.LaML.FaxResponse();
  receive.receive({ action: "/done", mediaType: "application/pdf", pageSize: "a4" });
  const reject = new RestClient.LaML.FaxResponse();
  reject.reject();
  const statuses: string[] = [];
  for (const laml of [receive, reject]) {
    host.answers = [{ status: 200, contentType: "application/xml", body: laml.toString() }];
    const fax = emulator.receiveFax();
    await emulator.idle();
    statuses.push(fax.status);
  }
  expect(statuses).toEqual(["received", "canceled"]);
});
