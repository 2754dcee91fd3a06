import type { FaxStore } from "../ports/stores.ts";
import type { Fax } from "../records/fax.ts";
import { memoryPage } from "./memory-page.ts";
import { MemoryTable, memoryKey } from "./memory-table.ts";
import type { MemoryTransaction, MemoryTransactions } from "./memory-transaction.ts";

/** Outbound faxes in memory. */
export function memoryFaxStore(transactions: MemoryTransactions): FaxStore<MemoryTransaction> {
  const table = new MemoryTable<Fax, "blob">(
    (fax) => memoryKey(fax.tenantId, fax.id),
    {},
    { blob: (fax) => fax.document.blobKey },
  );
  return {
    insert: (fax, trx) => transactions.run(trx, (own) => table.insert(fax, own)),
    update: (fax, trx) =>
      transactions.run(trx, (own) => {
        const old = table.get(memoryKey(fax.tenantId, fax.id));
        return old?.version === fax.version - 1 && table.replace(fax, own);
      }),
    get: (tenantId, id, trx) => transactions.run(trx, () => table.get(memoryKey(tenantId, id))),
    list: (query, trx) =>
      transactions.run(trx, () =>
        memoryPage(
          table.filter(
            (fax) =>
              fax.tenantId === query.tenantId &&
              (query.status === undefined || fax.status === query.status) &&
              (query.transportId === undefined || fax.transportId === query.transportId) &&
              (query.to === undefined || fax.to === query.to) &&
              (query.needsReview === undefined || (fax.needsReview !== undefined) === query.needsReview) &&
              (query.since === undefined || fax.createdAt >= query.since),
          ),
          query,
        ),
      ),
    knownBlobs: (keys, trx) =>
      transactions.run(trx, () => new Set(keys.filter((key) => table.find("blob", key).length > 0))),
  };
}
