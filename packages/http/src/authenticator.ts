import { constantTimeEqual, FaxError } from "@faxbot/core";
import type { Principal } from "./principal.ts";

/** Who may call. At least one of the three is needed. */
export interface AuthenticationOptions {
  /** One key that holds every scope for the API's own tenant, e.g. of the environment's `API_KEY`. */
  apiKey?: string;
  /**
   * The host's own authentication: API keys in a database, JWT, OIDC, a session. It must not read the body.
   * `undefined` means that it does not know the caller (401).
   */
  authenticate?: (request: Request) => Promise<Principal | undefined> | Principal | undefined;
  /** Lets calls without any credential do everything. For development alone. A wrong key is still refused. */
  allowUnauthenticated?: boolean;
}

/** Tells who calls. @throws FaxError `unauthorized` */
export type Authenticator = (request: Request) => Promise<Principal>;

/**
 * @throws FaxError `config_invalid` when nobody could ever be told apart: no key, no port and no explicit consent
 */
export function createAuthenticator(options: AuthenticationOptions, tenantId: string): Authenticator {
  const { apiKey, authenticate, allowUnauthenticated = false } = options;
  if (apiKey?.trim() === "") throw new FaxError("config_invalid", "apiKey must not be empty");
  if (apiKey === undefined && !authenticate && !allowUnauthenticated) {
    throw new FaxError(
      "config_invalid",
      "the API needs apiKey or authenticate (or, for development alone, allowUnauthenticated: true)",
    );
  }
  return async (request) => {
    const presented = presentedKey(request.headers);
    if (apiKey !== undefined && presented !== undefined && constantTimeEqual(presented, apiKey)) {
      return { tenantId, subject: "environment", scopes: ["*"] };
    }
    const principal = await authenticate?.(request);
    if (principal) return principal;
    if (allowUnauthenticated && presented === undefined) {
      return { tenantId, subject: "anonymous", scopes: ["*"] };
    }
    throw new FaxError("unauthorized", "a valid API key is needed");
  };
}

/** The key that a request presents, in `X-API-Key` or as a bearer token. */
export function presentedKey(headers: Headers): string | undefined {
  return headers.get("x-api-key") ?? /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1];
}
