import { expect, test } from "vitest";
import { checkApiKeySecret, createApiKey, hashApiKeySecret, isFaxError, parseApiKey } from "../src/index.ts";

const now = new Date("2026-05-01T12:00:00Z");
const make = (extra: { expiresAt?: Date; pepper?: string | string[] } = {}) => {
  const { key, record } = createApiKey({
    tenantId: "default",
    scopes: ["fax:send", "inbound:read:pharmacy"],
    name: "front desk",
    clock: { now: () => now },
    ...extra,
  });
  const parts = parseApiKey(key);
  if (!parts) throw new Error("a made key does not parse");
  return { key, record, parts };
};

test("a key is its id and 256 random bits, and its record holds neither secret nor key", () => {
  const { key, record, parts } = make({ pepper: "p" });
  expect(key).toMatch(/^fbk_live_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$/);
  expect(Buffer.from(parts.secret, "base64url")).toHaveLength(32);
  expect(parts.id).toBe(record.id);
  expect(record).toMatchObject({ tenantId: "default", name: "front desk", createdAt: now });
  expect(record.secretHash).toMatch(/^[0-9a-f]{64}$/);
  expect(JSON.stringify(record)).not.toContain(parts.secret);
  expect(make().parts.secret).not.toBe(parts.secret);
});

test("a secret is accepted with its pepper, also while the pepper is rotated, and not with another", () => {
  const { record, parts } = make({ pepper: "old" });
  expect(checkApiKeySecret(record, parts.secret, { pepper: "old", now })).toBe(true);
  expect(checkApiKeySecret(record, parts.secret, { pepper: ["new", "old"], now })).toBe(true);
  expect(checkApiKeySecret(record, parts.secret, { pepper: "new", now })).toBe(false);
  expect(checkApiKeySecret(record, parts.secret, { now })).toBe(false);
  expect(checkApiKeySecret(record, make().parts.secret, { pepper: "old", now })).toBe(false);
});

test("a key works without a pepper", () => {
  const { record, parts } = make();
  expect(checkApiKeySecret(record, parts.secret, { now })).toBe(true);
});

test("a revoked or expired key is refused", () => {
  const { record, parts } = make({ expiresAt: new Date("2026-05-01T12:00:01Z") });
  expect(checkApiKeySecret(record, parts.secret, { now })).toBe(true);
  expect(checkApiKeySecret(record, parts.secret, { now: new Date("2026-05-01T12:00:01Z") })).toBe(false);
  expect(checkApiKeySecret({ ...record, revokedAt: now }, parts.secret, { now })).toBe(false);
});

test.each([
  "",
  "fbk_live_",
  "fbk_live_0123456789ab_short",
  "fbk_test_0123456789ab_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  "fbk_live_0123456789AB_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  "fbk_live_0123456789ab_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
  "fbk_live_0123456789ab_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA!",
])("%j is not an API key", (text) => {
  expect(parseApiKey(text)).toBeUndefined();
});

test.each([[[]], [["FAX"]], [["fax:send "]], [["fax:send,fax:read"]]])("scopes %j are refused", (scopes) => {
  const attempt = () => createApiKey({ tenantId: "default", scopes });
  expect(attempt).toThrow(expect.toSatisfy((error) => isFaxError(error, "request_invalid")));
});

test("an empty pepper is a configuration error, never accepted", () => {
  for (const pepper of ["", []]) {
    expect(() => hashApiKeySecret("secret", pepper)).toThrow(
      expect.toSatisfy((error) => isFaxError(error, "config_invalid")),
    );
  }
});
