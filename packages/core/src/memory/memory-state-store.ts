import type { StateStore } from "../ports/stores.ts";
import { MemoryTable, memoryKey } from "./memory-table.ts";
import type { MemoryTransaction, MemoryTransactions } from "./memory-transaction.ts";

/** Small values of transports in memory. */
export function memoryStateStore(transactions: MemoryTransactions): StateStore<MemoryTransaction> {
  const table = new MemoryTable<{ id: string; value: string }>((row) => row.id);
  return {
    get: (tenantId, transportId, key, trx) =>
      transactions.run(trx, () => table.get(memoryKey(tenantId, transportId, key))?.value),
    set: (tenantId, transportId, key, value, trx) =>
      transactions.run(trx, (own) => {
        const row = { id: memoryKey(tenantId, transportId, key), value };
        if (!table.insert(row, own)) table.replace(row, own);
      }),
  };
}
