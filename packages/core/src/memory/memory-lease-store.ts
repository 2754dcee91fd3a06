import type { Lease, LeaseStore } from "../ports/stores.ts";
import { MemoryTable } from "./memory-table.ts";
import type { MemoryTransaction, MemoryTransactions } from "./memory-transaction.ts";

interface LeaseRow extends Lease {
  owner?: string;
  leaseUntil?: Date;
  dueAt?: Date;
}

/** Leases on names in memory. */
export function memoryLeaseStore(transactions: MemoryTransactions): LeaseStore<MemoryTransaction> {
  const table = new MemoryTable<LeaseRow>((lease) => lease.name);
  const held = (lease: Lease) => {
    const row = table.get(lease.name);
    return row?.fence === lease.fence && row.leaseUntil !== undefined ? row : undefined;
  };
  return {
    acquire: ({ name, owner, leaseMs, now }, trx) =>
      transactions.run(trx, (own) => {
        const old = table.get(name);
        if (old?.leaseUntil !== undefined && old.leaseUntil > now) return undefined;
        if (old?.dueAt !== undefined && old.dueAt > now) return undefined;
        const fence = (old?.fence ?? 0) + 1;
        const row: LeaseRow = { name, fence, owner, leaseUntil: new Date(now.getTime() + leaseMs) };
        if (old) table.replace(row, own);
        else table.insert(row, own);
        return { name, fence };
      }),
    renew: (lease, leaseUntil, trx) =>
      transactions.run(trx, (own) => {
        const row = held(lease);
        return row !== undefined && table.replace({ ...row, leaseUntil }, own);
      }),
    release: (lease, { dueAt }, trx) =>
      transactions.run(trx, (own) => {
        if (!held(lease)) return false;
        const row: LeaseRow = { name: lease.name, fence: lease.fence };
        return table.replace(dueAt === undefined ? row : { ...row, dueAt }, own);
      }),
  };
}
