import {
  capturingLogger,
  manualClock,
  syntheticNumber,
  syntheticPdf,
  type TestTransport,
  type TestTransportOptions,
  testTransport,
} from "@faxbot/testing";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  createFaxbot,
  type Fax,
  type Faxbot,
  type FaxbotOptions,
  type FaxTransportV1,
  memoryBlobs,
  memoryStores,
  type Notice,
  type NoticeType,
  type SendJob,
  type Stores,
} from "../src/index.ts";

const pdf = syntheticPdf({ pages: 2, text: "a fax of two pages" });
const to = syntheticNumber(50);
const running: Faxbot[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((faxbot) => faxbot.stop()));
});

interface House {
  faxbot: Faxbot<unknown>;
  transport: TestTransport;
  stores: Stores<unknown>;
  clock: ReturnType<typeof manualClock>;
  logger: ReturnType<typeof capturingLogger>;
  seen: { type: NoticeType; id: string }[];
}

async function house(
  options: Partial<FaxbotOptions> & { transport?: TestTransportOptions } = {},
): Promise<House> {
  const { transport: transportOptions, ...rest } = options;
  const transport = testTransport({ delayMs: 0, outcomes: {}, ...transportOptions });
  const stores = memoryStores() as unknown as Stores<unknown>;
  const clock = manualClock();
  const logger = capturingLogger();
  const faxbot = createFaxbot<unknown>({
    transports: [transport],
    stores,
    blobs: memoryBlobs(),
    clock,
    logger,
    ...rest,
    delivery: { pollMs: 10, ...rest.delivery },
  });
  const seen: House["seen"] = [];
  for (const type of [
    "fax.queued",
    "fax.in_progress",
    "fax.delivered",
    "fax.failed",
    "fax.canceled",
    "fax.needs_review",
  ] as const) {
    faxbot.on(type, (event) => {
      seen.push({ type: event.type, id: event.subject.id });
    });
  }
  running.push(faxbot);
  return { faxbot, transport, stores, clock, logger, seen };
}

function until(check: () => Promise<boolean> | boolean): Promise<void> {
  return vi.waitFor(
    async () => {
      if (!(await check())) throw new Error("not yet");
    },
    { timeout: 5_000, interval: 5 },
  );
}

async function untilStatus(faxbot: Faxbot, id: string, status: Fax["status"]): Promise<Fax> {
  await until(async () => (await faxbot.get(id)).status === status);
  return faxbot.get(id);
}

const sends = (transport: TestTransport): number =>
  transport.calls.filter((call) => call.operation === "send").length;

