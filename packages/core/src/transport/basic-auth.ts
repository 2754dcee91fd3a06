import { constantTimeEqual } from "./constant-time.ts";
import { FaxError } from "./fax-error.ts";

/** A user name and its password, as HTTP Basic carries them (RFC 7617, UTF-8). */
export interface BasicCredentials {
  user: string;
  pass: string;
}

/**
 * Makes the value of an `Authorization` header.
 *
 * @throws FaxError `config_invalid` when the user is empty or has a colon, or the password is empty
 * @example
 * basicAuthorization({ user: "faxhook", pass: "Tr0ub4dor-3" }); // "Basic ZmF4aG9vazpUcjB1YjRkb3ItMw=="
 */
export function basicAuthorization(credentials: BasicCredentials): string {
  // A colon ends the user name (RFC 7617 section 2); an empty secret would be no secret.
  if (!credentials.user || credentials.user.includes(":") || !credentials.pass) {
    throw new FaxError(
      "config_invalid",
      "Basic credentials need a user without a colon and a password that is not empty",
    );
  }
  return `Basic ${Buffer.from(`${credentials.user}:${credentials.pass}`, "utf8").toString("base64")}`;
}

/**
 * Reads the value of an `Authorization` header: the scheme in any case, strict base64, UTF-8, split at the first colon.
 *
 * @param header `undefined` and `null` count as absent
 * @returns `undefined` when it is not exactly that
 */
export function parseBasicAuth(header: string | null | undefined): BasicCredentials | undefined {
  const token = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header ?? "")?.[1];
  if (!token) return undefined;
  const bytes = Buffer.from(token, "base64");
  // Buffer forgives stray bits and missing padding; two headers must not mean the same credentials.
  if (bytes.toString("base64") !== token) return undefined;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : { user: text.slice(0, colon), pass: text.slice(colon + 1) };
}

/**
 * Checks the value of an `Authorization` header against one or several credentials (the old and the new ones during a
 * rotation). Every one is compared in constant time, whichever fits.
 *
 * @throws FaxError `config_invalid` when there are no credentials or one is empty: never "accept"
 * @example
 * if (!verifyBasicAuth(request.headers.get("authorization"), [{ user: "faxhook", pass }])) {
 *   throw new FaxError("webhook_unverified", "the webhook's credentials are wrong");
 * }
 */
export function verifyBasicAuth(
  header: string | null | undefined,
  accepted: readonly BasicCredentials[],
): boolean {
  if (accepted.length === 0)
    throw new FaxError("config_invalid", "there are no credentials to check against");
  const expected = accepted.map(basicAuthorization);
  const given = parseBasicAuth(header);
  // What was parsed is put together again, so that only the scheme's case and the spaces after it are forgiven.
  const presented = given?.user && given.pass ? basicAuthorization(given) : "";
  let fits = false;
  for (const one of expected) fits = constantTimeEqual(presented, one) || fits;
  return fits;
}
