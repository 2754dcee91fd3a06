import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { ApiKey } from "./records/api-key.ts";
import { FaxError } from "./transport/fax-error.ts";
import type { Clock } from "./transport/fax-transport.ts";

/** Keys the hashes of secrets; with two, the first one hashes new ones and both are tried, so that it can be rotated. */
type Pepper = string | readonly string[];

/** An API key as its holder has it, taken apart. */
export interface ApiKeyParts {
  /** 12 hex digits: the public part, by which the record is found. */
  id: string;
  /** 43 base64url characters: 256 random bits. */
  secret: string;
}

/**
 * Makes a new API key `fbk_live_<id>_<secret>` and the record of it. The key is shown once and never stored; the
 * record is for `stores.apiKeys.insert`.
 *
 * @param about.scopes what the key may do, e.g. `["fax:send", "fax:read"]`
 * @param about.pepper keys the hash; the same one is needed to check the key
 * @throws FaxError `request_invalid` when a scope is not a word like `fax:send` or `inbound:read:pharmacy`
 * @example
 * const { key, record } = createApiKey({ tenantId: "default", scopes: ["fax:send"], pepper });
 * await stores.apiKeys.insert(record);
 */
export function createApiKey(about: {
  tenantId: string;
  scopes: readonly string[];
  name?: string;
  expiresAt?: Date;
  pepper?: Pepper;
  clock?: Clock;
}): { key: string; record: ApiKey } {
  const wrong = about.scopes.find((scope) => !/^[a-z]+(:[A-Za-z0-9._-]+)+$/.test(scope));
  if (wrong !== undefined || about.scopes.length === 0) {
    throw new FaxError("request_invalid", "an API key needs scopes like fax:send or inbound:read:pharmacy");
  }
  const id = randomBytes(6).toString("hex");
  const secret = randomBytes(32).toString("base64url");
  const record: ApiKey = {
    tenantId: about.tenantId,
    id,
    secretHash: hashApiKeySecret(secret, about.pepper),
    scopes: [...about.scopes],
    createdAt: about.clock?.now() ?? new Date(),
  };
  if (about.name !== undefined) record.name = about.name;
  if (about.expiresAt !== undefined) record.expiresAt = about.expiresAt;
  return { key: `fbk_live_${id}_${secret}`, record };
}

/** Takes `fbk_live_<12 hex>_<secret>` apart; `undefined` for anything else. */
export function parseApiKey(key: string): ApiKeyParts | undefined {
  const match = /^fbk_live_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/.exec(key);
  return match?.[1] && match[2] ? { id: match[1], secret: match[2] } : undefined;
}

/**
 * HMAC-SHA-256 of an API key's secret with the (first) pepper, hex; without a pepper its SHA-256.
 *
 * @throws FaxError `config_invalid` when the pepper is empty
 */
export function hashApiKeySecret(secret: string, pepper?: Pepper): string {
  if (pepper === undefined) return createHash("sha256").update(secret).digest("hex");
  const [first] = [pepper].flat();
  if (!first) throw new FaxError("config_invalid", "pepper must not be empty");
  return createHmac("sha256", first).update(secret).digest("hex");
}

/**
 * Tells whether a secret belongs to a record that may be used now: it matches, and is neither revoked nor expired.
 * Takes the same time whether it matches or not.
 */
export function checkApiKeySecret(
  record: ApiKey,
  secret: string,
  options: { pepper?: Pepper; now: Date },
): boolean {
  const peppers = options.pepper === undefined ? [undefined] : [options.pepper].flat();
  const stored = Buffer.from(record.secretHash, "hex");
  let matches = false;
  for (const pepper of peppers) {
    const given = Buffer.from(hashApiKeySecret(secret, pepper), "hex");
    if (given.length === stored.length && timingSafeEqual(given, stored)) matches = true;
  }
  return (
    matches &&
    record.revokedAt === undefined &&
    (record.expiresAt === undefined || record.expiresAt > options.now)
  );
}