describe("sending", () => {
  it("does nothing before start, and delivers after it", async () => {
    const { faxbot, transport, seen } = await house();
    const fax = await faxbot.send({ to, document: pdf });
    expect(fax).toMatchObject({ status: "queued", to, attempts: 1 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(sends(transport)).toBe(0);

    await faxbot.start();
    const done = await untilStatus(faxbot, fax.id, "delivered");
    expect(done).toMatchObject({ pages: 2, providerId: transport.faxes[0]?.providerId });
    await until(() => seen.some((event) => event.type === "fax.delivered"));
    expect(seen[0]).toEqual({ type: "fax.queued", id: fax.id });
    expect(sends(transport)).toBe(1);
    expect(await faxbot.attempts(fax.id)).toMatchObject([{ number: 1, state: "delivered" }]);
  });

  it("hands back the document byte for byte", async () => {
    const { faxbot } = await house();
    const fax = await faxbot.send({
      to,
      document: { content: new Blob([pdf.slice()]), fileName: "../a/order.pdf" },
    });
    const document = await faxbot.document(fax.id);
    expect(document.fileName).toBe("order.pdf");
    expect(
      Buffer.from(await new Response(await document.open()).arrayBuffer()).equals(Buffer.from(pdf)),
    ).toBe(true);
  });

  it("records nothing of what it refuses, and says nothing private", async () => {
    const { faxbot, stores } = await house({ maxDocumentBytes: 2_000 });
    const number = "+1 (202) 867-53";
    const refusals = [
      [{ to: number, document: pdf }, "request_invalid"],
      [{ to, document: new TextEncoder().encode("Mrs Smith") }, "document_unsupported"],
      [{ to, document: new Uint8Array(0) }, "document_invalid"],
      [{ to, document: new Uint8Array(3_000) }, "document_too_large"],
      [{ to, document: pdf, transport: "nowhere" }, "request_invalid"],
      [{ to, document: pdf, cover: { to: "Mrs Smith" } }, "unsupported"],
      [{ to, document: pdf, idempotencyKey: "" }, "request_invalid"],
      [{ to, document: pdf, expiresAt: new Date(0) }, "request_invalid"],
    ] as const;
    for (const [input, code] of refusals) {
      const error = await faxbot.send(input).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code });
      expect(String(error)).not.toMatch(/867|Smith/);
    }
    expect((await faxbot.list()).items).toEqual([]);
    const left: string[] = [];
    for await (const blob of memoryBlobs().list("")) left.push(blob.key);
    expect(left).toEqual([]);
    expect(
      (await stores.attempts.claimDue({ owner: "t", leaseMs: 1, limit: 9, now: new Date(8e15) })).length,
    ).toBe(0);
  });

  it("makes one fax of a thousand concurrent requests with one key, and refuses another request with it", async () => {
    const { faxbot } = await house();
    const requests = Array.from({ length: 1_000 }, () =>
      faxbot.send({ to, document: pdf, idempotencyKey: "order-77" }),
    );
    const ids = new Set((await Promise.all(requests)).map((fax) => fax.id));
    expect(ids.size).toBe(1);
    expect((await faxbot.list({ limit: 1_000 })).items).toHaveLength(1);
    await expect(
      faxbot.send({ to: syntheticNumber(51), document: pdf, idempotencyKey: "order-77" }),
    ).rejects.toMatchObject({ code: "idempotency_conflict" });
    // Another tenant's key is another key.
    const other = await faxbot.forTenant("clinic-2").send({ to, document: pdf, idempotencyKey: "order-77" });
    expect(ids.has(other.id)).toBe(false);
  });

  it("can be waited for", async () => {
    const { faxbot } = await house();
    await faxbot.start();
    const fax = await faxbot.send({ to, document: pdf });
    expect((await faxbot.waitFor(fax.id)).status).toBe("delivered");
    await expect(faxbot.waitFor("0".repeat(32))).rejects.toMatchObject({ code: "not_found" });
    const later = await faxbot.send({ to, document: pdf, sendAt: new Date("2027-01-01T00:00:00Z") });
    const signal = AbortSignal.timeout(20);
    await expect(faxbot.waitFor(later.id, { signal })).rejects.toThrow(/timeout/i);
  });

  it("waits for sendAt", async () => {
    const { faxbot, transport, clock } = await house();
    await faxbot.start();
    const sendAt = new Date(clock.now().getTime() + 3_600_000);
    const fax = await faxbot.send({ to, document: pdf, sendAt });
    expect(fax.nextAttemptAt).toEqual(sendAt);
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(sends(transport)).toBe(0);
    clock.advance(3_600_000);
    await untilStatus(faxbot, fax.id, "delivered");
  });

  it("keeps tenants apart", async () => {
    const { faxbot } = await house();
    const fax = await faxbot.forTenant("a").send({ to, document: pdf });
    await expect(faxbot.forTenant("b").get(fax.id)).rejects.toMatchObject({ code: "not_found" });
    await expect(faxbot.get(fax.id)).rejects.toMatchObject({ code: "not_found" });
    await faxbot.start();
    await untilStatus(faxbot.forTenant("a"), fax.id, "delivered");
    expect(() => faxbot.forTenant("a/../b")).toThrow(/tenant id/);
  });

  it("holds one call per destination", async () => {
    const { faxbot, transport } = await house();
    transport.delayMs = Number.POSITIVE_INFINITY;
    await faxbot.start();
    const first = await faxbot.send({ to, document: pdf });
    const second = await faxbot.send({ to, document: pdf });
    const elsewhere = await faxbot.send({ to: syntheticNumber(52), document: pdf });
    await until(() => transport.faxes.length === 2);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const onTheLine = transport.faxes.find((taken) => taken.to === to);
    expect(transport.faxes.map((taken) => taken.faxId)).toContain(elsewhere.id);
    expect(transport.faxes.filter((taken) => taken.to === to)).toHaveLength(1);
    const waiting = onTheLine?.faxId === first.id ? second : first;
    expect((await faxbot.get(waiting.id)).status).toBe("queued");
  });
});

