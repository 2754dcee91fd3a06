import type { InboundStore } from "../ports/stores.ts";
import type { InboundFax } from "../records/inbound-fax.ts";
import { memoryPage } from "./memory-page.ts";
import { MemoryTable, memoryKey } from "./memory-table.ts";
import type { MemoryTransaction, MemoryTransactions } from "./memory-transaction.ts";

/** Received faxes in memory. */
export function memoryInboundStore(transactions: MemoryTransactions): InboundStore<MemoryTransaction> {
  const table = new MemoryTable<InboundFax, "providerId" | "blob">(
    (fax) => memoryKey(fax.tenantId, fax.id),
    { providerId: (fax) => memoryKey(fax.tenantId, fax.transportId, fax.providerId) },
    { blob: (fax) => fax.document?.blobKey },
  );
  return {
    insert: (fax, trx) => transactions.run(trx, (own) => table.insert(fax, own)),
    update: (fax, trx) =>
      transactions.run(trx, (own) => {
        const old = table.get(memoryKey(fax.tenantId, fax.id));
        return old?.version === fax.version - 1 && table.replace(fax, own);
      }),
    get: (tenantId, id, trx) => transactions.run(trx, () => table.get(memoryKey(tenantId, id))),
    findByProviderId: (tenantId, transportId, providerId, trx) =>
      transactions.run(trx, () => table.find("providerId", memoryKey(tenantId, transportId, providerId))[0]),
    list: (query, trx) =>
      transactions.run(trx, () =>
        memoryPage(
          table.filter(
            (fax) =>
              fax.tenantId === query.tenantId &&
              (query.status === undefined
                ? fax.status !== "receiving" && fax.status !== "deleted"
                : fax.status === query.status) &&
              (query.to === undefined || fax.to === query.to) &&
              (query.mailboxes === undefined ||
                (fax.mailbox !== undefined && query.mailboxes.includes(fax.mailbox))) &&
              (query.since === undefined || fax.createdAt >= query.since),
          ),
          query,
        ),
      ),
    listExpired: (now, limit, trx) =>
      transactions.run(trx, () =>
        table.filter(
          (fax) => fax.status !== "deleted" && fax.retentionUntil !== undefined && fax.retentionUntil <= now,
          { order: (a, b) => Number(a.retentionUntil) - Number(b.retentionUntil), limit },
        ),
      ),
    knownBlobs: (keys, trx) =>
      transactions.run(trx, () => new Set(keys.filter((key) => table.find("blob", key).length > 0))),
  };
}
