import { createHash, createHmac } from "node:crypto";

/**
 * Makes the value of `X-SignalWire-Signature` for a fax webhook: base64 of HMAC-SHA1 over the URL, then the names and
 * values of the form's fields by name, nothing between. The key is the project's Signing Key, not the API token. For a
 * GET, and for JSON (see {@link signalwireBodyUrl}), there are no fields and the query is part of the URL.
 *
 * @param url the webhook's URL exactly as it was configured, query included
 * @param fields decoded; a name that comes twice counts twice, in its own order
 * @example
 * signalwireSignature("PSKtest_0123456789abcdef", "https://fax.example.com/cb?name=O'Hara+X", [["FaxSid", "x"]]);
 * // "gI+F1IaW3UUvx4MRDXDq+vMG4ms="
 */
export function signalwireSignature(
  signingKey: string,
  url: string,
  fields: readonly (readonly [name: string, value: string])[] = [],
): string {
  const sorted = [...fields].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const message = url + sorted.map(([name, value]) => name + value).join("");
  return createHmac("sha1", signingKey).update(message).digest("base64");
}

/**
 * The URL for a JSON body: with `bodySHA256` in the query, so that signing the URL covers the body too.
 *
 * @example
 * const url = signalwireBodyUrl("https://fax.example.com/hook?vendor=sw", body); // …&bodySHA256=89bb…
 * const signature = signalwireSignature(signingKey, url);
 */
export function signalwireBodyUrl(url: string, body: string | Uint8Array): string {
  const hash = createHash("sha256").update(body).digest("hex");
  return `${url}${url.includes("?") ? "&" : "?"}bodySHA256=${hash}`;
}