describe("failures", () => {
  it("tries a busy number again later and tells the host only how it ended", async () => {
    const { faxbot, transport, clock, seen } = await house({
      transport: { outcomes: { [to]: ["busy", "delivered"] } },
    });
    await faxbot.start();
    const fax = await faxbot.send({ to, document: pdf });
    await until(async () => (await faxbot.get(fax.id)).attempts === 2);
    const waiting = await faxbot.get(fax.id);
    expect(waiting).toMatchObject({
      status: "queued",
      nextAttemptAt: new Date(clock.now().getTime() + 180_000),
    });
    clock.advance(180_000);
    await untilStatus(faxbot, fax.id, "delivered");
    expect(sends(transport)).toBe(2);
    expect(await faxbot.attempts(fax.id)).toMatchObject([
      { state: "failed", failure: { reason: "busy" } },
      { state: "delivered" },
    ]);
    await until(() => seen.some((event) => event.type === "fax.delivered"));
    expect(seen.some((event) => event.type === "fax.failed")).toBe(false);
  });

  it("tells each call how the earlier ones over the same transport failed", async () => {
    const jobs: SendJob[] = [];
    const line = testTransport({ outcomes: { [to]: ["busy", "line_error", "delivered"] }, delayMs: 0 });
    const send = line.send.bind(line);
    line.send = (job, call) => {
      jobs.push(job);
      return send(job, call);
    };
    const { faxbot, clock } = await house({ transports: [line] });
    await faxbot.start();
    const fax = await faxbot.send({ to, document: pdf });
    for (const attempts of [2, 3]) {
      await until(async () => (await faxbot.get(fax.id)).attempts === attempts);
      clock.advance(3_600_000);
    }
    await untilStatus(faxbot, fax.id, "delivered");
    expect(jobs.map(({ earlierFailures }) => earlierFailures.map(({ reason }) => reason))).toEqual([
      [],
      ["busy"],
      ["busy", "line_error"],
    ]);
  });

  it("waits without an intent while all lines are taken", async () => {
    let free = false;
    const transport = Object.assign(testTransport({ outcomes: {}, delayMs: 0 }), { hasLine: () => free });
    const { faxbot, clock, stores } = await house({ transports: [transport] });
    await faxbot.start();
    const fax = await faxbot.send({ to, document: pdf });
    const attempt = async () => (await stores.attempts.listByFax("default", fax.id))[0];
    await until(async () => ((await attempt())?.checks ?? 0) > 0);
    expect(await attempt()).toMatchObject({ state: "prepared" });
    expect(transport.calls).toEqual([]);
    free = true;
    clock.advance(4_000);
    await untilStatus(faxbot, fax.id, "delivered");
    expect((await faxbot.attempts(fax.id)).length).toBe(1);
  });

  it("fails over when the first provider refuses the credentials", async () => {
    const second = testTransport({ id: "second", outcomes: {}, delayMs: 0 });
    const first = testTransport({ id: "first", outcomes: { [to]: "unauthorized" } });
    const { faxbot } = await house({ transports: [first, second] });
    await faxbot.start();
    const fax = await faxbot.send({ to, document: pdf });
    const done = await untilStatus(faxbot, fax.id, "delivered");
    expect(done.transportId).toBe("second");
    const chosen = await faxbot.send({ to, document: pdf, transport: "first" });
    expect(await untilStatus(faxbot, chosen.id, "failed")).toMatchObject({ failure: { reason: "account" } });
  });

  it("never sends again what arrived in part", async () => {
    const { faxbot } = await house({ transport: { outcomes: { [to]: "partial" } } });
    await faxbot.start();
    const fax = await faxbot.send({ to, document: pdf });
    expect(await untilStatus(faxbot, fax.id, "failed")).toMatchObject({
      partial: { confirmedPages: 1 },
      attempts: 1,
    });
  });

  it("expires what could not be sent in time", async () => {
    const { faxbot, clock } = await house({ transport: { outcomes: { [to]: "unavailable" } } });
    await faxbot.start();
    const fax = await faxbot.send({ to, document: pdf, expiresAt: new Date(clock.now().getTime() + 60_000) });
    await until(async () => (await faxbot.get(fax.id)).attempts > 1);
    clock.advance(61_000);
    expect((await untilStatus(faxbot, fax.id, "failed")).failure?.reason).toMatch(/expired|unavailable/);
  });
});

