import { randomBytes } from "node:crypto";
import {
  type BlobStore,
  type DocumentEngine,
  type EventRecord,
  FaxError,
  type FaxErrorCode,
  type InboundFax,
  type Inbox,
  isFaxError,
  type Logger,
  type ReceivedContext,
  type ReceivedPayload,
  type StoredDocument,
  type Stores,
} from "@faxbot/core";
import { createDocumentIntake, isPartialDocument } from "./document-intake.ts";

type ReceivedEvent = EventRecord & { payload: ReceivedPayload };

/**
 * Errors that no further try can mend: the document is what it is, or there is no way to get one. Everything else
 * (an unreachable provider, wrong credentials, a document that is not there yet) is thrown, so that core tries again
 * and keeps the event for a person when it gives up.
 */
const finalErrors: ReadonlySet<FaxErrorCode> = new Set([
  "document_invalid",
  "document_encrypted",
  "document_unsupported",
  "document_too_large",
  "unsupported",
]);

/**
 * Makes the part of the inbox that consumes events:
 * record → document → inspect → PDF → blob → mailbox, and `received` with its notice in one transaction.
 *
 * Every arrow may crash. The record is found again by the provider's id, a blob that is already there is taken as it
 * is, and only a record that is not settled moves on, so any number of runs and duplicates end in the same state.
 */
