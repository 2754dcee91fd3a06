import { describeStores } from "@faxbot/testing/vitest";
import { expect, it, vi } from "vitest";
import { memoryStores } from "../src/memory/memory-stores.ts";

describeStores("memoryStores", { create: async () => ({ stores: memoryStores() }) });

it("refuses a transaction that has ended", async () => {
  const stores = memoryStores();
  const ended = await stores.transaction(async (trx) => trx);
  await expect(stores.state.set("default", "t", "k", "v", ended)).rejects.toThrow("has ended");
  await expect(stores.state.get("default", "t", "k", ended)).rejects.toThrow("has ended");
});

it("lets a call without a transaction wait for the one that runs", async () => {
  const stores = memoryStores();
  let during: Promise<string | undefined> | undefined;
  await stores.transaction(async (trx) => {
    during = stores.state.get("default", "t", "k");
    await stores.state.set("default", "t", "k", "v", trx);
  });
  expect(await during).toBe("v");
});

it("copies only the rows that it claims, however many wait", async () => {
  const stores = memoryStores();
  const now = new Date();
  for (let number = 0; number < 2_000; number += 1) {
    const id = String(number).padStart(32, "0");
    const row = { tenantId: "default", id, dueAt: now, fence: 0, createdAt: now };
    await stores.notices.insert({ ...row, type: "fax.queued", subjectId: id, tries: 0 });
    await stores.attempts.insert({
      ...row,
      faxId: id,
      number: 1,
      transportId: "test",
      state: "prepared",
      checks: 0,
      updatedAt: now,
      version: 1,
    });
  }
  const copying = vi.spyOn(globalThis, "structuredClone");
  try {
    const request = { owner: "a", now, leaseMs: 1_000, limit: 10 };
    expect(await stores.notices.claimDue(request)).toHaveLength(10);
    expect(await stores.attempts.claimDue(request)).toHaveLength(10);
    expect(copying.mock.calls.length).toBeLessThan(100);
  } finally {
    copying.mockRestore();
  }
});
