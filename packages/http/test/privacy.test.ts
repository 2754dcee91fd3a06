import { createFaxbot, FaxError, memoryBlobs, memoryStores } from "@faxbot/core";
import { createInbox } from "@faxbot/inbound";
import { type CapturingLogger, capturingLogger, syntheticPdf, testTransport } from "@faxbot/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { type FaxbotApi, type FaxbotApiOptions, faxbotApi } from "../src/index.ts";
import { apiKey, faxForm } from "./running-api.ts";

const number = "+12025550147";
const name = "Persephone Vandersloot";
const secret = "s3cr3t-0f-th3-pl4nt";
const token = "tokenoftheplant".padEnd(43, "T");
/** Whatever finds its way from a request, a provider or the database to where it does not belong. */
const plants = ["2025550147", "555-0147", "Persephone", "Vandersloot", secret, token, apiKey];
const everything = `${number} ${name} ${secret}`;
/** What a careless driver or transport puts into an error. */
const careless = () =>
  new Error(`duplicate key (to)=(${number})\n    at ${name} ${secret}`, { cause: new Error(everything) });

let logger: CapturingLogger;
let stores: ReturnType<typeof memoryStores>;
let transport: ReturnType<typeof testTransport>;
let makeApi: (options?: Partial<FaxbotApiOptions>) => FaxbotApi;

beforeEach(() => {
  logger = capturingLogger();
  stores = memoryStores();
  transport = testTransport();
  const blobs = memoryBlobs();
  const inbox = createInbox({ stores, blobs, logger });
  const faxbot = createFaxbot({ transports: [transport], stores, blobs, inbox, logger });
  makeApi = (options = {}) => faxbotApi({ faxbot, inbox, apiKey, logger, ...options });
});

/** Sends a request that must fail, and looks through everything that came of it. */
async function expectNothingTold(api: FaxbotApi, path: string, init: RequestInit = {}): Promise<number> {
  const headers = new Headers(init.headers);
  if (!headers.has("x-api-key")) headers.set("x-api-key", apiKey);
  const response = await api(new Request(`http://localhost${path}`, { ...init, headers }));
  const body = await response.text().catch((error: unknown) => `cut: ${(error as Error).name}`);
  expect(response.ok && !body.startsWith("cut")).toBe(false);
  const told = [body, JSON.stringify([...response.headers]), response.statusText, logger.text()].join("\n");
  expect(plants.filter((plant) => told.includes(plant))).toEqual([]);
  return response.status;
}