describe("an unknown outcome", () => {
  const lookup = { authoritative: false, settleMs: 1_000 };

  it("is found again by our reference, with no second call", async () => {
    const { faxbot, transport, clock } = await house({
      transport: { outcomes: { [to]: "lost_reply" }, traits: { lookup }, reportStatus: false },
    });
    await faxbot.start();
    const fax = await faxbot.send({ to, document: pdf });
    await until(async () => (await faxbot.get(fax.id)).needsReview === "outcome_unknown");
    clock.advance(2_000);
    const done = await untilStatus(faxbot, fax.id, "delivered");
    expect(done.needsReview).toBeUndefined();
    expect(sends(transport)).toBe(1);
  });

  it("stays with a person when not found means nothing", async () => {
    const { faxbot, transport, clock, seen } = await house({
      transport: { outcomes: { [to]: "lost_request" }, traits: { lookup } },
    });
    await faxbot.start();
    const fax = await faxbot.send({ to, document: pdf });
    for (let hour = 0; hour < 30; hour++) {
      clock.advance(3_600_000);
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    expect(await faxbot.get(fax.id)).toMatchObject({ status: "in_progress", needsReview: "outcome_unknown" });
    expect(sends(transport)).toBe(1);
    expect(seen.filter((event) => event.type === "fax.needs_review")).toHaveLength(1);

    await expect(faxbot.review(fax.id, "send_again")).resolves.toMatchObject({
      status: "queued",
      attempts: 2,
    });
    await until(() => sends(transport) === 2);
  });

  it("is dialled again when the provider's search proves that it never came", async () => {
    const { faxbot, transport, clock } = await house({
      transport: {
        outcomes: { [to]: ["lost_request", "delivered"] },
        traits: { lookup: { authoritative: true, settleMs: 60_000 } },
      },
    });
    await faxbot.start();
    const fax = await faxbot.send({ to, document: pdf });
    await until(async () => (await faxbot.get(fax.id)).needsReview === "outcome_unknown");
    // The search settles in a minute, and whoever held the claim may start its call for another one.
    clock.advance(119_000);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(sends(transport)).toBe(1);
    clock.advance(2_000);
    await until(async () => {
      clock.advance(1_000);
      return (await faxbot.get(fax.id)).status === "delivered";
    });
    expect(sends(transport)).toBe(2);
  });

  it("is what foreign errors are", async () => {
    const broken = testTransport({ outcomes: {} });
    const transport: FaxTransportV1 = {
      ...broken,
      send: async () => {
        throw new TypeError("undefined is not a function");
      },
    };
    const { faxbot } = await house({ transports: [transport] });
    await faxbot.start();
    const fax = await faxbot.send({ to, document: pdf });
    await until(async () => (await faxbot.get(fax.id)).needsReview === "outcome_unknown");
  });

  it.each(["delivered", "failed"] as const)("can be settled by a person as %s", async (verdict) => {
    const { faxbot, transport } = await house({
      transport: { outcomes: { [to]: "lost_request" }, traits: { lookup } },
    });
    await faxbot.start();
    const fax = await faxbot.send({ to, document: pdf });
    await until(async () => (await faxbot.get(fax.id)).needsReview !== undefined);
    const settled = await faxbot.review(fax.id, verdict);
    expect(settled.status).toBe(verdict);
    expect(settled.needsReview).toBeUndefined();
    await expect(faxbot.review(fax.id, verdict)).rejects.toMatchObject({ code: "state_conflict" });
    expect(sends(transport)).toBe(1);
  });
});

describe("proof against a final state", () => {
  it("stops the retry that waits, and tells a person", async () => {
    const { faxbot, transport, clock, stores } = await house({ transport: { outcomes: { [to]: "busy" } } });
    await faxbot.start();
    const fax = await faxbot.send({ to, document: pdf });
    await until(async () => (await faxbot.get(fax.id)).attempts === 2);
    const [first] = await faxbot.attempts(fax.id);
    await stores.events.insert({
      tenantId: "default",
      id: "e".repeat(32),
      transportId: "test",
      key: "late",
      payload: {
        type: "status",
        report: {
          providerId: transport.faxes[0]?.providerId ?? "",
          status: "delivered",
          providerStatus: "DELIVERED",
          ...(first ? { reference: first.id } : {}),
        },
      },
      state: "pending",
      tries: 0,
      dueAt: clock.now(),
      fence: 0,
      createdAt: clock.now(),
      updatedAt: clock.now(),
    });
    await until(async () => (await faxbot.get(fax.id)).needsReview === "contradiction");
    clock.advance(3_600_000);
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(sends(transport)).toBe(1);
    expect(await faxbot.review(fax.id, "delivered")).toMatchObject({ status: "delivered" });
    clock.advance(3_600_000);
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(sends(transport)).toBe(1);
  });
});

describe("canceling", () => {
  it("cancels at once what was not handed over", async () => {
    const { faxbot, transport } = await house();
    const fax = await faxbot.send({ to, document: pdf });
    expect((await faxbot.cancel(fax.id)).status).toBe("canceled");
    expect((await faxbot.cancel(fax.id)).status).toBe("canceled");
    await faxbot.start();
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(sends(transport)).toBe(0);
  });

  it("asks the provider when it has the fax, and believes only its answer", async () => {
    const { faxbot, transport } = await house();
    transport.delayMs = Number.POSITIVE_INFINITY;
    await faxbot.start();
    const fax = await faxbot.send({ to, document: pdf });
    await until(async () => (await faxbot.get(fax.id)).providerId !== undefined);
    const marked = await faxbot.cancel(fax.id);
    expect(marked.cancelRequestedAt).toBeDefined();
    await untilStatus(faxbot, fax.id, "canceled");
    expect(transport.calls.filter((call) => call.operation === "cancel")).toHaveLength(1);
  });

  it("starts no further attempt where the provider cannot cancel", async () => {
    const { faxbot, transport, clock } = await house({ transport: { without: ["cancel"] } });
    transport.delayMs = Number.POSITIVE_INFINITY;
    await faxbot.start();
    const fax = await faxbot.send({ to, document: pdf });
    await until(async () => (await faxbot.get(fax.id)).providerId !== undefined);
    await faxbot.cancel(fax.id);
    transport.finish(transport.faxes[0]?.providerId ?? "", "busy");
    await untilStatus(faxbot, fax.id, "canceled");
    clock.advance(3_600_000);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(sends(transport)).toBe(1);
  });

  it("refuses to cancel what has arrived", async () => {
    const { faxbot } = await house();
    await faxbot.start();
    const fax = await faxbot.send({ to, document: pdf });
    await untilStatus(faxbot, fax.id, "delivered");
    await expect(faxbot.cancel(fax.id)).rejects.toMatchObject({ code: "state_conflict" });
    await expect(faxbot.cancel("0".repeat(32))).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("polling and wake-ups", () => {
  it("learns the end by asking when no webhook comes", async () => {
    const { faxbot, transport, clock } = await house({ transport: { reportStatus: false, delayMs: 60_000 } });
    await faxbot.start();
    const fax = await faxbot.send({ to, document: pdf });
    await until(async () => (await faxbot.get(fax.id)).providerId !== undefined);
    await until(async () => {
      clock.advance(5_000);
      return (await faxbot.get(fax.id)).status === "delivered";
    });
    expect(transport.calls.some((call) => call.operation === "get_status")).toBe(true);
  });

  it("loses nothing but time when every wake-up is lost", async () => {
    const deaf = { notify: () => {}, subscribe: async () => async () => {} };
    const { faxbot } = await house({ wakeUp: deaf });
    await faxbot.start();
    const fax = await faxbot.send({ to, document: pdf });
    await untilStatus(faxbot, fax.id, "delivered");
  });

  it("tells a person about a fax that never ends", async () => {
    const { faxbot, clock } = await house({ transport: { outcomes: { [to]: "stuck" } } });
    await faxbot.start();
    const fax = await faxbot.send({ to, document: pdf });
    await until(async () => (await faxbot.get(fax.id)).providerId !== undefined);
    await until(async () => {
      clock.advance(1_800_000);
      return (await faxbot.get(fax.id)).needsReview === "outcome_unknown";
    });
    expect((await faxbot.get(fax.id)).status).toBe("in_progress");
  });
});

describe("listeners", () => {
  it("are called again when they fail, with the same id", async () => {
    const { faxbot, clock } = await house();
    const ids: string[] = [];
    faxbot.on("fax.delivered", (event) => {
      ids.push(event.id);
      if (ids.length < 3) throw new Error("the host's database is away");
    });
    await faxbot.start();
    await faxbot.send({ to, document: pdf });
    await until(() => {
      clock.advance(1_000);
      return ids.length === 3;
    });
    expect(new Set(ids).size).toBe(1);
  });

  it("hear only their own tenant and nothing after they left", async () => {
    const { faxbot } = await house();
    const heard: string[] = [];
    const leave = faxbot.forTenant("a").on("fax.delivered", ({ tenantId }) => {
      heard.push(tenantId);
    });
    await faxbot.start();
    const one = await faxbot.forTenant("a").send({ to, document: pdf });
    const two = await faxbot.forTenant("b").send({ to: syntheticNumber(53), document: pdf });
    await untilStatus(faxbot.forTenant("a"), one.id, "delivered");
    await untilStatus(faxbot.forTenant("b"), two.id, "delivered");
    await until(() => heard.length === 1);
    leave();
    const three = await faxbot.forTenant("a").send({ to, document: pdf });
    await untilStatus(faxbot.forTenant("a"), three.id, "delivered");
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(heard).toEqual(["a"]);
  });
});

describe("two engines on the same stores", () => {
  it("send every fax once", async () => {
    const { faxbot, transport, stores, clock } = await house({ delivery: { leaseMs: 60_000 } });
    const twin = createFaxbot<unknown>({
      transports: [transport],
      stores,
      blobs: memoryBlobs(),
      clock,
      delivery: { pollMs: 5, leaseMs: 60_000 },
    });
    running.push(twin);
    const claims = vi.spyOn(stores.attempts, "claimDue");
    await Promise.all([faxbot.start(), twin.start()]);
    // The twin has no documents of its own, so it must not be the one that prepares them.
    await twin.stop();
    const faxes = await Promise.all(
      Array.from({ length: 200 }, (_, index) => faxbot.send({ to: syntheticNumber(index), document: pdf })),
    );
    for (const fax of faxes) await untilStatus(faxbot, fax.id, "delivered");
    expect(claims).toHaveBeenCalled();
    const perFax = new Set(
      transport.calls.filter((call) => call.operation === "send").map((call) => call.faxId),
    );
    expect(sends(transport)).toBe(perFax.size);
  });
});

describe("start", () => {
  it("refuses a second time, and stops cleanly", async () => {
    const { faxbot } = await house();
    await faxbot.start();
    await expect(faxbot.start()).rejects.toMatchObject({ code: "state_conflict" });
    await faxbot.stop();
    await faxbot.stop();
    await faxbot.start();
  });

  it("refuses transports that lie about themselves", () => {
    const honest = testTransport();
    const parts = { stores: memoryStores(), blobs: memoryBlobs() };
    const lying: FaxTransportV1 = { ...honest, manifest: { ...honest.manifest, capabilities: ["send"] } };
    expect(() => createFaxbot({ ...parts, transports: [lying] })).toThrow(/does not list get_status/);
    const without: FaxTransportV1 = { ...honest };
    delete without.getStatus;
    expect(() => createFaxbot({ ...parts, transports: [without] })).toThrow(/has no getStatus/);
    expect(() => createFaxbot({ ...parts, transports: [honest, honest] })).toThrow(/two transports/);
    expect(() => createFaxbot({ ...parts, transports: [] })).toThrow(/at least one/);
  });
});

describe("stop", () => {
  it("lets running work end", async () => {
    const { faxbot, transport } = await house();
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let heard = 0;
    faxbot.on("fax.delivered", async () => {
      heard += 1;
      await held;
      heard += 1;
    });
    await faxbot.start();
    await faxbot.send({ to, document: pdf });
    await until(() => heard === 1);
    const stopped = faxbot.stop();
    release();
    await stopped;
    expect(heard).toBe(2);
    await faxbot.send({ to, document: pdf });
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(sends(transport)).toBe(1);
  });

  it("can be called by a listener", async () => {
    const { faxbot } = await house({ delivery: { leaseMs: 1_000 } });
    let calls = 0;
    faxbot.on("fax.delivered", async () => {
      calls += 1;
      await faxbot.stop({ timeoutMs: 1 });
    });
    await faxbot.start();
    await faxbot.send({ to, document: pdf });
    await until(() => calls === 1);
    await faxbot.stop();
    expect(calls).toBe(1);
  });
});

describe("health", () => {
  it("checks all transports and never sends", async () => {
    const { faxbot, transport } = await house();
    transport.health = { status: "unhealthy", message: "the key was refused" };
    expect(await faxbot.checkHealth()).toMatchObject({ test: { status: "unhealthy" } });
    expect(sends(transport)).toBe(0);
  });
});

/** Notices are part of the ledger, so a type that nobody listens to must not pile up. */
describe("notices", () => {
  it("are gone once nobody wants them", async () => {
    const { faxbot, stores } = await house();
    await faxbot.start();
    const fax = await faxbot.send({ to, document: pdf });
    await untilStatus(faxbot, fax.id, "delivered");
    let left: Notice[] = [];
    await until(async () => {
      left = await stores.notices.claimDue({ owner: "test", leaseMs: 1, limit: 10, now: new Date(8e15) });
      return left.length === 0;
    });
    expect(left).toEqual([]);
  });
});
