import type { AttemptStore } from "../ports/stores.ts";
import { type Attempt, type AttemptState, onTheLineStates, openAttemptStates } from "../records/attempt.ts";
import { claimRows, endClaim, renewClaim } from "./memory-claims.ts";
import { MemoryTable, memoryKey } from "./memory-table.ts";
import type { MemoryTransaction, MemoryTransactions } from "./memory-transaction.ts";

const open: ReadonlySet<AttemptState> = new Set(openAttemptStates);
const onTheLine: ReadonlySet<AttemptState> = new Set(onTheLineStates);

/** The ledger of attempts in memory. */
export function memoryAttemptStore(transactions: MemoryTransactions): AttemptStore<MemoryTransaction> {
  const table = new MemoryTable<Attempt, "openFax" | "line" | "id" | "fax" | "providerId" | "waiting">(
    (attempt) => memoryKey(attempt.tenantId, attempt.id),
    {
      openFax: (attempt) =>
        open.has(attempt.state) ? memoryKey(attempt.tenantId, attempt.faxId) : undefined,
      line: (attempt) =>
        onTheLine.has(attempt.state) && attempt.lineKey !== undefined
          ? memoryKey(attempt.tenantId, attempt.lineKey)
          : undefined,
      id: (attempt) => attempt.id,
    },
    {
      fax: (attempt) => memoryKey(attempt.tenantId, attempt.faxId),
      providerId: (attempt) =>
        attempt.providerId === undefined
          ? undefined
          : memoryKey(attempt.tenantId, attempt.transportId, attempt.providerId),
      waiting: (attempt) => (open.has(attempt.state) && attempt.dueAt !== undefined ? "" : undefined),
    },
  );
  return {
    insert: (attempt, trx) => transactions.run(trx, (own) => table.insert(attempt, own)),
    update: (attempt, options, trx) =>
      transactions.run(trx, (own) => {
        const old = table.get(memoryKey(attempt.tenantId, attempt.id));
        if (old?.version !== attempt.version - 1) return false;
        if (options?.fence !== undefined && old.fence !== options.fence) return false;
        const next: Attempt = { ...attempt, fence: old.fence };
        delete next.leaseOwner;
        delete next.leaseUntil;
        if (old.leaseOwner !== undefined) next.leaseOwner = old.leaseOwner;
        if (old.leaseUntil !== undefined) next.leaseUntil = old.leaseUntil;
        return table.replace(next, own);
      }),
    get: (tenantId, id, trx) => transactions.run(trx, () => table.get(memoryKey(tenantId, id))),
    find: (id, trx) => transactions.run(trx, () => table.find("id", id)[0]),
    findByProviderId: (tenantId, transportId, providerId, trx) =>
      transactions.run(
        trx,
        () =>
          table
            .find("providerId", memoryKey(tenantId, transportId, providerId))
            .sort((a, b) => Number(b.createdAt) - Number(a.createdAt) || b.number - a.number)[0],
      ),
    listByFax: (tenantId, faxId, trx) =>
      transactions.run(trx, () =>
        table.find("fax", memoryKey(tenantId, faxId)).sort((a, b) => a.number - b.number),
      ),
    claimDue: (request, trx) =>
      transactions.run(trx, (own) =>
        claimRows(table, (isDue, first) => table.find("waiting", "", isDue, first), request, own),
      ),
    renew: (claim, leaseUntil, trx) =>
      transactions.run(trx, (own) => renewClaim(table, claim, leaseUntil, own)),
    release: (claim, trx) => transactions.run(trx, (own) => endClaim(table, claim, () => {}, own)),
  };
}
