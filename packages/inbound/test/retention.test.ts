import { FaxError, isFaxError } from "@faxbot/core";
import { syntheticPdf } from "@faxbot/testing";
import { expect, test, vi } from "vitest";
import { type InboxUnderTest, inboxUnderTest } from "./inbox-under-test.ts";

const pdf = syntheticPdf();
const day = 86_400_000;

const run = async (
  under: InboxUnderTest,
  signal = new AbortController().signal,
): Promise<boolean | undefined> => {
  const [task] = under.inbox.tasks;
  return task?.run({ signal, clock: under.clock, logger: under.logger });
};

const receive = async (under: InboxUnderTest, providerId: string, bytes: Uint8Array = pdf): Promise<void> =>
  under.consume(await under.event({ providerId }, bytes));

test("documents are deleted when their retention ends, not before, and their records say so", async () => {
  const under = inboxUnderTest({ retentionDays: 30 });
  await receive(under, "old");
  under.clock.advance(day);
  await receive(under, "new");

  under.clock.advance(29 * day - 1);
  expect(await run(under)).toBe(false);
  expect((await under.inbox.list()).items).toHaveLength(2);

  under.clock.advance(1);
  expect(await run(under)).toBe(false);
  const [deleted] = (await under.inbox.list({ status: "deleted" })).items;
  expect(deleted).toMatchObject({ providerId: "old", document: { size: pdf.byteLength }, version: 3 });
  await expect(under.inbox.document(deleted?.id ?? "")).rejects.toThrow(
    expect.toSatisfy((error) => isFaxError(error, "not_found")),
  );
  const { items } = await under.inbox.list();
  expect(
    items.map((fax) => fax.providerId),
    "deleted faxes are not listed unless asked for",
  ).toEqual(["new"]);
  expect(await under.blobKeys()).toEqual([`inbound/${items[0]?.id}.pdf`]);
});

test("what could not be stored as PDF is deleted as well", async () => {
  const under = inboxUnderTest();
  await receive(under, "bad", Buffer.from("not a fax"));
  expect(await under.blobKeys()).toHaveLength(1);
  under.clock.advance(30 * day);
  await run(under);
  expect(await under.blobKeys()).toEqual([]);
});

test("a late event of a deleted fax does not bring it back", async () => {
  const under = inboxUnderTest();
  await receive(under, "old");
  under.clock.advance(30 * day);
  await run(under);
  await receive(under, "old");
  expect((await under.inbox.list()).items).toEqual([]);
  expect(await under.blobKeys()).toEqual([]);
});

test("a batch is bounded and says when more is left", async () => {
  const under = inboxUnderTest();
  for (let index = 0; index < 101; index += 1) await receive(under, `fax-${index}`);
  under.clock.advance(30 * day);
  expect(await run(under)).toBe(true);
  expect(await under.blobKeys()).toHaveLength(1);
  expect(await run(under)).toBe(false);
  expect(await under.blobKeys()).toEqual([]);
});

test("a document that cannot be deleted now keeps its record and holds nobody up", async () => {
  const under = inboxUnderTest();
  await receive(under, "stuck");
  under.clock.advance(1);
  await receive(under, "fine");
  const { items } = await under.inbox.list();
  const stuck = items.find((fax) => fax.providerId === "stuck")?.document?.blobKey;
  const remove = under.blobs.delete.bind(under.blobs);
  const broken = vi.spyOn(under.blobs, "delete").mockImplementation(async (key) => {
    if (key === stuck) throw new FaxError("store_unavailable", "scripted");
    await remove(key);
  });
  under.clock.advance(30 * day);
  await run(under);
  expect((await under.inbox.list()).items.map((fax) => fax.providerId)).toEqual(["stuck"]);
  broken.mockRestore();
  await run(under);
  expect((await under.inbox.list()).items).toEqual([]);
  expect(await under.blobKeys()).toEqual([]);
});

test("a crash between the blob and the record is finished by the next run", async () => {
  const under = inboxUnderTest();
  await receive(under, "old");
  under.clock.advance(30 * day);
  vi.spyOn(under.stores.inbound, "update").mockRejectedValueOnce(new Error("the process ends here"));
  await expect(run(under)).rejects.toThrow();
  expect(await under.blobKeys()).toEqual([]);
  await run(under);
  expect((await under.inbox.list({ status: "deleted" })).items).toHaveLength(1);
});

test("a stopping host is not kept waiting", async () => {
  const under = inboxUnderTest();
  await receive(under, "old");
  under.clock.advance(30 * day);
  expect(await run(under, AbortSignal.abort())).toBe(false);
  expect(await under.blobKeys()).toHaveLength(1);
});
