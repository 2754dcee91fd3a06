import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { documentFromBytes, FaxError, type InboundFax, isFaxError, readDocument } from "@faxbot/core";
import { syntheticPdf } from "@faxbot/testing";
import { describe, expect, test, vi } from "vitest";
import { type InboxUnderTest, inboxUnderTest } from "./inbox-under-test.ts";

const pdf = syntheticPdf({ pages: 3, text: "A received fax" });
const sha256 = createHash("sha256").update(pdf).digest("hex");
const asDocument = (bytes: Uint8Array, mediaType = "application/pdf") =>
  documentFromBytes(bytes, { mediaType, fileName: "fax.pdf" });
const failing = (code: ConstructorParameters<typeof FaxError>[0]) => async (): Promise<never> => {
  throw new FaxError(code, "scripted");
};
const code = (expected: string) =>
  expect.toSatisfy((error: unknown) => isFaxError(error) && error.code === expected);
const onlyFax = async (under: InboxUnderTest): Promise<InboundFax> => {
  for (const status of ["receiving", "received", "failed", "deleted"] as const) {
    const { items } = await under.inbox.list({ status });
    if (items[0]) return items[0];
  }
  throw new Error("there is no received fax");
};

describe("a received fax", () => {
  test("is stored as PDF with its SHA-256 and pages, and told to the host once", async () => {
    const under = inboxUnderTest();
    await under.consume(await under.event({ occurredAt: new Date("2026-01-15T14:59:00Z") }, pdf));

    const fax = await onlyFax(under);
    expect(fax).toMatchObject({
      tenantId: "default",
      transportId: "test",
      providerId: "provider-1",
      from: "+12025550142",
      to: "+12025550101",
      status: "received",
      partial: false,
      pages: 3,
      createdAt: new Date("2026-01-15T15:00:00Z"),
      receivedAt: new Date("2026-01-15T14:59:00Z"),
      retentionUntil: new Date("2026-02-14T15:00:00Z"),
      document: {
        blobKey: `inbound/${fax.id}.pdf`,
        mediaType: "application/pdf",
        fileName: `${fax.id}.pdf`,
        size: pdf.byteLength,
        sha256,
        pages: 3,
      },
    });
    expect(fax.id).toMatch(/^[0-9a-f]{32}$/);
    expect(await readDocument(await under.inbox.document(fax.id))).toEqual(new Uint8Array(pdf));
    expect(under.notices).toEqual([{ type: "inbound.received", subjectId: fax.id }]);
    expect(under.fetches).toBe(0);
    expect(await under.blobKeys(), "the event's own blob is gone").toEqual([`inbound/${fax.id}.pdf`]);
  });

  test("leaves the transport its copy until ours is stored", async () => {
    const under = inboxUnderTest();
    const event = await under.event();
    await expect(under.consume(event)).rejects.toMatchObject({ code: "not_found" });
    under.provider = asDocument(Buffer.from("no fax"));
    await under.consume(event);
    expect((await onlyFax(under)).status).toBe("failed");
    expect(under.removals, "the file of a fax that failed is the only copy").toBe(0);

    const good = inboxUnderTest();
    good.provider = asDocument(pdf);
    await good.consume(await good.event());
    expect((await onlyFax(good)).status).toBe("received");
    expect(good.removals).toBe(1);
  });

  test("is fetched by the provider's id when the event brought no document", async () => {
    const under = inboxUnderTest();
    under.provider = asDocument(pdf);
    await under.consume(await under.event());
    expect(await onlyFax(under)).toMatchObject({ status: "received", document: { sha256 } });
    expect(under.fetches).toBe(1);
  });

  test.each([
    ["is no document at all", Buffer.from("\x00\x01 not a document \x00")],
    ["is text, such as an error page", Buffer.from("upstream timed out")],
    ["is empty", Buffer.alloc(0)],
  ])("is fetched from the provider when what came with the event %s", async (_, bytes) => {
    const under = inboxUnderTest();
    under.provider = asDocument(pdf);
    await under.consume(await under.event({}, bytes));
    expect(await onlyFax(under)).toMatchObject({ status: "received", document: { sha256 } });
    expect(await under.blobKeys()).toHaveLength(1);
  });

  test("keeps its mark when the far end hung up early", async () => {
    const under = inboxUnderTest();
    await under.consume(await under.event({ partial: true }, pdf));
    expect(await onlyFax(under)).toMatchObject({ status: "received", partial: true });
  });

  test("goes to the mailbox of its number", async () => {
    const under = inboxUnderTest();
    const now = under.clock.now();
    const rule = { tenantId: "default", mailboxLabel: "pharmacy", createdAt: now };
    await under.stores.mailboxes.insertRule({ ...rule, id: "1", toNumber: "+12025550101" });
    await under.stores.mailboxes.insertRule({
      ...rule,
      id: "2",
      toNumber: "+12025550102",
      mailboxLabel: "lab",
    });
    await under.consume(await under.event({ providerId: "a" }, pdf));
    await under.consume(await under.event({ providerId: "b", to: "+12025550103" }, pdf));
    const mailboxes = async (label: string) => (await under.inbox.list({ mailboxes: [label] })).items;
    expect((await mailboxes("pharmacy")).map((fax) => fax.providerId)).toEqual(["a"]);
    expect(await mailboxes("lab")).toEqual([]);
    expect((await under.inbox.list({ to: "+12025550103" })).items[0]?.mailbox).toBeUndefined();
  });

  test("is kept for ever with retentionDays 0", async () => {
    const under = inboxUnderTest({ retentionDays: 0 });
    await under.consume(await under.event({}, pdf));
    expect(await onlyFax(under)).not.toHaveProperty("retentionUntil");
  });

  test("without a document engine is taken when it is PDF, with the provider's page count", async () => {
    const under = inboxUnderTest({ documents: false });
    await under.consume(await under.event({ pages: 7 }, pdf));
    expect(await onlyFax(under)).toMatchObject({ status: "received", pages: 7, document: { sha256 } });
  });
});

