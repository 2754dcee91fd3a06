import { createHash, randomUUID } from "node:crypto";
import type { EventRecord } from "../records/event-record.ts";
import type { StoredDocument } from "../records/fax.ts";
import type { TransportEvent } from "../transport/webhook.ts";
import type { Engine } from "./engine.ts";

/**
 * Makes one event of a transport durable: its document first, then its row. The same event again changes nothing.
 *
 * @param attemptId the attempt that the callback URL named
 */
export async function recordEvent<Trx>(
  engine: Engine<Trx>,
  where: { tenantId: string; transportId: string; attemptId?: string },
  event: TransportEvent,
): Promise<void> {
  const { stores, blobs, clock } = engine;
  // The time comes first, so that new rows lie side by side in the index: less to write for each.
  const id =
    clock.now().getTime().toString(16).padStart(12, "0") + randomUUID().replaceAll("-", "").slice(12);
  const now = clock.now();
  let document: StoredDocument | undefined;
  if (event.type === "received" && event.document) {
    const { mediaType, fileName } = event.document;
    const blobKey = `events/${where.tenantId}/${id}`;
    await engine.faultPoint("webhook.before-blob");
    const written = await blobs.put(blobKey, await event.document.open(), { mediaType });
    await event.document.dispose?.();
    await engine.faultPoint("webhook.after-blob");
    document = { blobKey, mediaType, fileName, ...written };
  }
  const record: EventRecord = {
    tenantId: where.tenantId,
    id,
    transportId: where.transportId,
    key: boundedKey(event.key),
    payload: payloadOf(event, where.attemptId, document),
    state: "pending",
    tries: 0,
    dueAt: now,
    fence: 0,
    createdAt: now,
    updatedAt: now,
  };
  await engine.faultPoint("webhook.before-record");
  const fresh = await stores.events.insert(record);
  await engine.faultPoint("webhook.after-record");
  if (!fresh && document) await blobs.delete(document.blobKey).catch(() => {});
}

function payloadOf(
  event: TransportEvent,
  attemptId: string | undefined,
  document: StoredDocument | undefined,
): EventRecord["payload"] {
  if (event.type === "status") {
    return { type: "status", report: event.report, ...(attemptId ? { attemptId } : {}) };
  }
  const { providerId, from, to, pages, partial, occurredAt } = event;
  return {
    type: "received",
    providerId,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(pages === undefined ? {} : { pages }),
    ...(partial === undefined ? {} : { partial }),
    ...(occurredAt === undefined ? {} : { occurredAt }),
    ...(document === undefined ? {} : { document }),
  };
}

/** Keys are made of what providers say, so an index must not depend on their length. */
function boundedKey(key: string): string {
  return key.length <= 200 ? key : `sha256:${createHash("sha256").update(key).digest("hex")}`;
}
