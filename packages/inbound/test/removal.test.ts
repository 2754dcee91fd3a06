import { createFaxbot, type FaxTransportV1, memoryBlobs, memoryStores } from "@faxbot/core";
import { documents } from "@faxbot/documents";
import { testTransport } from "@faxbot/testing";
import { expect, test, vi } from "vitest";
import { createInbox } from "../src/index.ts";

/** Receives one fax whose document is fetched, and tells which of the transport's copies were deleted by then. */
async function deletedAfterReceiving(removesReceived: boolean): Promise<string[]> {
  const source = testTransport();
  const deleted: string[] = [];
  const transport: FaxTransportV1 = Object.assign(source, {
    manifest: { ...source.manifest, removesReceived },
    deleteDocument: async (providerId: string) => {
      deleted.push(providerId);
    },
  });
  const parts = { stores: memoryStores(), blobs: memoryBlobs(), documents: documents() };
  const inbox = createInbox(parts);
  const faxbot = createFaxbot({ ...parts, transports: [transport], inbox, delivery: { pollMs: 10 } });
  try {
    await faxbot.start();
    await source.receive({ attach: false });
    await vi.waitFor(async () => expect((await inbox.list({ status: "received" })).items).toHaveLength(1));
    await vi.waitFor(async () =>
      expect(
        (await parts.stores.events.list({ tenantId: "default", state: "done", limit: 9 })).items,
      ).toHaveLength(1),
    );
  } finally {
    await faxbot.stop();
  }
  return deleted;
}

test("a telephone exchange's file is removed when the fax is stored", async () => {
  expect(await deletedAfterReceiving(true)).toEqual([expect.stringMatching(/^test_/)]);
});

test("a provider's copy is left to the provider", async () => {
  expect(await deletedAfterReceiving(false)).toEqual([]);
});