describe("duplicates", () => {
  test("the same event again, or another event of the same fax, changes nothing", async () => {
    const under = inboxUnderTest();
    const event = await under.event({}, pdf);
    await under.consume(event);
    const before = await onlyFax(under);
    await under.consume(event);
    await under.consume(await under.event({ to: "+12025550199" }, syntheticPdf({ text: "another" })));
    expect(await onlyFax(under)).toEqual(before);
    expect(under.notices).toHaveLength(1);
    expect(await under.blobKeys()).toEqual([`inbound/${before.id}.pdf`]);
  });

  test("of one fax at the same time make one record, one document and one notice", async () => {
    const under = inboxUnderTest();
    const events = await Promise.all(Array.from({ length: 8 }, () => under.event({}, pdf)));
    await Promise.all(events.map((event) => under.consume(event)));
    const { items } = await under.inbox.list();
    expect(items).toHaveLength(1);
    expect(under.notices).toHaveLength(1);
    expect(await under.blobKeys()).toEqual([`inbound/${items[0]?.id}.pdf`]);
  });

  test("the same provider id at another tenant is another fax", async () => {
    const under = inboxUnderTest();
    await under.consume(await under.event({}, pdf));
    await under.consume({ ...(await under.event({}, pdf)), tenantId: "acme" });
    expect((await under.inbox.list()).items).toHaveLength(1);
    const acme = under.inbox.forTenant("acme");
    expect((await acme.list()).items).toHaveLength(1);
    const [mine] = (await under.inbox.list()).items;
    await expect(acme.get(mine?.id ?? "")).rejects.toThrow(code("not_found"));
  });
});

