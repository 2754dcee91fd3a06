import type { IdempotencyStore } from "../ports/stores.ts";
import { MemoryTable, memoryKey } from "./memory-table.ts";
import type { MemoryTransaction, MemoryTransactions } from "./memory-transaction.ts";

type IdempotencyEntry = Parameters<IdempotencyStore<MemoryTransaction>["claim"]>[0];

/** Idempotency keys in memory. */
export function memoryIdempotencyStore(
  transactions: MemoryTransactions,
): IdempotencyStore<MemoryTransaction> {
  const table = new MemoryTable<IdempotencyEntry>((entry) => memoryKey(entry.tenantId, entry.key));
  return {
    claim: (entry, trx) =>
      transactions.run(trx, (own) => {
        const holder = table.get(memoryKey(entry.tenantId, entry.key));
        if (holder) return { claimed: false, faxId: holder.faxId, fingerprint: holder.fingerprint };
        table.insert(entry, own);
        return { claimed: true };
      }),
    purge: (before, limit, trx) =>
      transactions.run(trx, (own) => {
        const old = table.filter((entry) => entry.createdAt < before, { limit });
        for (const entry of old) table.delete(memoryKey(entry.tenantId, entry.key), own);
        return old.length;
      }),
  };
}
