import { type FaultPointName, faultPointNames } from "@faxbot/core";
import { documentFromBytes, readDocument } from "@faxbot/core/transport";
import { syntheticPdf } from "@faxbot/testing";
import { describe, expect, test, vi } from "vitest";
import { inboxUnderTest } from "./inbox-under-test.ts";

const pdf = syntheticPdf({ pages: 2 });
const points = faultPointNames.filter((name) => name.startsWith("inbox."));

/** Stands for the end of the process: nothing after it runs. */
class Crash extends Error {}

describe.each([
  ["with its document", pdf],
  ["without a document", undefined],
])("an event %s", (_, attached) => {
  test.each(points)("that crashes at %s ends as one that did not", async (point) => {
    const under = inboxUnderTest();
    under.provider = documentFromBytes(pdf, { mediaType: "application/pdf", fileName: "fax.pdf" });
    const event = await under.event({}, attached);
    const seen: FaultPointName[] = [];
    let armed = true;
    under.atFaultPoint = (name) => {
      seen.push(name);
      if (!armed || name !== point) return;
      armed = false;
      throw new Crash();
    };

    const reached = !(attached && point.endsWith("-fetch"));
    if (reached) await expect(under.consume(event)).rejects.toThrow(Crash);
    expect(under.notices.length, "told only after the result is written").toBe(
      point === "inbox.after-result" ? 1 : 0,
    );
    await under.consume(event);
    await under.consume(event);

    const { items } = await under.inbox.list();
    expect(items).toHaveLength(1);
    const fax = await under.inbox.get(items[0]?.id ?? "");
    expect(fax).toMatchObject({ status: "received", pages: 2, version: 2 });
    expect(await readDocument(await under.inbox.document(fax.id))).toEqual(new Uint8Array(pdf));
    expect(under.notices).toEqual([{ type: "inbound.received", subjectId: fax.id }]);
    expect(await under.blobKeys()).toEqual([`inbound/${fax.id}.pdf`]);
    expect(seen).toContain(reached ? point : "inbox.after-result");
    if (point === "inbox.after-blob") {
      expect(under.fetches, "what is stored is not fetched again").toBe(attached ? 0 : 1);
    }
  });
});

test("a crash while the event's blob is deleted leaves no blob behind", async () => {
  const under = inboxUnderTest();
  const event = await under.event({}, pdf);
  vi.spyOn(under.blobs, "delete").mockRejectedValueOnce(new Crash());
  await expect(under.consume(event)).rejects.toThrow(Crash);
  await under.consume(event);
  expect(await under.blobKeys()).toEqual([expect.stringMatching(/^inbound\//)]);
  expect(under.notices).toHaveLength(1);
});

test("a result whose notice cannot be written is not written either", async () => {
  const under = inboxUnderTest();
  const event = await under.event({}, pdf);
  vi.spyOn(under.stores.notices, "insert").mockRejectedValueOnce(new Crash());
  await expect(under.consume(event)).rejects.toThrow(Crash);
  expect((await under.inbox.list({ status: "receiving" })).items).toHaveLength(1);
  await under.consume(event);
  expect((await under.inbox.list()).items).toHaveLength(1);
});

test("what an earlier run stored is never replaced, even when the provider has other bytes now", async () => {
  const under = inboxUnderTest();
  const event = await under.event();
  under.provider = documentFromBytes(pdf, { mediaType: "application/pdf", fileName: "fax.pdf" });
  under.atFaultPoint = (name) => {
    if (name === "inbox.after-blob") throw new Crash();
  };
  await expect(under.consume(event)).rejects.toThrow(Crash);
  under.atFaultPoint = () => {};
  under.provider = documentFromBytes(syntheticPdf({ text: "other" }), {
    mediaType: "application/pdf",
    fileName: "fax.pdf",
  });
  await under.consume(event);
  const [fax] = (await under.inbox.list()).items;
  expect(await readDocument(await under.inbox.document(fax?.id ?? ""))).toEqual(new Uint8Array(pdf));
});

test.each(["inbox.before-result", "inbox.after-result"] as const)(
  "a fax that cannot be stored fails once, also when it crashes at %s",
  async (point) => {
    const under = inboxUnderTest();
    const event = await under.event({}, Buffer.from("not a document"));
    let armed = true;
    under.atFaultPoint = (name) => {
      if (!armed || name !== point) return;
      armed = false;
      throw new Crash();
    };
    await expect(under.consume(event)).rejects.toThrow(Crash);
    await under.consume(event);
    await under.consume(event);
    const [fax] = (await under.inbox.list({ status: "failed" })).items;
    expect(fax).toMatchObject({ error: "document_unsupported", version: 2 });
    expect(under.notices).toEqual([{ type: "inbound.failed", subjectId: fax?.id }]);
    expect(await under.blobKeys()).toEqual([`inbound/${fax?.id}.original`]);
  },
);
