import { createHash, randomUUID, timingSafeEqual } from "node:crypto";
import {
  documentFromBytes,
  FaxError,
  type FaxStatus,
  faxStatuses,
  type TransportEvent,
  type WebhookRequest,
} from "@faxbot/core/transport";
import { z } from "zod";
import { countPdfPages } from "./pdf-page-count.ts";
import { syntheticPdf } from "./synthetic-pdf.ts";

/** The most bytes of a webhook's body. */
const maxBytes = 32 * 1024 * 1024;

const e164 = z.string().regex(/^\+[1-9]\d{6,14}$/);

const statusBody = z.object({
  id: z.string().optional(),
  provider_id: z.string().min(1),
  status: z.string().min(1),
  reference: z.string().optional(),
  pages: z.number().int().nonnegative().optional(),
});

const receivedBody = z.object({
  id: z.string().optional(),
  to_number: e164,
  from_number: e164.optional(),
  pdf_base64: z.base64().optional(),
});

/**
 * Verifies and reads a webhook of the test transport: JSON with the shared secret in `X-Internal-Secret`, either
 * `{provider_id, status, reference?, pages?, id?}` or `{to_number, from_number?, pdf_base64?, id?}`. The same `id`
 * is the same event.
 *
 * @throws FaxError `webhook_unverified` when the secret is wrong or none is configured, `webhook_malformed`
 */
export async function readTestWebhook(
  request: WebhookRequest,
  secret: string | undefined,
  transportId: string,
): Promise<TransportEvent> {
  const given = request.headers.get("x-internal-secret");
  if (!secret || !given || !timingSafeEqual(digest(given), digest(secret))) {
    throw new FaxError("webhook_unverified", "the webhook's secret is missing or wrong", { transportId });
  }
  if (request.method !== "POST") throw new FaxError("webhook_malformed", "not a POST", { transportId });
  const body = parseJson(await request.body.bytes(maxBytes));

  const status = statusBody.safeParse(body);
  if (status.success) {
    const { provider_id: providerId, status: word, reference, pages, id } = status.data;
    return {
      type: "status",
      key: id ?? `${providerId}:${word}`,
      report: {
        providerId,
        status: faxStatuses.includes(word as FaxStatus) ? (word as FaxStatus) : "unmapped",
        providerStatus: word,
        ...(reference === undefined ? {} : { reference }),
        ...(pages === undefined ? {} : { pages }),
        ...(word === "failed" ? { failure: { reason: "unknown", retryable: true } } : {}),
      },
    };
  }
  const received = receivedBody.safeParse(body);
  if (!received.success) {
    throw new FaxError("webhook_malformed", "the webhook is neither a status nor a received fax", {
      transportId,
    });
  }
  const { to_number: to, from_number: from, pdf_base64: base64, id = randomUUID() } = received.data;
  const bytes = base64 === undefined ? syntheticPdf() : new Uint8Array(Buffer.from(base64, "base64"));
  const pages = countPdfPages(bytes);
  return {
    type: "received",
    key: `received:${id}`,
    providerId: `test_${digest(id).toString("hex").slice(0, 16)}`,
    to,
    ...(from === undefined ? {} : { from }),
    ...(pages === 0 ? {} : { pages }),
    document: documentFromBytes(bytes, { mediaType: "application/pdf", fileName: "fax.pdf" }),
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
