import type { BlobStore, Logger, PeriodicTask, Stores } from "@faxbot/core";

const batchSize = 100;

/**
 * Deletes the documents of received faxes whose retention ended, oldest first, a bounded batch per run.
 *
 * The blob goes first, then the record says `deleted`: a crash in between leaves a record that the next run takes up
 * again, and never a document that nobody will delete. The record keeps size and SHA-256 of what was there.
 */
export function createRetentionTask<Trx>(parts: {
  stores: Stores<Trx>;
  blobs: BlobStore;
  /** Milliseconds. */
  everyMs: number;
  logger?: Logger;
}): PeriodicTask {
  const { stores, blobs, everyMs } = parts;
  return {
    name: "inbox.retention",
    everyMs,
    async run({ signal, clock, ...context }) {
      const logger = parts.logger ?? context.logger;
      const expired = await stores.inbound.listExpired(clock.now(), batchSize);
      let done = 0;
      for (const fax of expired) {
        if (signal.aborted) return false;
        try {
          if (fax.document) await blobs.delete(fax.document.blobKey);
        } catch {
          // One blob that cannot be deleted now must not keep the others; it is tried again with the next run.
          logger.error(
            { inboundId: fax.id, tenantId: fax.tenantId },
            "a received document could not be deleted",
          );
          continue;
        }
        const marked = await stores.inbound.update({
          ...fax,
          status: "deleted",
          updatedAt: clock.now(),
          version: fax.version + 1,
        });
        if (!marked) continue;
        done += 1;
        logger.info(
          { inboundId: fax.id, tenantId: fax.tenantId },
          "a received document reached its retention and was deleted",
        );
      }
      // Only with progress: a batch of nothing but failures waits for the next turn instead of spinning.
      return expired.length === batchSize && done > 0;
    },
  };
}
