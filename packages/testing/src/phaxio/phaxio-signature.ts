import { createHash, createHmac } from "node:crypto";

/** A form field or a file part of a webhook, in the order of the body. */
export interface PhaxioSignedPart {
  name: string;
  /** The decoded text of a field, or the bytes of a file. */
  content: string | Uint8Array;
}

/**
 * Makes the value of `X-Phaxio-Signature`: HMAC-SHA1, in lower-case hex, over the URL, then every field by name (name
 * and value, nothing between), then every file by part name (name and the SHA-1 of its bytes in hex). The key is the
 * account's callback token, not the API secret (vendor docs, "Verifying callback requests"; phaxio-ruby
 * `Webhook.valid_signature?`).
 *
 * @param url the callback URL exactly as it was given to Phaxio, query and trailing slash included
 * @example
 * phaxioSignature("test-webhook-token", "example.com", [{ name: "test", content: "true" }]);
 * // "64a735ef0c47a0ae671e381c046648f0966deb29"
 */
export function phaxioSignature(token: string, url: string, parts: readonly PhaxioSignedPart[]): string {
  const byName = (a: PhaxioSignedPart, b: PhaxioSignedPart): number =>
    Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));
  const fields = parts.filter(({ content }) => typeof content === "string").sort(byName);
  const files = parts.filter(({ content }) => typeof content !== "string").sort(byName);
  const hmac = createHmac("sha1", token).update(url);
  for (const { name, content } of fields) hmac.update(name).update(content);
  for (const { name, content } of files) {
    hmac.update(name).update(createHash("sha1").update(content).digest("hex"));
  }
  return hmac.digest("hex");
}
