import { createHmac } from "node:crypto";
import { constantTimeEqual, FaxError, type WebhookRequest } from "@faxbot/core/transport";
import type { PhaxioForm } from "./phaxio-form.ts";
import type { PhaxioSettings } from "./phaxio-settings.ts";

const signatureHeader = "x-phaxio-signature";
/** Hex digits in lower case, as Phaxio writes them. */
const shapes = { "hmac-sha1": /^[0-9a-f]{40}$/, "hmac-sha256-body": /^[0-9a-f]{64}$/ } as const;

/**
 * Computes what Phaxio puts into `X-Phaxio-Signature`: HMAC-SHA1 with the callback token over the URL, then each text's
 * name and value, then each file's name and the SHA-1 of its bytes (documents, "Verifying callback requests";
 * phaxio-ruby). Both kinds are sorted by name, nothing stands between them, and a file's own name plays no part.
 * Parts with the same name keep their order; how Phaxio sorts those is not documented.
 *
 * @param url exactly as it was given to Phaxio, with its query
 * @returns 40 lower-case hex digits
 */
export function phaxioSignature(token: string, url: string, form: PhaxioForm): string {
  const hmac = createHmac("sha1", token).update(url);
  const fields = form.fields.toSorted(([a], [b]) => byBytes(a, b));
  const files = form.files.toSorted((a, b) => byBytes(a.name, b.name));
  for (const [name, value] of fields) hmac.update(name).update(value);
  for (const { name, sha1 } of files) hmac.update(name).update(sha1);
  return hmac.digest("hex");
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Secrets that a webhook may be signed with: the current one, and the previous one during a rotation. */
export function webhookSecrets(settings: PhaxioSettings): string[] {
  const secrets =
    settings.signatureMode === "hmac-sha1"
      ? [settings.callbackToken, settings.previousCallbackToken]
      : [settings.apiSecret, settings.previousApiSecret];
  return secrets.filter((secret) => secret !== undefined);
}

/**
 * Takes the signature from a webhook's headers, before its body is read.
 *
 * @throws FaxError `webhook_unverified` when there is none, when it cannot be one, or when no secret is configured
 */
export function readSignature(headers: Headers, settings: PhaxioSettings): string {
  const signature = headers.get(signatureHeader) ?? "";
  if (webhookSecrets(settings).length === 0 || !shapes[settings.signatureMode].test(signature)) {
    throw unverified();
  }
  return signature;
}

/**
 * Refuses a webhook whose signature does not fit. Every secret is tried in constant time, whichever fits.
 *
 * @throws FaxError `webhook_unverified`
 */
export async function verifySignature(
  request: WebhookRequest,
  form: PhaxioForm,
  settings: PhaxioSettings,
): Promise<void> {
  const signature = readSignature(request.headers, settings);
  const expected =
    settings.signatureMode === "hmac-sha1"
      ? webhookSecrets(settings).flatMap((token) =>
          signedUrls(request, settings).map((url) => phaxioSignature(token, url, form)),
        )
      : await bodySignatures(request, webhookSecrets(settings));
  let fits = false;
  for (const each of expected) fits = constantTimeEqual(signature, each) || fits;
  if (!fits) throw unverified();
}

/**
 * The URLs that may have been given to Phaxio: the public one that was called, and the callback URL of the settings
 * with the query that was called (what Phaxio calls there comes to us by another name).
 */
function signedUrls(request: WebhookRequest, { callbackUrl }: PhaxioSettings): string[] {
  if (callbackUrl === undefined) return [request.url];
  const query = request.url.indexOf("?");
  const address = callbackUrl.split("?", 1)[0] ?? "";
  return [request.url, query < 0 ? address : address + request.url.slice(query)];
}

async function bodySignatures(request: WebhookRequest, secrets: readonly string[]): Promise<string[]> {
  const hmacs = secrets.map((secret) => createHmac("sha256", secret));
  for await (const chunk of await request.body.stream()) for (const hmac of hmacs) hmac.update(chunk);
  return hmacs.map((hmac) => hmac.digest("hex"));
}

function unverified(): FaxError {
  return new FaxError("webhook_unverified", "the webhook's signature is missing or wrong", {
    transportId: "phaxio",
  });
}
