import { createHash, createHmac } from "node:crypto";
import { type BasicCredentials, constantTimeEqual, FaxError } from "@faxbot/core/transport";

/** The parameters of a form, decoded, in the order in which they came. */
export type FormParameters = ReadonlyArray<readonly [name: string, value: string]>;

/** A webhook as it is signed. */
export interface SignedCall {
  /** The configured public URL, verbatim. */
  url: string;
  headers: Headers;
  /** Byte for byte as it came; empty for a GET. */
  body: Uint8Array;
  /** True when the body is JSON, which is signed in another way than a form. */
  json: boolean;
}

/**
 * The signature of a form (cXML and Compatibility API; the same as Twilio's): base64 of HMAC-SHA1 over the URL and each
 * name with its value, sorted by name. Without parameters it is that of a GET, whose parameters are in the URL.
 *
 * @throws FaxError `config_invalid` when the key is empty
 */
export function formSignature(key: string, url: string, parameters: FormParameters): string {
  const sorted = [...parameters].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return hmac("sha1", key, url + sorted.map(([name, value]) => name + value).join("")).toString("base64");
}

/**
 * The signature of a JSON body without a hash in its URL (SWML, RELAY): lower-case hex of HMAC over the URL and the body.
 *
 * @throws FaxError `config_invalid` when the key is empty
 */
export function jsonSignature(
  algorithm: "sha1" | "sha256",
  key: string,
  url: string,
  body: Uint8Array,
): string {
  return hmac(algorithm, key, Buffer.concat([Buffer.from(url), body])).toString("hex");
}

/**
 * Tells whether a webhook is signed with one of the keys. The URL counts as it was configured and, as in the vendor's
 * own validators, with its default port written out or left out; the vendor does not say whether the user and password
 * in a URL are signed with it, so both count. Nothing is parsed and put together again: that changes what was signed.
 *
 * @param keys the signing key, and the previous one during a rotation
 * @param credentials user and password that the provider may have been given in the URL
 * @throws FaxError `config_invalid` when there is no key, or an empty one
 */
export function verifySignature(
  call: SignedCall,
  keys: readonly string[],
  credentials: readonly BasicCredentials[],
): boolean {
  if (keys.length === 0) throw new FaxError("config_invalid", "there is no signing key to check against");
  const given = signatureOf(call.headers);
  const strong = call.headers.get("x-signalwire-sha256-signature");
  const parameters = call.json ? [] : formParameters(call.body);
  let fits = false;
  for (const key of keys) {
    for (const url of signedUrls(call.url, credentials)) {
      // Every candidate is compared, whichever fits.
      if (!call.json) {
        fits = constantTimeEqual(given, formSignature(key, url, parameters)) || fits;
      } else if (/[?&]bodySHA256=/.test(url)) {
        fits = (constantTimeEqual(given, formSignature(key, url, [])) && bodyFits(url, call.body)) || fits;
      } else {
        const weak = constantTimeEqual(given, jsonSignature("sha1", key, url, call.body));
        const also =
          strong === null || constantTimeEqual(strong, jsonSignature("sha256", key, url, call.body));
        fits = (weak && also) || fits;
      }
    }
  }
  return fits;
}

/** The signature that a call carries, under the vendor's name or the one that it shares with Twilio; else empty. */
export function signatureOf(headers: Headers): string {
  return headers.get("x-signalwire-signature") ?? headers.get("x-twilio-signature") ?? "";
}

/** Reads a form: `+` is a space, names without a value are kept. */
export function formParameters(body: Uint8Array): [string, string][] {
  return [...new URLSearchParams(Buffer.from(body).toString("utf8"))];
}

/** The URL's own `bodySHA256` has to be the hash of the body. */
function bodyFits(url: string, body: Uint8Array): boolean {
  const stated = new URLSearchParams(url.slice(url.indexOf("?") + 1)).getAll("bodySHA256");
  return (
    stated.length === 1 && constantTimeEqual(stated[0] ?? "", createHash("sha256").update(body).digest("hex"))
  );
}

/** The spellings of a URL that may have been signed. */
function signedUrls(url: string, credentials: readonly BasicCredentials[]): string[] {
  const [, scheme = "", host = "", rest = ""] = /^(https?:\/\/)([^/?#]*)(.*)$/s.exec(url) ?? [];
  if (host === "") return [url];
  const port = scheme === "https://" ? ":443" : ":80";
  const hosts = [host];
  if (host.endsWith(port)) hosts.push(host.slice(0, -port.length));
  else if (!/:\d*$/.test(host)) hosts.push(host + port);
  const users = credentials.flatMap(({ user, pass }) => [
    `${user}:${pass}@`,
    `${encodeURIComponent(user)}:${encodeURIComponent(pass)}@`,
  ]);
  return ["", ...new Set(users)].flatMap((prefix) => hosts.map((each) => scheme + prefix + each + rest));
}

function hmac(algorithm: "sha1" | "sha256", key: string, message: string | Uint8Array): Buffer {
  if (key === "") throw new FaxError("config_invalid", "the signing key is empty");
  return createHmac(algorithm, key).update(message).digest();
}
