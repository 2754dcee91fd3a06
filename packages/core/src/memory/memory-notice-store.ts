import type { NoticeStore } from "../ports/stores.ts";
import type { Notice } from "../records/notice.ts";
import { claimedRow, claimRows, endClaim } from "./memory-claims.ts";
import { MemoryTable, memoryKey } from "./memory-table.ts";
import type { MemoryTransaction, MemoryTransactions } from "./memory-transaction.ts";

/** Facts for the host that were not taken yet, in memory. */
export function memoryNoticeStore(transactions: MemoryTransactions): NoticeStore<MemoryTransaction> {
  const table = new MemoryTable<Notice>((notice) => memoryKey(notice.tenantId, notice.id));
  return {
    insert: (notice, trx) => transactions.run(trx, (own) => table.insert(notice, own)),
    claimDue: (request, trx) =>
      transactions.run(trx, (own) =>
        claimRows(table, (isDue, first) => table.filter(isDue, first), request, own),
      ),
    remove: (claim, trx) =>
      transactions.run(
        trx,
        (own) =>
          claimedRow(table, claim) !== undefined && table.delete(memoryKey(claim.tenantId, claim.id), own),
      ),
    postpone: (claim, dueAt, trx) =>
      transactions.run(trx, (own) =>
        endClaim(
          table,
          claim,
          (notice) => {
            notice.dueAt = dueAt;
            notice.tries += 1;
          },
          own,
        ),
      ),
  };
}
