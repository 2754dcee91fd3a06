import { type Clock, checkApiKeySecret, parseApiKey, type Stores } from "@faxbot/core";
import { presentedKey } from "./authenticator.ts";
import type { Principal } from "./principal.ts";

/** What {@link storedApiKeys} is made of. */
export interface StoredApiKeysOptions {
  /** Where the keys are; `createApiKey` of core makes them. */
  stores: Pick<Stores, "apiKeys">;
  /** The one that the keys were made with; two during rotation. */
  pepper?: string | readonly string[];
  clock?: Clock;
}

/** How often the times of last use are written, in milliseconds: one statement for all keys. */
const touchEveryMs = 60_000;

/**
 * Authentication by the API keys in the stores, for `faxbotApi({ authenticate })`. Every call looks the key up, so a
 * revoked one is refused at once.
 *
 * @example
 * const { key, record } = createApiKey({ tenantId: "default", scopes: ["fax:send", "fax:read"], pepper });
 * await stores.apiKeys.insert(record);
 * const api = faxbotApi({ faxbot, authenticate: storedApiKeys({ stores, pepper }) });
 */
export function storedApiKeys(
  options: StoredApiKeysOptions,
): (request: Request) => Promise<Principal | undefined> {
  const { apiKeys } = options.stores;
  const clock = options.clock ?? { now: () => new Date() };
  const uses = new Map<string, Date>();
  let touchedAt = Number.NEGATIVE_INFINITY;

  const touch = (id: string, now: Date) => {
    uses.set(id, now);
    if (now.getTime() - touchedAt < touchEveryMs) return;
    touchedAt = now.getTime();
    const batch = [...uses].map(([each, at]) => ({ id: each, at }));
    uses.clear();
    // When a key was last used is worth knowing, but no reason to refuse or delay a call.
    apiKeys.touch(batch).catch(() => {});
  };

  return async ({ headers }) => {
    const key = parseApiKey(presentedKey(headers) ?? "");
    const record = key && (await apiKeys.find(key.id));
    const now = clock.now();
    const check = options.pepper === undefined ? { now } : { now, pepper: options.pepper };
    if (!key || !record || !checkApiKeySecret(record, key.secret, check)) return undefined;
    touch(record.id, now);
    return { tenantId: record.tenantId, subject: record.id, scopes: record.scopes };
  };
}
