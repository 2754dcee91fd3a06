import {
  type BlobStore,
  type Clock,
  createTokens,
  type DocumentEngine,
  type FaxDocument,
  FaxError,
  type InboundFax,
  type Inbox,
  type ListInbound,
  type Logger,
  openStoredDocument,
  type Stores,
} from "@faxbot/core";
import { createReceiver } from "./receiver.ts";
import { createRetentionTask } from "./retention-task.ts";

/** What `createInbox` is made of. */
export interface InboxOptions<Trx = unknown> {
  stores: Stores<Trx>;
  /** Where the PDFs are kept, under `inbound/<id>.pdf`. */
  blobs: BlobStore;
  /** Inspects and converts what comes in. Default: none; then only PDF is taken, and pages are what the provider says. */
  documents?: DocumentEngine;
  /** Keys the hashes of document tokens; two during rotation, the new one first. Hand the same one to `createFaxbot`. */
  pepper?: string | readonly string[];
  /** Days until a document is deleted; 0 = never. Default 30. */
  retentionDays?: number;
  /** How often to look for documents to delete, in minutes. Default 60. */
  retentionEveryMinutes?: number;
  /** How long a document token works, in minutes. Default 60. */
  tokenTtlMinutes?: number;
  /** The largest document to keep, in bytes, before and after conversion. Default 25 MiB. */
  maxPdfBytes?: number;
  /** Default: `"default"`. */
  tenantId?: string;
  /** Gets ids and codes only. Default: the engine's. */
  logger?: Logger;
  /** Default: the system's. */
  clock?: Clock;
}

/**
 * Makes the inbox: received faxes are fetched, inspected, brought into PDF, stored, routed to a mailbox and deleted
 * when their retention ends. Hand it to `createFaxbot({ inbox })`, which feeds it; nothing runs before
 * `faxbot.start()`.
 *
 * @throws FaxError `config_invalid` when a number is out of range or the pepper is empty
 * @example
 * const inbox = createInbox({ stores, blobs, documents, retentionDays: 30 });
 * const faxbot = createFaxbot({ transports, stores, blobs, documents, inbox });
 * const { items } = await inbox.list({ to: "+12025550123" });
 */
export function createInbox<Trx>(options: InboxOptions<Trx>): Inbox<Trx> {
  const { stores, blobs } = options;
  const clock = options.clock ?? { now: () => new Date() };
  const retentionDays =
    options.retentionDays === 0 ? 0 : positive("retentionDays", options.retentionDays ?? 30);
  const retentionEveryMs = 60_000 * positive("retentionEveryMinutes", options.retentionEveryMinutes ?? 60);
  const tokenTtlMs = 60_000 * positive("tokenTtlMinutes", options.tokenTtlMinutes ?? 60);
  const maxPdfBytes = positive("maxPdfBytes", options.maxPdfBytes ?? 25 * 1024 * 1024);

  const logging = options.logger ? { logger: options.logger } : {};
  const tokens = createTokens({
    stores,
    clock,
    ...(options.pepper === undefined ? {} : { pepper: options.pepper }),
  });
  const receiver = createReceiver({
    stores,
    blobs,
    ...(options.documents ? { documents: options.documents } : {}),
    retentionDays,
    maxPdfBytes,
    ...logging,
  });
  const tasks = [createRetentionTask({ stores, blobs, everyMs: retentionEveryMs, ...logging })];

  const inboxOf = (tenantId: string): Inbox<Trx> => {
    const get = async (id: string, trx?: Trx): Promise<InboundFax> => {
      const fax = await stores.inbound.get(tenantId, id, trx);
      if (!fax) throw new FaxError("not_found", "no such received fax");
      return fax;
    };
    const storedPdf = async (id: string): Promise<FaxDocument> => {
      const fax = await get(id);
      if (fax.status === "received" && fax.document && (await blobs.head(fax.document.blobKey))) {
        return openStoredDocument(blobs, fax.document);
      }
      throw new FaxError("not_found", "this received fax has no document (any more)");
    };

    return {
      tenantId,
      tasks,
      consume: receiver.consume,
      giveUp: receiver.giveUp,

      async list(query: ListInbound = {}, { trx } = {}) {
        const limit = query.limit ?? 100;
        if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
          throw new FaxError("request_invalid", "limit must be a whole number from 1 to 1000");
        }
        return stores.inbound.list({ ...query, tenantId, limit }, trx);
      },

      get: (id, { trx } = {}) => get(id, trx),
      document: storedPdf,

      async issueToken(id, ttlMs = tokenTtlMs) {
        await storedPdf(id);
        return tokens.issueToken({ tenantId, purpose: "inbound_document", subjectId: id, ttlMs });
      },

      async openWithToken(id, token) {
        // The token first: who has none must not learn which faxes exist.
        await tokens.redeemToken({ tenantId, purpose: "inbound_document", subjectId: id, token });
        return storedPdf(id);
      },

      forTenant: inboxOf,
    };
  };
  return inboxOf(options.tenantId ?? "default");
}

function positive(name: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw new FaxError("config_invalid", `inbox: ${name} must be a number above 0`);
}
