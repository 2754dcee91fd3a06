import type { ApiKeyStore } from "../ports/stores.ts";
import type { ApiKey } from "../records/api-key.ts";
import { MemoryTable } from "./memory-table.ts";
import type { MemoryTransaction, MemoryTransactions } from "./memory-transaction.ts";

/** API keys in memory. */
export function memoryApiKeyStore(transactions: MemoryTransactions): ApiKeyStore<MemoryTransaction> {
  const table = new MemoryTable<ApiKey>((key) => key.id);
  return {
    insert: (key, trx) => transactions.run(trx, (own) => table.insert(key, own)),
    find: (id, trx) => transactions.run(trx, () => table.get(id)),
    list: (tenantId, trx) =>
      transactions.run(trx, () =>
        table
          .filter((key) => key.tenantId === tenantId)
          .sort((a, b) => Number(a.createdAt) - Number(b.createdAt) || (a.id < b.id ? -1 : 1)),
      ),
    revoke: (tenantId, id, at, trx) =>
      transactions.run(trx, (own) => {
        const key = table.get(id);
        if (key?.tenantId !== tenantId) return false;
        return table.replace({ ...key, revokedAt: key.revokedAt ?? at }, own);
      }),
    touch: (uses, trx) =>
      transactions.run(trx, (own) => {
        for (const { id, at } of uses) {
          const key = table.get(id);
          if (key && (key.lastUsedAt === undefined || key.lastUsedAt < at)) {
            table.replace({ ...key, lastUsedAt: at }, own);
          }
        }
      }),
  };
}
