import type { EventStore } from "../ports/stores.ts";
import type { EventRecord } from "../records/event-record.ts";
import { claimRows, endClaim, renewClaim } from "./memory-claims.ts";
import { memoryPage } from "./memory-page.ts";
import { MemoryTable, memoryKey } from "./memory-table.ts";
import type { MemoryTransaction, MemoryTransactions } from "./memory-transaction.ts";

/** Recorded provider events in memory. */
export function memoryEventStore(transactions: MemoryTransactions): EventStore<MemoryTransaction> {
  const table = new MemoryTable<EventRecord, "key" | "state">(
    (event) => memoryKey(event.tenantId, event.id),
    { key: (event) => memoryKey(event.tenantId, event.transportId, event.key) },
    { state: (event) => event.state },
  );
  return {
    insert: (event, trx) => transactions.run(trx, (own) => table.insert(event, own)),
    get: (tenantId, id, trx) => transactions.run(trx, () => table.get(memoryKey(tenantId, id))),
    claimDue: (request, trx) =>
      transactions.run(trx, (own) =>
        claimRows(table, (isDue, first) => table.find("state", "pending", isDue, first), request, own),
      ),
    renew: (claim, leaseUntil, trx) =>
      transactions.run(trx, (own) => renewClaim(table, claim, leaseUntil, own)),
    settle: (claim, verdict, trx) =>
      transactions.run(trx, (own) =>
        endClaim(
          table,
          claim,
          (event) => {
            event.state = verdict.state;
            event.updatedAt = verdict.now;
            if (verdict.dueAt !== undefined) event.dueAt = verdict.dueAt;
            if (verdict.lastError !== undefined) {
              event.lastError = verdict.lastError;
              event.tries += 1;
            }
          },
          own,
        ),
      ),
    list: (query, trx) =>
      transactions.run(trx, () =>
        memoryPage(
          table.filter(
            (event) =>
              event.tenantId === query.tenantId && (query.state === undefined || event.state === query.state),
          ),
          query,
        ),
      ),
    replay: (tenantId, id, now, trx) =>
      transactions.run(trx, (own) => {
        const event = table.get(memoryKey(tenantId, id));
        if (event?.state !== "dead") return false;
        return table.replace({ ...event, state: "pending", tries: 0, dueAt: now, updatedAt: now }, own);
      }),
    purge: (before, limit, trx) =>
      transactions.run(trx, (own) => {
        const old = table.find("state", "done", (event) => event.createdAt < before, { limit });
        for (const event of old) table.delete(memoryKey(event.tenantId, event.id), own);
        return old.length;
      }),
  };
}
