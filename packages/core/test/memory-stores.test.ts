import { describeStores } from "@faxbot/testing/vitest";
import { expect, it } from "vitest";
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
