import { createHash } from "node:crypto";
import { createFaxbot, FaxError, memoryBlobs, memoryStores } from "@faxbot/core";
import { documents } from "@faxbot/documents";
import { syntheticNumber, syntheticPdf, testTransport } from "@faxbot/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { faxbotApi } from "../src/index.ts";
import { apiKey, faxForm, publicUrl, type RunningApi, runApi, webhookSecret } from "./running-api.ts";

const isoTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const hexId = expect.stringMatching(/^[0-9a-f]{32}$/);
const noStore = "no-cache, no-store, must-revalidate";

interface Job {
  id: string;
  status: string;
  [name: string]: unknown;
}

describe("the REST contract", () => {
  let running: RunningApi;
  beforeAll(async () => {
    running = await runApi();
  });
  afterAll(() => running.stop());

  const send = (fields: Record<string, string>, headers: Record<string, string> = {}, path = "/fax") =>
    running.call(path, { method: "POST", body: faxForm(fields), headers });
  const sent = async (fields: Record<string, string>): Promise<Job> =>
    (await send(fields)).json() as Promise<Job>;
  const expectError = async (response: Response, status: number, code: string) => {
    expect({ status: response.status, body: await response.json() }).toEqual({
      status,
      body: { detail: expect.any(String), code },
    });
  };

  describe("sending", () => {
    it("answers POST /fax with 202 and POST /fax/send with 200, with both sets of names", async () => {
      for (const [path, status] of [
        ["/fax", 202],
        ["/fax/send", 200],
      ] as const) {
        const response = await send({ to: syntheticNumber(1), from_number: syntheticNumber(2) }, {}, path);
        expect(response.status).toBe(status);
        expect(response.headers.get("cache-control")).toBe("no-store");
        const job = (await response.json()) as Job;
        expect(job).toStrictEqual({
          id: hexId,
          job_id: job.id,
          to: syntheticNumber(1),
          to_number: syntheticNumber(1),
          from_number: syntheticNumber(2),
          status: "queued",
          error: null,
          needs_review: null,
          pages: null,
          backend: "disabled",
          provider: "disabled",
          provider_sid: null,
          cost: null,
          attempts: expect.any(Number),
          next_attempt_at: expect.toSatisfy((value) => value === null || typeof value === "string"),
          created_at: isoTime,
          updated_at: isoTime,
          completed_at: null,
        });
      }
    });

    it("tells where the fax is on both paths, and how it ended", async () => {
      const { id } = await sent({ to: syntheticNumber(3) });
      const taken = await untilTaken(running, id);
      running.transport.finish(taken, "delivered");
      const job = await untilStatus(running, id, ({ status }) => status === "delivered");
      expect(job).toMatchObject({
        provider_sid: taken,
        pages: 1,
        attempts: 1,
        completed_at: isoTime,
        error: null,
      });
      await expectError(await running.call(`/fax/${id}/cancel`, { method: "POST" }), 409, "state_conflict");
      const v4 = (await (await running.call(`/fax/status/${id}`)).json()) as Job;
      expect(v4.id).toBe(id);
      await expectError(await running.call("/fax/0123"), 404, "not_found");
    });

    it("says why a fax failed in one fixed word", async () => {
      running.transport.next("refused");
      const { id } = await sent({ to: syntheticNumber(12) });
      const job = await untilStatus(running, id, ({ status }) => status === "failed");
      expect(job).toMatchObject({ error: "rejected", provider_sid: null, needs_review: null });
    });

    it("gives the same job for the same Idempotency-Key, and 409 for another request with it", async () => {
      const key = { "Idempotency-Key": "order-4711" };
      const first = (await (await send({ to: syntheticNumber(4) }, key)).json()) as Job;
      const again = (await (await send({ to: syntheticNumber(4) }, key)).json()) as Job;
      expect(again.id).toBe(first.id);
      await expectError(await send({ to: syntheticNumber(5) }, key), 409, "idempotency_conflict");
      await expectError(
        await send({ to: syntheticNumber(5) }, { "Idempotency-Key": "x".repeat(256) }),
        400,
        "request_invalid",
      );
    });

    it("takes send_at, and provider by its id, alias or published name", async () => {
      for (const provider of ["test", "disabled"]) {
        const job = await sent({ to: syntheticNumber(6), provider, send_at: "2999-01-02T03:04:05+01:00" });
        expect(job).toMatchObject({
          status: "queued",
          next_attempt_at: "2999-01-02T02:04:05.000Z",
          backend: "disabled",
        });
      }
      const inUtc = await sent({ to: syntheticNumber(6), send_at: "2999-01-02T03:04:05" });
      expect(inUtc.next_attempt_at).toBe("2999-01-02T03:04:05.000Z");
      await expectError(await send({ to: syntheticNumber(6), provider: "nobody" }), 400, "request_invalid");
      await expectError(await send({ to: syntheticNumber(6), send_at: "tomorrow" }), 400, "request_invalid");
      await expectError(
        await send({ to: syntheticNumber(6), send_at: "2999-02-30" }),
        400,
        "request_invalid",
      );
    });

    it("treats fields that a form left empty as absent", async () => {
      const response = await send({
        to: syntheticNumber(7),
        from_number: "",
        provider: "",
        send_at: "",
        coversheet: "",
      });
      expect(response.status).toBe(202);
    });

    it("refuses what it cannot do, and never ignores it", async () => {
      await expectError(
        await send({ to: syntheticNumber(8), coversheet: "To whom it may concern" }),
        501,
        "unsupported",
      );
      await expectError(await send({ to: syntheticNumber(8), priority: "high" }), 501, "unsupported");
      await expectError(
        await send({ to: syntheticNumber(8) }, {}, "/fax?send_at=2999-01-01"),
        501,
        "unsupported",
      );
      const two = faxForm({ to: syntheticNumber(8) });
      two.append("file", new Blob([syntheticPdf() as Uint8Array<ArrayBuffer>]), "second.pdf");
      await expectError(await running.call("/fax", { method: "POST", body: two }), 501, "unsupported");
      const other = faxForm({ to: syntheticNumber(8) });
      other.set("logo", new Blob(["x"]), "logo.png");
      await expectError(await running.call("/fax", { method: "POST", body: other }), 501, "unsupported");
    });

    it("takes text where a document engine knows it, and no cover page that it cannot make", async () => {
      const faxbot = createFaxbot({
        transports: [testTransport()],
        stores: memoryStores(),
        blobs: memoryBlobs(),
        documents: { ...documents(), adds: [] },
      });
      const api = faxbotApi({ faxbot, apiKey });
      const post = (fields: Record<string, string>, file: Uint8Array) =>
        api(
          new Request("http://localhost/fax", {
            method: "POST",
            body: faxForm({ to: syntheticNumber(8), ...fields }, file),
            headers: { "x-api-key": apiKey },
          }),
        );
      expect((await post({}, Buffer.from("Dear doctor,\n"))).status).toBe(202);
      expect((await post({ coversheet: "false" }, syntheticPdf())).status).toBe(202);
      await expectError(await post({ coversheet: "Dear doctor" }, syntheticPdf()), 501, "unsupported");
      await expectError(await post({}, Buffer.from("GIF89a\0\x01")), 415, "document_unsupported");
      await expectError(await post({}, Buffer.from("%PDF-1.4\nno more")), 400, "document_invalid");
    });

    it("refuses what is not a fax", async () => {
      await expectError(await send({ to: "0800 CALL ME" }), 400, "request_invalid");
      await expectError(await send({ to: "" }), 400, "request_invalid");
      await expectError(await send({}), 400, "request_invalid");
      const twice = faxForm({ to: syntheticNumber(9) });
      twice.append("to", syntheticNumber(10));
      await expectError(await running.call("/fax", { method: "POST", body: twice }), 400, "request_invalid");
      const nothing = new FormData();
      nothing.set("to", syntheticNumber(9));
      await expectError(
        await running.call("/fax", { method: "POST", body: nothing }),
        400,
        "request_invalid",
      );
      nothing.set("file", "%PDF-1.4");
      await expectError(
        await running.call("/fax", { method: "POST", body: nothing }),
        400,
        "request_invalid",
      );
      const empty = faxForm({ to: syntheticNumber(9) }, new Uint8Array());
      await expectError(await running.call("/fax", { method: "POST", body: empty }), 400, "document_invalid");
      const image = faxForm({ to: syntheticNumber(9) }, Buffer.from("GIF89a"));
      await expectError(
        await running.call("/fax", { method: "POST", body: image }),
        415,
        "document_unsupported",
      );
      await expectError(
        await running.call("/fax", {
          method: "POST",
          body: "{}",
          headers: { "content-type": "application/json" },
        }),
        415,
        "document_unsupported",
      );
      await expectError(
        await running.call("/fax", {
          method: "POST",
          body: "--b\r\nnot a form",
          headers: { "content-type": "multipart/form-data; boundary=b" },
        }),
        400,
        "request_invalid",
      );
      await expectError(
        await running.call("/fax", {
          method: "POST",
          headers: { "content-type": "multipart/form-data; boundary=b" },
        }),
        400,
        "request_invalid",
      );
    });

    it("cancels", async () => {
      const { id } = await sent({ to: syntheticNumber(11), send_at: "2999-01-01" });
      const canceled = await running.call(`/fax/${id}/cancel`, { method: "POST" });
      expect(canceled.status).toBe(200);
      expect(await canceled.json()).toMatchObject({ id, status: "canceled" });
      await expectError(await running.call("/fax/0123/cancel", { method: "POST" }), 404, "not_found");
    });

    it("lists by page, status, provider and time", async () => {
      for (let index = 0; index < 3; index += 1) await sent({ to: syntheticNumber(20 + index) });
      const first = (await (await running.call("/fax?limit=2")).json()) as {
        items: Job[];
        next_cursor: string;
      };
      expect(first.items).toHaveLength(2);
      const cursor = encodeURIComponent(first.next_cursor);
      const second = (await (await running.call(`/fax?limit=2&cursor=${cursor}`)).json()) as { items: Job[] };
      expect(second.items[0]?.id).not.toBe(first.items[1]?.id);
      const none = await running.call("/fax?since=2999-01-01T00:00:00Z&provider=disabled&status=queued");
      expect(await none.json()).toEqual({ items: [], next_cursor: null });
      const canceled = (await (await running.call("/fax?status=canceled")).json()) as { items: Job[] };
      expect(canceled.items.every((job) => job.status === "canceled")).toBe(true);
      for (const query of [
        "status=lost",
        "limit=0",
        "limit=1001",
        "limit=two",
        "since=soon",
        "provider=nobody",
        "cursor=%00",
        "status=queued&status=failed",
      ]) {
        await expectError(await running.call(`/fax?${query}`), 400, "request_invalid");
      }
      await expectError(await running.call("/fax?to=%2B12025550100"), 501, "unsupported");
    });
  });

  describe("the inbox", () => {
    it("shows a received fax with all its names", async () => {
      const id = await running.receive(syntheticNumber(40));
      const response = await running.call(`/inbound/${id}`);
      expect(response.status).toBe(200);
      const fax = (await response.json()) as Record<string, unknown>;
      expect(fax).toStrictEqual({
        id,
        fr: syntheticNumber(98),
        from: syntheticNumber(98),
        from_number: syntheticNumber(98),
        to: syntheticNumber(40),
        to_number: syntheticNumber(40),
        status: "received",
        partial: false,
        backend: "disabled",
        provider_sid: expect.stringMatching(/^test_/),
        pages: expect.toSatisfy((value) => value === null || value === 1),
        size_bytes: expect.any(Number),
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        mailbox: null,
        mailbox_label: null,
        retention_until: isoTime,
        error: null,
        created_at: isoTime,
        received_at: isoTime,
        updated_at: isoTime,
      });
      await expectError(await running.call("/inbound/0123"), 404, "not_found");
    });

    it("lists a bare array for classic callers and pages for others", async () => {
      const number = syntheticNumber(41);
      const id = await running.receive(number);
      const classic = (await (await running.call("/inbound")).json()) as Job[];
      expect(Array.isArray(classic)).toBe(true);
      expect(classic.some((fax) => fax.id === id)).toBe(true);
      for (const to of [encodeURIComponent(number), number, number.replace("+", "00")]) {
        const page = (await (await running.call(`/inbound?limit=10&to_number=${to}`)).json()) as {
          items: Job[];
        };
        expect(page).toMatchObject({ items: [{ id }], next_cursor: null });
      }
      expect(await (await running.call("/inbound?mailbox=nobody")).json()).toEqual([]);
      await expectError(await running.call("/inbound?status=queued"), 400, "request_invalid");
      await expectError(await running.call("/inbound?to_number=me"), 400, "request_invalid");
      await expectError(await running.call("/inbound?from=me"), 501, "unsupported");
    });

    it("serves the PDF for a key and for a token, and keeps it out of caches", async () => {
      const id = await running.receive(syntheticNumber(42));
      const { sha256 } = (await (await running.call(`/inbound/${id}`)).json()) as { sha256: string };
      const minted = await running.call(`/inbound/${id}/token`, { method: "POST" });
      expect(minted.status).toBe(200);
      const { url, expires_at } = (await minted.json()) as { url: string; expires_at: string };
      expect(url).toMatch(new RegExp(`^${publicUrl}/inbound/${id}/pdf\\?token=[A-Za-z0-9_-]{43}$`));
      expect(expires_at).toEqual(isoTime);
      const minutes = (Date.parse(expires_at) - Date.now()) / 60_000;
      expect(Math.round(minutes)).toBe(60);
      for (const response of [
        await running.call(`/inbound/${id}/pdf`),
        await running.api(new Request(url)),
        await running.call(`/inbound/${id}/pdf`, { headers: { authorization: `Bearer ${apiKey}` } }),
      ]) {
        expect(response.status).toBe(200);
        expect(Object.fromEntries(response.headers)).toMatchObject({
          "content-type": "application/pdf",
          "content-disposition": `inline; filename="fax-${id}.pdf"`,
          "cache-control": noStore,
          pragma: "no-cache",
          expires: "0",
          "x-content-type-options": "nosniff",
          "referrer-policy": "no-referrer",
        });
        const bytes = new Uint8Array(await response.arrayBuffer());
        expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256);
        expect(response.headers.get("content-length")).toBe(String(bytes.byteLength));
      }
      const other = await running.receive(syntheticNumber(43));
      const token = new URL(url).searchParams.get("token") as string;
      for (const path of [
        `/inbound/${other}/pdf?token=${token}`,
        `/inbound/${id}/pdf?token=${token.slice(1)}`,
        `/inbound/${id}/pdf?token=`,
        `/inbound/${id}/pdf?token=${token}&tenant=acme`,
      ]) {
        await expectError(await running.api(new Request(publicUrl + path)), 403, "forbidden");
      }
      await expectError(
        await running.api(new Request(`${publicUrl}/inbound/${id}/pdf`)),
        401,
        "unauthorized",
      );
      await expectError(await running.call("/inbound/0123/pdf"), 404, "not_found");
      await expectError(await running.call("/inbound/0123/token", { method: "POST" }), 404, "not_found");
    });

    it("refuses a token that has expired", async () => {
      const brief = await runApi({ inboundTokenTtlMs: 1 });
      try {
        const id = await brief.receive(syntheticNumber(44));
        const { url } = await brief.api.inboundPdfLink({ id, tenantId: "default" });
        await new Promise((resolve) => setTimeout(resolve, 5));
        await expectError(await brief.api(new Request(url)), 403, "forbidden");
      } finally {
        await brief.stop();
      }
    });
  });

  describe("provider callbacks", () => {
    const callback = (path: string, body: unknown, secret = webhookSecret) =>
      running.api(
        new Request(`http://localhost${path}`, {
          method: "POST",
          body: JSON.stringify(body),
          headers: { "x-internal-secret": secret },
        }),
      );

    it("takes them without a key, on the transport's path and on the paths of its manifest", async () => {
      for (const path of ["/callbacks/test", "/_internal/test/inbound"]) {
        const response = await callback(path, { to_number: syntheticNumber(50) });
        expect(response.status).toBe(202);
      }
    });

    it("refuses what is not verified or not readable", async () => {
      await expectError(await callback("/callbacks/test", {}, "wrong"), 401, "webhook_unverified");
      await expectError(await callback("/callbacks/test", { nonsense: true }), 400, "webhook_malformed");
      await expectError(await callback("/callbacks/nobody", {}), 404, "not_found");
      await expectError(await callback("/callbacks/test/", {}), 404, "not_found");
      expect((await running.call("/callbacks/test")).status).toBe(404);
    });

    it("says 500 when it could not be stored, so that the provider calls again", async () => {
      const stores = memoryStores();
      stores.events.insert = async () => {
        throw new FaxError("store_unavailable", "the database is gone");
      };
      const faxbot = createFaxbot({
        transports: [testTransport({ webhookSecret })],
        stores,
        blobs: memoryBlobs(),
      });
      const api = faxbotApi({ faxbot, apiKey });
      const response = await api(
        new Request("http://localhost/callbacks/test", {
          method: "POST",
          body: JSON.stringify({ provider_id: "test_1", status: "delivered" }),
          headers: { "x-internal-secret": webhookSecret },
        }),
      );
      await expectError(response, 500, "store_unavailable");
    });

    it("refuses a body past the limit", async () => {
      const small = await runApi({ maxCallbackBytes: 1000 });
      const response = await small.api(
        new Request("http://localhost/callbacks/test", {
          method: "POST",
          body: JSON.stringify({ to_number: syntheticNumber(51), pdf_base64: "A".repeat(1000) }),
          headers: { "x-internal-secret": webhookSecret },
        }),
      );
      await expectError(response, 413, "document_too_large");
      await small.stop();
    });
  });

  describe("health and description", () => {
    it("answers probes without a key", async () => {
      const health = await running.api(new Request("http://localhost/health"));
      expect([health.status, await health.json()]).toEqual([200, { status: "ok" }]);
      const ready = await running.api(new Request("http://localhost/health/ready"));
      expect([ready.status, await ready.json()]).toEqual([
        200,
        { status: "ready", backend: "disabled", checks: { store: "ok" }, warnings: [] },
      ]);
    });

    it("is not ready while the store is away, and warns of what is odd", async () => {
      const stores = memoryStores();
      stores.faxes.list = async () => {
        throw new Error("connect ECONNREFUSED 10.0.0.1:5432");
      };
      const faxbot = createFaxbot({ transports: [testTransport()], stores, blobs: memoryBlobs() });
      const api = faxbotApi({ faxbot, allowUnauthenticated: true });
      const ready = await api(new Request("http://localhost/health/ready"));
      expect([ready.status, await ready.json()]).toEqual([
        503,
        {
          status: "not_ready",
          backend: "disabled",
          checks: { store: "failed" },
          warnings: [
            "no public URL: providers cannot call, every fax is polled",
            "calls without a key are allowed",
          ],
        },
      ]);
    });

    it("publishes the same description as the one under version control", async () => {
      const served = await running.api(new Request("http://localhost/openapi.json"));
      const description = (await served.json()) as { info: unknown; openapi: string };
      expect(description.info).toMatchObject({ title: "Faxbot API v4", version: "4.0.0" });
      // A published path or shape that drifts fails here. `vitest -u` writes the file anew.
      await expect(`${JSON.stringify(description, null, 2)}\n`).toMatchFileSnapshot(
        "./fixtures/openapi.json",
      );
    });

    it("has no inbound routes without an inbox", async () => {
      const faxbot = createFaxbot({
        transports: [testTransport()],
        stores: memoryStores(),
        blobs: memoryBlobs(),
      });
      const api = faxbotApi({ faxbot, apiKey });
      const headers = { "x-api-key": apiKey };
      for (const path of ["/inbound", "/inbound/1", "/inbound/1/pdf"]) {
        await expectError(await api(new Request(`http://localhost${path}`, { headers })), 404, "not_found");
      }
      expect(JSON.stringify(api.openApi())).not.toContain("/inbound");
      await expect(api.inboundPdfLink({ id: "1", tenantId: "default" })).rejects.toMatchObject({
        code: "unsupported",
      });
    });

    it("knows no other path", async () => {
      for (const path of ["/", "/fax/1/2/3", "/Fax", "/health/"]) {
        await expectError(await running.call(path), 404, "not_found");
      }
    });
  });
});

async function untilTaken(running: RunningApi, id: string): Promise<string> {
  for (;;) {
    const taken = running.transport.faxes.find((fax) => fax.faxId === id);
    if (taken) {
      await untilStatus(running, id, (job) => job.provider_sid !== null);
      return taken.providerId;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function untilStatus(running: RunningApi, id: string, done: (job: Job) => boolean): Promise<Job> {
  for (;;) {
    const job = (await (await running.call(`/fax/${id}`)).json()) as Job;
    if (done(job)) return job;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
