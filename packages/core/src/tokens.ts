import { createHash, createHmac, randomBytes } from "node:crypto";
import type { IssuedToken } from "./faxbot.ts";
import type { Stores } from "./ports/stores.ts";
import type { TokenPurpose } from "./records/token.ts";
import { FaxError } from "./transport/fax-error.ts";
import type { Clock } from "./transport/fax-transport.ts";

/** Issues and redeems capability tokens: 256 random bits, hashed at rest, bound to one thing and one purpose. */
export interface Tokens<Trx = unknown> {
  /** @param ttlMs how long the token works, in milliseconds from now */
  issueToken(
    grant: { tenantId: string; purpose: TokenPurpose; subjectId: string; ttlMs: number },
    trx?: Trx,
  ): Promise<IssuedToken>;
  /** @throws FaxError `forbidden` when the token is wrong, expired, or for another thing, purpose or tenant */
  redeemToken(
    claim: { tenantId: string; purpose: TokenPurpose; subjectId: string; token: string },
    trx?: Trx,
  ): Promise<void>;
}

/**
 * Makes {@link Tokens} on the given stores.
 *
 * @param parts.pepper keys the hashes; with two, the first one hashes new tokens and both are tried, so that the
 * pepper can be rotated
 * @example
 * const tokens = createTokens({ stores, clock });
 * const { token, expiresAt } = await tokens.issueToken({ tenantId, purpose: "inbound_document", subjectId: fax.id, ttlMs: 3_600_000 });
 */
export function createTokens<Trx>(parts: {
  stores: Stores<Trx>;
  clock: Clock;
  pepper?: string | readonly string[];
}): Tokens<Trx> {
  const { stores, clock } = parts;
  const peppers = parts.pepper === undefined ? [""] : [parts.pepper].flat();
  if (parts.pepper !== undefined && (peppers.length === 0 || peppers.some((pepper) => pepper === ""))) {
    throw new FaxError("config_invalid", "pepper must not be empty");
  }
  return {
    async issueToken({ tenantId, purpose, subjectId, ttlMs }, trx) {
      if (!Number.isFinite(ttlMs) || ttlMs <= 0) {
        throw new FaxError("request_invalid", "a token must be valid for more than 0 ms");
      }
      const token = randomBytes(32).toString("base64url");
      const createdAt = clock.now();
      const expiresAt = new Date(createdAt.getTime() + ttlMs);
      const hash = hashToken(token, peppers[0] as string);
      await stores.tokens.insert({ tenantId, hash, purpose, subjectId, expiresAt, createdAt }, trx);
      return { token, expiresAt };
    },

    async redeemToken({ tenantId, purpose, subjectId, token }, trx) {
      // The look-up is by hash, so how long it takes tells nothing about a stored token.
      if (/^[A-Za-z0-9_-]{43}$/.test(token)) {
        for (const pepper of peppers) {
          const found = await stores.tokens.find(tenantId, hashToken(token, pepper), purpose, trx);
          if (found && found.subjectId === subjectId && found.expiresAt > clock.now()) return;
        }
      }
      throw new FaxError("forbidden", "the token is wrong or has expired");
    },
  };
}

function hashToken(token: string, pepper: string): string {
  return pepper === ""
    ? createHash("sha256").update(token).digest("hex")
    : createHmac("sha256", pepper).update(token).digest("hex");
}
