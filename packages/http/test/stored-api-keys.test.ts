import { createApiKey, memoryStores } from "@faxbot/core";
import { manualClock } from "@faxbot/testing";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { storedApiKeys } from "../src/index.ts";

const start = new Date("2026-01-02T03:04:05Z");
const scopes = ["fax:send", "inbound:read:pharmacy"];
const pepper = "a-pepper-for-tests";
let stores: ReturnType<typeof memoryStores>;
let clock: ReturnType<typeof manualClock>;

beforeEach(() => {
  stores = memoryStores();
  clock = manualClock(start);
});

async function stored(about: { expiresAt?: Date; pepper?: string } = {}) {
  const made = createApiKey({ tenantId: "acme", scopes, clock, pepper, ...about });
  await stores.apiKeys.insert(made.record);
  return { ...made, id: made.record.id };
}
const withKey = (key: string) => new Request("http://localhost/fax", { headers: { "x-api-key": key } });

describe("storedApiKeys", () => {
  it("tells who holds a key", async () => {
    const authenticate = storedApiKeys({ stores, pepper, clock });
    const { key, id } = await stored();
    const principal = { tenantId: "acme", subject: id, scopes };
    expect(await authenticate(withKey(key))).toEqual(principal);
    const bearer = new Request("http://localhost", { headers: { authorization: `Bearer ${key}` } });
    expect(await authenticate(bearer)).toEqual(principal);
  });

  it("does not know any other key", async () => {
    const authenticate = storedApiKeys({ stores, pepper, clock });
    const { key } = await stored();
    const other = await stored();
    const secretOf = (each: string) => each.slice("fbk_live_".length + 13);
    for (const wrong of [
      "",
      "fbk_live_",
      key.slice(0, -1),
      `${key}A`,
      key.replace("live", "test"),
      key.replace(secretOf(key), secretOf(other.key)),
      `fbk_live_000000000000_${secretOf(key)}`,
    ]) {
      expect(await authenticate(withKey(wrong))).toBeUndefined();
    }
    expect(await authenticate(new Request("http://localhost"))).toBeUndefined();
    expect(await storedApiKeys({ stores, clock })(withKey(key))).toBeUndefined();
  });

  it("refuses what was revoked at once, and what has expired", async () => {
    const authenticate = storedApiKeys({ stores, pepper, clock });
    const revoked = await stored();
    expect(await authenticate(withKey(revoked.key))).toBeDefined();
    await stores.apiKeys.revoke("acme", revoked.id, clock.now());
    expect(await authenticate(withKey(revoked.key))).toBeUndefined();
    const brief = await stored({ expiresAt: new Date(start.getTime() + 1000) });
    expect(await authenticate(withKey(brief.key))).toBeDefined();
    clock.advance(1000);
    expect(await authenticate(withKey(brief.key))).toBeUndefined();
  });

  it("takes keys of the old pepper while it is rotated", async () => {
    const { key } = await stored({ pepper: "old" });
    expect(await storedApiKeys({ stores, clock, pepper: ["new", "old"] })(withKey(key))).toBeDefined();
    expect(await storedApiKeys({ stores, clock, pepper: "new" })(withKey(key))).toBeUndefined();
  });

  it("writes times of use at most once a minute, and calls do not depend on it", async () => {
    const touch = vi.spyOn(stores.apiKeys, "touch").mockRejectedValueOnce(new Error("away"));
    const authenticate = storedApiKeys({ stores, pepper, clock });
    const [a, b] = [await stored(), await stored()];
    expect(await authenticate(withKey(a.key))).toBeDefined();
    for (const { key } of [a, b, a]) await authenticate(withKey(key));
    expect(touch).toHaveBeenCalledTimes(1);
    clock.advance(60_000);
    await authenticate(withKey(b.key));
    expect(touch).toHaveBeenCalledTimes(2);
    const used = async (id: string) => (await stores.apiKeys.find(id))?.lastUsedAt;
    expect([await used(a.id), await used(b.id)]).toEqual([start, clock.now()]);
  });
});
