import { createHash } from "node:crypto";
import { createFaxbot, memoryBlobs, memoryStores, type SendJob } from "@faxbot/core";
import { manualClock, syntheticNumber, syntheticPdf, testTransport } from "@faxbot/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { faxbotApi } from "../src/index.ts";
import { apiKey, publicUrl } from "./running-api.ts";

/** Sends a fax by a provider that pulls, for a tenant, and gives the URL that the provider was told. */
async function offeredDocument(tenantId = "default") {
  const transport = testTransport();
  Object.assign(transport, { manifest: { ...transport.manifest, documentDelivery: "pull" } });
  const jobs: SendJob[] = [];
  const send = transport.send.bind(transport);
  transport.send = (job, call) => {
    jobs.push(job);
    return send(job, call);
  };
  const clock = manualClock();
  const blobs = memoryBlobs();
  const faxbot = createFaxbot({
    transports: [transport],
    stores: memoryStores(),
    blobs,
    clock,
    publicUrl,
    delivery: { pollMs: 10 },
  });
  onTestFinished(() => faxbot.stop());
  const pdf = syntheticPdf({ pages: 3 });
  const fax = await faxbot.forTenant(tenantId).send({ to: syntheticNumber(9), document: pdf });
  await faxbot.start();
  await expect.poll(() => jobs.length).toBe(1);
  const api = faxbotApi({ faxbot, apiKey, publicUrl });
  const url = jobs[0]?.documentUrl ?? "";
  return { api, url, fax, pdf, clock, blobs, get: (path: string, init = {}) => api(new Request(path, init)) };
}

async function expectRefusal(response: Response, status: number, code: string): Promise<void> {
  expect([response.status, await response.json()]).toMatchObject([status, { code }]);
  expect(response.headers.get("cache-control")).toContain("no-store");
}

describe("the document for a provider that pulls", () => {
  test("is served for the token alone, as often as the provider asks", async () => {
    const { url, fax, pdf, get } = await offeredDocument();
    expect(url).toMatch(new RegExp(`^${publicUrl}/fax/${fax.id}/pdf\\?token=[A-Za-z0-9_-]{43}$`));
    const about = {
      "content-type": "application/pdf",
      "content-length": String(pdf.byteLength),
      "cache-control": "no-cache, no-store, must-revalidate",
      pragma: "no-cache",
      expires: "0",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    };
    const head = await get(url, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect(Object.fromEntries(head.headers)).toMatchObject(about);
    for (const _time of [1, 2, 3]) {
      const response = await get(url);
      expect(response.status).toBe(200);
      expect(Object.fromEntries(response.headers)).toMatchObject(about);
      const bytes = Buffer.from(await response.arrayBuffer());
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(
        createHash("sha256").update(pdf).digest("hex"),
      );
    }
  });

  test("is not served for another token, fax, tenant or a key", async () => {
    const { url, fax, get } = await offeredDocument();
    const base = `${publicUrl}/fax/${fax.id}/pdf`;
    const { token } = Object.fromEntries(new URL(url).searchParams);
    for (const path of [
      base,
      `${base}?token=`,
      `${base}?token=${token?.slice(1)}`,
      `${base}?token=${token?.toLowerCase()}0`,
      `${base}?token=${token}&tenant=acme`,
      `${publicUrl}/fax/0123/pdf?token=${token}`,
    ]) {
      await expectRefusal(await get(path, { headers: { "x-api-key": apiKey } }), 403, "forbidden");
    }
    await expectRefusal(await get(`${url}&page=1`), 501, "unsupported");
    await expectRefusal(await get(`${url}&tenant=a%20b`), 400, "request_invalid");
    await expectRefusal(await get(url, { method: "POST" }), 404, "not_found");
  });

  test("is the tenant's own", async () => {
    const { url, get } = await offeredDocument("acme");
    expect(new URL(url).searchParams.get("tenant")).toBe("acme");
    expect((await get(url)).status).toBe(200);
    await expectRefusal(await get(url.replace("&tenant=acme", "")), 403, "forbidden");
  });

  test("ends with its token", async () => {
    const { url, clock, get } = await offeredDocument();
    clock.advance(49 * 3_600_000);
    await expectRefusal(await get(url), 403, "forbidden");
  });

  test("is gone once it is no longer kept", async () => {
    const { url, blobs, get } = await offeredDocument();
    for await (const { key } of blobs.list("prepared/")) await blobs.delete(key);
    await expectRefusal(await get(url), 404, "not_found");
  });
});
