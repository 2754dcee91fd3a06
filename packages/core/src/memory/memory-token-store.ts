import type { TokenStore } from "../ports/stores.ts";
import type { Token } from "../records/token.ts";
import { MemoryTable, memoryKey } from "./memory-table.ts";
import type { MemoryTransaction, MemoryTransactions } from "./memory-transaction.ts";

/** Tokens in memory. */
export function memoryTokenStore(transactions: MemoryTransactions): TokenStore<MemoryTransaction> {
  const table = new MemoryTable<Token>((token) => memoryKey(token.tenantId, token.hash));
  return {
    insert: (token, trx) => transactions.run(trx, (own) => table.insert(token, own)),
    find: (tenantId, hash, purpose, trx) =>
      transactions.run(trx, () => {
        const token = table.get(memoryKey(tenantId, hash));
        return token?.purpose === purpose ? token : undefined;
      }),
    purge: (before, limit, trx) =>
      transactions.run(trx, (own) => {
        const old = table.filter((token) => token.expiresAt < before, { limit });
        for (const token of old) table.delete(memoryKey(token.tenantId, token.hash), own);
        return old.length;
      }),
  };
}