describe("nothing private is told", () => {
  it("of what a caller wrote", async () => {
    const api = makeApi();
    const encoded = encodeURIComponent(everything);
    for (const path of [
      `/fax/${encoded}`,
      `/fax/status/${encoded}`,
      `/fax?status=${encoded}`,
      `/fax?since=${encoded}`,
      `/fax?provider=${encoded}`,
      `/fax?cursor=${encoded}`,
      `/fax?limit=${encoded}`,
      `/fax?${encoded}=1`,
      `/inbound/${encoded}`,
      `/inbound/${encoded}/pdf`,
      `/inbound/${encoded}/pdf?token=${token}`,
      `/inbound/1/pdf?token=${token}&tenant=${encoded}`,
      `/fax/${encoded}/pdf?token=${token}`,
      `/fax/1/pdf?token=${token}&tenant=${encoded}`,
      `/inbound?to_number=${encoded}`,
      `/inbound?status=${encoded}`,
      `/${encoded}?token=${token}`,
    ]) {
      await expectNothingTold(api, path);
    }
    for (const path of [`/fax/${encoded}/cancel`, `/inbound/${encoded}/token`, `/callbacks/${encoded}`]) {
      await expectNothingTold(api, path, { method: "POST" });
    }
  });

  it("of a form that is refused", async () => {
    const api = makeApi();
    const post = (body: FormData | string, headers: Record<string, string> = {}) =>
      expectNothingTold(api, "/fax", { method: "POST", body, headers });
    await post(faxForm({ to: everything }));
    await post(faxForm({ to: `${number}x` }));
    await post(faxForm({ to: number, from_number: name }));
    await post(faxForm({ to: number, provider: everything }));
    await post(faxForm({ to: number, send_at: everything }));
    await post(faxForm({ to: number, coversheet: everything }));
    await post(faxForm({ to: number, [everything]: "1" }));
    const file = faxForm({ to: number });
    file.set("file", new Blob([everything]), `${name} ${number}.pdf`);
    expect(await post(file)).toBe(415);
    const unnamed = faxForm({ to: number });
    unnamed.set(everything, new Blob([everything]), `${name}.pdf`);
    expect(await post(unnamed)).toBe(501);
    await post(everything, { "content-type": `multipart/form-data; boundary=${secret}` });
    await post(everything, { "content-type": `text/${secret}` });
    await post(faxForm({ to: number }), { "idempotency-key": `${number}${"x".repeat(255)}` });
    expect(await post(faxForm({ to: number }), { "x-api-key": secret })).toBe(401);
  });

  it("of what a transport or a provider says", async () => {
    const api = makeApi();
    for (const [thrown, status] of [
      [new FaxError("webhook_unverified", everything), 401],
      [new FaxError("webhook_malformed", everything), 400],
      [new FaxError("transport_rejected", everything), 502],
      [new FaxError("transport_unavailable", everything), 500],
      [careless(), 500],
      [everything, 500],
    ] as const) {
      transport.receiveWebhook = async () => {
        throw thrown;
      };
      const path = `/callbacks/test?token=${token}&to=${encodeURIComponent(number)}`;
      const init = { method: "POST", body: everything, headers: { authorization: `Basic ${secret}` } };
      expect(await expectNothingTold(api, path, init)).toBe(status);
    }
  });

  it("of what a database, a store of documents or the host's own code says", async () => {
    const api = makeApi();
    const fail = async () => {
      throw careless();
    };
    stores.faxes.get = fail;
    stores.faxes.list = fail;
    stores.faxes.insert = fail;
    stores.inbound.list = fail;
    stores.tokens.find = fail;
    expect(await expectNothingTold(api, "/fax/1")).toBe(500);
    expect(await expectNothingTold(api, "/fax")).toBe(500);
    expect(await expectNothingTold(api, "/fax", { method: "POST", body: faxForm({ to: number }) })).toBe(500);
    expect(await expectNothingTold(api, "/inbound")).toBe(500);
    expect(await expectNothingTold(api, `/inbound/1/pdf?token=${token}`)).toBe(500);
    expect(await expectNothingTold(api, `/fax/1/pdf?token=${token}`)).toBe(500);
    expect(await expectNothingTold(api, "/health/ready")).toBe(503);
    expect(
      await expectNothingTold(makeApi({ authenticate: fail }), "/fax", { headers: { "x-api-key": secret } }),
    ).toBe(500);
    expect(logger.lines.length).toBeGreaterThan(0);
    expect(logger.lines.every(({ fields }) => typeof fields.route === "string")).toBe(true);
  });

  it("of a document that breaks off while it is read", async () => {
    const inbox = createInbox({ stores, blobs: memoryBlobs() });
    const broken = {
      mediaType: "application/pdf",
      fileName: `${name}.pdf`,
      size: 1000,
      sha256: "0".repeat(64),
    };
    inbox.openWithToken = async () => ({
      ...broken,
      open: async () =>
        new ReadableStream({
          start: (controller) => controller.enqueue(syntheticPdf().subarray(0, 100)),
          pull: () => Promise.reject(careless()),
        }),
    });
    expect(await expectNothingTold(makeApi({ inbox }), `/inbound/1/pdf?token=${token}`)).toBe(200);
    expect(logger.lines).toMatchObject([
      { level: "error", fields: { route: "/inbound/:id/pdf", error: "Error" } },
    ]);
  });

  it("but where in the code it happened is logged", async () => {
    const api = makeApi();
    stores.faxes.get = async () => {
      throw careless();
    };
    await expectNothingTold(api, "/fax/1");
    expect(logger.lines).toMatchObject([
      {
        level: "error",
        message: "request failed unexpectedly",
        fields: {
          method: "GET",
          route: "/fax/:id",
          error: "Error",
          at: expect.stringContaining("privacy.test.ts"),
        },
      },
    ]);
  });
});