describe("a document that cannot be stored", () => {
  test.each([
    ["neither PDF nor TIFF", Buffer.from("upstream timed out"), "document_unsupported"],
    ["cut off", pdf.slice(0, 200), "document_invalid"],
  ])(
    "because it is %s fails at once, is told, and is kept as it came until its retention ends",
    async (_, bytes, error) => {
      const under = inboxUnderTest();
      const event = await under.event({}, bytes);
      await under.consume(event);
      const fax = await onlyFax(under);
      expect(fax).toMatchObject({
        status: "failed",
        error,
        document: { blobKey: `inbound/${fax.id}.original`, size: bytes.byteLength },
        retentionUntil: new Date("2026-02-14T15:00:00Z"),
      });
      expect(under.notices).toEqual([{ type: "inbound.failed", subjectId: fax.id }]);
      await expect(under.inbox.document(fax.id)).rejects.toThrow(code("not_found"));

      await under.consume(event);
      expect(await onlyFax(under), "trying again changes nothing").toEqual(fax);
      expect(await under.blobKeys()).toEqual([`inbound/${fax.id}.original`]);
    },
  );

  test.each([
    ["that came with the event", true],
    ["of the provider", false],
  ])("larger than maxPdfBytes %s fails at once", async (_, attached) => {
    const under = inboxUnderTest({ maxPdfBytes: pdf.byteLength - 1 });
    under.provider = asDocument(pdf);
    await under.consume(await under.event({}, attached ? pdf : undefined));
    expect(await onlyFax(under)).toMatchObject({ status: "failed", error: "document_too_large" });
    expect((await under.blobKeys()).filter((key) => key.endsWith(".pdf"))).toEqual([]);
  });

  test("of exactly maxPdfBytes is stored", async () => {
    const under = inboxUnderTest({ maxPdfBytes: pdf.byteLength });
    await under.consume(await under.event({}, pdf));
    expect(await onlyFax(under)).toMatchObject({ status: "received" });
  });

  test("fails at once when there is none and the transport has no way to fetch one", async () => {
    const under = inboxUnderTest();
    under.provider = failing("unsupported");
    await under.consume(await under.event());
    expect(await onlyFax(under)).toMatchObject({ status: "failed", error: "unsupported" });
  });

  test("without a document engine fails when it is not PDF", async () => {
    const under = inboxUnderTest({ documents: false });
    await under.consume(await under.event({}, Buffer.from("II*\x00 pretends to be TIFF")));
    expect(await onlyFax(under)).toMatchObject({ status: "failed", error: "document_unsupported" });
  });
});

describe("a TIFF that breaks off", () => {
  const cutOff = readFileSync(new URL("fixtures/fax-cut-off.tif", import.meta.url));

  test.each([
    ["that came with the event", true],
    ["of the provider", false],
  ])("%s is stored as far as it can be read, and is not taken for the whole", async (_, attached) => {
    const under = inboxUnderTest();
    under.provider = attached ? undefined : asDocument(cutOff, "image/tiff");
    const event = await under.event({ pages: 3 }, attached ? cutOff : undefined);
    await under.consume(event);
    const fax = await onlyFax(under);
    expect(fax).toMatchObject({
      status: "received",
      partial: true,
      pages: 1,
      document: { blobKey: `inbound/${fax.id}.partial.pdf`, mediaType: "application/pdf", pages: 1 },
    });
    const stored = await readDocument(await under.inbox.document(fax.id));
    expect(Buffer.from(stored.subarray(0, 5)).toString()).toBe("%PDF-");
    expect(under.removals, "the provider's copy may be the better one").toBe(0);

    await under.consume(event);
    expect(await onlyFax(under), "trying again changes nothing").toEqual(fax);
    expect(await under.blobKeys()).toEqual([`inbound/${fax.id}.partial.pdf`]);
  });

  test("is left for the provider's copy when that is whole", async () => {
    const under = inboxUnderTest();
    under.provider = asDocument(pdf);
    await under.consume(await under.event({}, cutOff));
    expect(await onlyFax(under)).toMatchObject({ partial: false, pages: 3, document: { sha256 } });
    expect(under.removals).toBe(1);
  });

  test("waits for the provider's copy while the provider cannot be reached", async () => {
    const under = inboxUnderTest();
    under.provider = failing("transport_unavailable");
    await expect(under.consume(await under.event({}, cutOff))).rejects.toThrow(code("transport_unavailable"));
    expect((await onlyFax(under)).status).toBe("receiving");
  });

  test("is still not whole after a crash between storing it and saying so", async () => {
    const under = inboxUnderTest();
    const event = await under.event({}, cutOff);
    under.atFaultPoint = (name) => {
      if (name === "inbox.after-blob") throw new Error("crash");
    };
    await expect(under.consume(event)).rejects.toThrow("crash");
    under.atFaultPoint = () => {};
    await under.consume(event);
    expect(await onlyFax(under)).toMatchObject({ status: "received", partial: true, pages: 1 });
  });

  test("is held to the size limit like any other", async () => {
    const under = inboxUnderTest({ maxPdfBytes: cutOff.byteLength - 1 });
    await under.consume(await under.event({}, cutOff));
    expect(await onlyFax(under)).toMatchObject({ status: "failed", error: "document_too_large" });
  });

  test("of which no page can be read fails", async () => {
    const under = inboxUnderTest();
    await under.consume(await under.event({}, cutOff.subarray(0, 1000)));
    expect(await onlyFax(under)).toMatchObject({ status: "failed", error: "document_invalid" });
  });
});