export function createReceiver<Trx>(parts: {
  stores: Stores<Trx>;
  blobs: BlobStore;
  documents?: DocumentEngine;
  /** 0 = for ever. */
  retentionDays: number;
  maxPdfBytes: number;
  logger?: Logger;
}): Pick<Inbox<Trx>, "consume" | "giveUp"> {
  const { stores, blobs, retentionDays } = parts;
  const intake = createDocumentIntake(parts);

  const retentionFrom = (start: Date): { retentionUntil?: Date } =>
    retentionDays === 0 ? {} : { retentionUntil: new Date(start.getTime() + retentionDays * 86_400_000) };

  /** The record of this event's fax, made when it is new. */
  async function recordOf(event: ReceivedEvent, now: Date): Promise<InboundFax> {
    const { tenantId, transportId, payload } = event;
    const find = () => stores.inbound.findByProviderId(tenantId, transportId, payload.providerId);
    const known = await find();
    if (known) return known;
    const fax: InboundFax = {
      tenantId,
      id: randomBytes(16).toString("hex"),
      transportId,
      providerId: payload.providerId,
      ...(payload.from === undefined ? {} : { from: payload.from }),
      ...(payload.to === undefined ? {} : { to: payload.to }),
      ...(payload.pages === undefined ? {} : { pages: payload.pages }),
      status: "receiving",
      partial: payload.partial ?? false,
      createdAt: now,
      updatedAt: now,
      version: 1,
    };
    if (await stores.inbound.insert(fax)) return fax;
    const other = await find();
    if (other) return other;
    throw new FaxError("store_unavailable", "a received fax is neither new nor known");
  }

  /** Writes the end of the story and its notice, unless another run wrote one meanwhile. */
  async function settle(
    fax: InboundFax,
    context: ReceivedContext<Trx>,
    change: (trx: Trx) => Promise<Partial<InboundFax> & { status: "received" | "failed" }>,
  ): Promise<boolean> {
    await context.faultPoint("inbox.before-result");
    const settled = await stores.transaction(async (trx) => {
      const current = await stores.inbound.get(fax.tenantId, fax.id, trx);
      if (!current || isSettled(current)) return false;
      const { error: _, ...rest } = current;
      const next = {
        ...rest,
        ...(await change(trx)),
        updatedAt: context.clock.now(),
        version: current.version + 1,
      };
      if (!(await stores.inbound.update(next, trx))) return false;
      await context.notify(next.status === "received" ? "inbound.received" : "inbound.failed", fax.id, trx);
      return true;
    });
    await context.faultPoint("inbox.after-result");
    return settled;
  }

  async function fail(
    fax: InboundFax,
    context: ReceivedContext<Trx>,
    error: string,
    original?: StoredDocument,
  ): Promise<void> {
    const settled = await settle(fax, context, async () => ({
      status: "failed",
      error,
      ...(original ? { document: original, ...retentionFrom(context.clock.now()) } : {}),
    }));
    if (!settled) return;
    (parts.logger ?? context.logger).warn(
      { inboundId: fax.id, tenantId: fax.tenantId, transportId: fax.transportId, errorCode: error },
      "a received fax could not be stored",
    );
  }

  async function bringIn(
    fax: InboundFax,
    event: ReceivedEvent,
    context: ReceivedContext<Trx>,
  ): Promise<void> {
    const { document, pages, isPartial } = await intake.take(fax.id, event.payload, context);
    const settled = await settle(fax, context, async (trx) => {
      const now = context.clock.now();
      const rule = fax.to && (await stores.mailboxes.findRule(fax.tenantId, fax.to, trx));
      return {
        status: "received",
        document,
        ...(pages === undefined ? {} : { pages }),
        ...(isPartial ? { partial: true } : {}),
        ...(rule ? { mailbox: rule.mailboxLabel } : {}),
        ...retentionFrom(now),
        receivedAt: event.payload.occurredAt ?? now,
      };
    });
    if (!settled) return;
    (parts.logger ?? context.logger).info(
      {
        inboundId: fax.id,
        tenantId: fax.tenantId,
        transportId: fax.transportId,
        pages: pages ?? null,
        bytes: document.size,
      },
      "a fax was received",
    );
  }

  /**
   * The far end was told that its fax arrived, so a document that cannot become PDF is kept as it came, for a person
   * to look at until its retention ends.
   */
  async function keepOriginal(fax: InboundFax, stored: StoredDocument): Promise<StoredDocument | undefined> {
    const blobKey = `inbound/${fax.id}.original`;
    try {
      const written = await blobs.put(blobKey, await blobs.open(stored.blobKey), {
        mediaType: stored.mediaType,
      });
      return { ...stored, blobKey, ...written };
    } catch (error) {
      if (isFaxError(error, "not_found")) return undefined;
      throw error;
    }
  }

  /**
   * Deletes what the settled record does not name: the event's own copy, an original that nobody needs, and the
   * transport's file. Of a fax that failed that file may be the only copy, and of one that is not whole the better one,
   * so it stays.
   */
  async function clearUp(
    fax: InboundFax,
    keys: (string | undefined)[],
    context: ReceivedContext<Trx>,
  ): Promise<void> {
    const settled = await stores.inbound.get(fax.tenantId, fax.id);
    for (const key of keys) {
      if (key !== undefined && key !== settled?.document?.blobKey) await blobs.delete(key);
    }
    const isWhole = settled?.document === undefined || !isPartialDocument(settled.document);
    if (settled && settled.status !== "failed" && isWhole) await context.removeDocument();
  }

  return {
    async consume(event, context) {
      await context.faultPoint("inbox.before-record");
      const fax = await recordOf(event, context.clock.now());
      await context.faultPoint("inbox.after-record");
      const attached = event.payload.document;
      let original: StoredDocument | undefined;
      if (!isSettled(fax)) {
        try {
          await bringIn(fax, event, context);
        } catch (error) {
          if (!isFaxError(error) || !finalErrors.has(error.code)) throw error;
          original = attached && (await keepOriginal(fax, attached));
          await fail(fax, context, error.code, original);
        }
      }
      // Only now: until the fax is settled the event's blob may be the only copy. When it cannot be deleted the event
      // is tried again, finds the fax settled, and comes back here.
      await clearUp(fax, [attached?.blobKey, original?.blobKey], context);
    },

    async giveUp(event, context) {
      const fax = await recordOf(event, context.clock.now());
      // The event's own blob stays: the event is kept, and replaying it needs the document.
      if (fax.status === "receiving") await fail(fax, context, event.lastError ?? "service_unavailable");
    },
  };
}

/** Nothing more can come of it. A fax that failed for another reason than its document is taken up again by a replay. */
function isSettled(fax: InboundFax): boolean {
  if (fax.status === "failed") return finalErrors.has(fax.error as FaxErrorCode);
  return fax.status !== "receiving";
}
