import type { ClaimRef, ClaimRequest } from "../ports/stores.ts";
import { type MemoryFirst, type MemoryTable, memoryKey } from "./memory-table.ts";
import type { MemoryTransaction } from "./memory-transaction.ts";

/** The lease columns that attempts, events and notices have in common. */
export interface Claimable {
  tenantId: string;
  id: string;
  dueAt?: Date;
  fence: number;
  leaseOwner?: string;
  leaseUntil?: Date;
}

/**
 * Claims the oldest rows that are due.
 *
 * @param find finds them; with many rows waiting, only those that are claimed may be copied
 */
export function claimRows<Row extends Claimable, Index extends string>(
  table: MemoryTable<Row, Index>,
  find: (isDue: (row: Row) => boolean, first: MemoryFirst<Row>) => Row[],
  request: ClaimRequest,
  trx: MemoryTransaction,
): Row[] {
  const { owner, now, leaseMs, limit } = request;
  const isDue = (row: Row) =>
    row.dueAt !== undefined && row.dueAt <= now && (row.leaseUntil === undefined || row.leaseUntil <= now);
  const order = (a: Row, b: Row) =>
    Number(a.dueAt) - Number(b.dueAt) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
  return find(isDue, { order, limit }).map((row) => {
    row.fence += 1;
    row.leaseOwner = owner;
    row.leaseUntil = new Date(now.getTime() + leaseMs);
    table.replace(row, trx);
    return row;
  });
}

/** The claimed row; `undefined` when the claim was given back or somebody else has it. */
export function claimedRow<Row extends Claimable, Index extends string>(
  table: MemoryTable<Row, Index>,
  claim: ClaimRef,
): Row | undefined {
  const row = table.get(memoryKey(claim.tenantId, claim.id));
  return row?.fence === claim.fence && row.leaseUntil !== undefined ? row : undefined;
}

/** Prolongs a claim; false when it was lost. */
export function renewClaim<Row extends Claimable, Index extends string>(
  table: MemoryTable<Row, Index>,
  claim: ClaimRef,
  leaseUntil: Date,
  trx: MemoryTransaction,
): boolean {
  const row = claimedRow(table, claim);
  if (!row) return false;
  row.leaseUntil = leaseUntil;
  return table.replace(row, trx);
}

/** Ends a claim and changes the row as `change` says; false when it was lost. */
export function endClaim<Row extends Claimable, Index extends string>(
  table: MemoryTable<Row, Index>,
  claim: ClaimRef,
  change: (row: Row) => void,
  trx: MemoryTransaction,
): boolean {
  const row = claimedRow(table, claim);
  if (!row) return false;
  delete row.leaseOwner;
  delete row.leaseUntil;
  change(row);
  return table.replace(row, trx);
}
