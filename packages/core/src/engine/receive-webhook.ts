import type { WebhookAnswer } from "../faxbot.ts";
import { FaxError, isFaxError } from "../transport/fax-error.ts";
import type { WebhookRequest, WebhookResult } from "../transport/webhook.ts";
import { readCallbackUrl } from "./callback-url.ts";
import type { Engine } from "./engine.ts";
import { recordEvent } from "./record-event.ts";

/** How long a transport may take to verify and read one call. */
const verifyTimeoutMs = 60_000;

/** Takes one provider's call, see `Faxbot.receiveWebhook`. */
export async function receiveWebhook<Trx>(
  engine: Engine<Trx>,
  ownTenantId: string,
  transportId: string,
  request: WebhookRequest,
): Promise<WebhookAnswer> {
  const transport = engine.transports.get(transportId);
  if (!transport) throw new FaxError("not_found", "there is no such transport");
  if (!transport.receiveWebhook)
    throw new FaxError("unsupported", "this transport has no webhook", { transportId });
  const { attemptId, tenantId = ownTenantId } = readCallbackUrl(request.url);

  await engine.faultPoint("webhook.before-verify");
  let result: WebhookResult;
  try {
    const call = engine.call(transport, tenantId, AbortSignal.timeout(verifyTimeoutMs));
    result = await transport.receiveWebhook(request, call);
  } catch (cause) {
    if (isFaxError(cause)) throw cause;
    engine.logger.error(
      { transportId, errorName: cause instanceof Error ? cause.name : typeof cause },
      "a webhook could not be read",
    );
    throw new FaxError("service_unavailable", "the webhook could not be read", { transportId, cause });
  }
  await engine.faultPoint("webhook.after-verify");
  for (const event of result.events) {
    await recordEvent(engine, { tenantId, transportId, ...(attemptId ? { attemptId } : {}) }, event);
  }
  if (result.events.length > 0) await engine.wakeUp.notify();
  return {
    status: result.response?.status ?? 202,
    headers: result.response?.headers ?? { "content-type": "application/json" },
    body: result.response?.body ?? (result.response ? "" : '{"status":"accepted"}'),
  };
}
