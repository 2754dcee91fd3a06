import { createHmac } from "node:crypto";
import { constantTimeEqual, FaxError, type WebhookRequest } from "@faxbot/core/transport";
import { humblefaxWebhook } from "./humblefax-api.ts";
import { signatureHeaders } from "./humblefax-manifest.ts";
import type { HumbleFaxSettings } from "./humblefax-settings.ts";

/** A webhook names a fax and carries no document: this is far more than it takes. */
const largestBody = 256 * 1024;

/** The one thing that is taken from a webhook: which fax to ask HumbleFax about. */
export interface WebhookHint {
  kind: "sent" | "incoming";
  id: string;
}

/** What {@link readWebhook} checks. */
export type WebhookProofs = Pick<
  HumbleFaxSettings,
  "webhookToken" | "previousWebhookToken" | "webhookSecret" | "previousWebhookSecret" | "verifySignature"
>;

/**
 * Verifies and reads a webhook. HumbleFax signs nothing (no client built from its documentation checks a signature), so
 * the proof is an unguessable token in the registered URL's query; behind a proxy that signs, an HMAC-SHA256 of the raw
 * body in hex as well. All that is configured must fit.
 *
 * @returns `undefined` for an event that is not known
 * @throws FaxError `webhook_unverified` (also when nothing to check with is configured), `webhook_malformed`
 */
export async function readWebhook(
  request: WebhookRequest,
  proofs: WebhookProofs,
): Promise<WebhookHint | undefined> {
  if (proofs.verifySignature) verifyToken(request.url, proofs);
  // Before the body is read, so that a stranger's is not.
  const given = signatureHeaders.map((name) => request.headers.get(name)).find((value) => value !== null);
  const signed = proofs.verifySignature && proofs.webhookSecret !== undefined;
  if (signed && !given) throw unverified();
  if (request.method !== "POST") throw malformed("a webhook must be a POST");
  const bytes = await request.body.bytes(largestBody);
  if (signed) verifySignature(bytes, given ?? "", proofs);
  return readHint(bytes);
}

function verifyToken(
  url: string,
  { webhookToken, previousWebhookToken, webhookSecret }: WebhookProofs,
): void {
  if (webhookToken === undefined) {
    if (webhookSecret === undefined) throw unverified();
    return;
  }
  const given = URL.parse(url)?.searchParams.getAll("token") ?? [];
  // A plus sign that nobody encoded reads as a space, and no token has one.
  const token = given[0]?.replaceAll(" ", "+") ?? "";
  let fits = false;
  for (const accepted of [webhookToken, previousWebhookToken]) {
    if (accepted !== undefined) fits = constantTimeEqual(token, accepted) || fits;
  }
  if (!fits || given.length !== 1) throw unverified();
}

function verifySignature(
  bytes: Uint8Array,
  given: string,
  { webhookSecret, previousWebhookSecret }: WebhookProofs,
): void {
  let fits = false;
  for (const secret of [webhookSecret, previousWebhookSecret]) {
    if (secret === undefined) continue;
    const expected = createHmac("sha256", secret).update(bytes).digest("hex");
    fits = constantTimeEqual(given, expected) || fits;
  }
  if (!fits) throw unverified();
}

const kinds: Readonly<Record<string, WebhookHint["kind"]>> = {
  "IncomingFax.SendComplete": "incoming",
  "SentFax.SendComplete": "sent",
};

function readHint(bytes: Uint8Array): WebhookHint | undefined {
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw malformed("a webhook's JSON cannot be read");
  }
  const parsed = humblefaxWebhook.safeParse(body);
  if (!parsed.success || parsed.data.type === undefined) throw malformed("the webhook has no event");
  const { type, data: id } = parsed.data;
  if (!Object.hasOwn(kinds, type)) return undefined;
  if (id === undefined) throw malformed("the webhook has no fax with an id");
  return { kind: kinds[type] as WebhookHint["kind"], id };
}

function unverified(): FaxError {
  return new FaxError("webhook_unverified", "the webhook's token or signature is missing or wrong", {
    transportId: "humblefax",
  });
}

function malformed(message: string): FaxError {
  return new FaxError("webhook_malformed", message, { transportId: "humblefax" });
}