describe("a document that is not there yet", () => {
  test.each([
    "not_found",
    "transport_unavailable",
    "transport_unauthorized",
    "transport_rate_limited",
  ] as const)("is tried again after %s", async (reason) => {
    const under = inboxUnderTest();
    under.provider = failing(reason);
    const event = await under.event();
    await expect(under.consume(event)).rejects.toThrow(code(reason));
    expect(await onlyFax(under)).toMatchObject({ status: "receiving" });
    expect((await under.inbox.list()).items, "not listed before it is there").toEqual([]);
    expect(under.notices).toEqual([]);

    under.provider = asDocument(pdf);
    await under.consume(event);
    expect(await onlyFax(under)).toMatchObject({ status: "received" });
  });

  test("is tried again when the provider answers with nothing, or with less than it promised", async () => {
    const under = inboxUnderTest();
    const event = await under.event();
    under.provider = asDocument(new Uint8Array());
    await expect(under.consume(event)).rejects.toThrow(code("not_found"));

    const whole = asDocument(pdf);
    let opened = 0;
    under.provider = {
      ...whole,
      // Whole while it is inspected, cut off while it is stored.
      open: (range) => (range || opened++ === 0 ? whole.open(range) : whole.open({ start: 0, end: 99 })),
    };
    await expect(under.consume(event)).rejects.toThrow();
    expect(await under.blobKeys(), "nothing is stored of it").toEqual([]);

    under.provider = whole;
    await under.consume(event);
    expect(await onlyFax(under)).toMatchObject({ status: "received", document: { sha256 } });
  });

  test("an unreachable blob store is never taken for a bad document", async () => {
    const under = inboxUnderTest();
    const event = await under.event({}, pdf);
    const broken = vi.spyOn(under.blobs, "open").mockImplementation(failing("store_unavailable"));
    await expect(under.consume(event)).rejects.toThrow(code("store_unavailable"));
    broken.mockRestore();
    await under.consume(event);
    expect(await onlyFax(under)).toMatchObject({ status: "received" });
  });
});

describe("an event that is given up", () => {
  test("fails its fax with the last error, and a replay still brings it in", async () => {
    const under = inboxUnderTest();
    under.provider = failing("transport_unavailable");
    const event = await under.event();
    await expect(under.consume(event)).rejects.toThrow();
    await under.giveUp({ ...event, lastError: "transport_unavailable" });
    const fax = await onlyFax(under);
    expect(fax).toMatchObject({ status: "failed", error: "transport_unavailable" });
    expect(fax).not.toHaveProperty("retentionUntil");

    under.provider = asDocument(pdf);
    await under.consume(event);
    const received = await onlyFax(under);
    expect(received).toMatchObject({ id: fax.id, status: "received" });
    expect(received).not.toHaveProperty("error");
    expect(under.notices.map((notice) => notice.type)).toEqual(["inbound.failed", "inbound.received"]);
  });

  test("keeps the document that it carries for the replay", async () => {
    const under = inboxUnderTest();
    const event = await under.event({}, pdf);
    await under.giveUp(event);
    expect(await onlyFax(under)).toMatchObject({ status: "failed", error: "service_unavailable" });
    await under.consume(event);
    expect(await onlyFax(under)).toMatchObject({ status: "received", document: { sha256 } });
  });

  test("does not touch a fax that was received meanwhile", async () => {
    const under = inboxUnderTest();
    const event = await under.event({}, pdf);
    await under.consume(event);
    await under.giveUp(event);
    expect(await onlyFax(under)).toMatchObject({ status: "received" });
    expect(under.notices).toHaveLength(1);
  });
});

test("no number and no text of a document is logged", async () => {
  const under = inboxUnderTest();
  await under.consume(await under.event({}, pdf));
  await under.consume(await under.event({ providerId: "b" }, Buffer.from("secret words")));
  expect(under.logger.lines.map((line) => line.message)).toEqual([
    "a fax was received",
    "a received fax could not be stored",
  ]);
  expect(under.logger.text()).not.toMatch(/\+1202|5550142|5550101|provider-1|secret words/);
});
