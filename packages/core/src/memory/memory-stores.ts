import type { Stores } from "../ports/stores.ts";
import { memoryApiKeyStore } from "./memory-api-key-store.ts";
import { memoryAttemptStore } from "./memory-attempt-store.ts";
import { memoryEventStore } from "./memory-event-store.ts";
import { memoryFaxStore } from "./memory-fax-store.ts";
import { memoryIdempotencyStore } from "./memory-idempotency-store.ts";
import { memoryInboundStore } from "./memory-inbound-store.ts";
import { memoryLeaseStore } from "./memory-lease-store.ts";
import { memoryMailboxStore } from "./memory-mailbox-store.ts";
import { memoryNoticeStore } from "./memory-notice-store.ts";
import { memoryStateStore } from "./memory-state-store.ts";
import { memoryTokenStore } from "./memory-token-store.ts";
import { type MemoryTransaction, MemoryTransactions } from "./memory-transaction.ts";

/**
 * Stores in this process's memory, for tests and for trying things out: nothing survives the process. They keep every
 * rule of {@link Stores} but durability.
 *
 * One transaction runs at a time, as on SQLite. A call without `trx` waits until the running transaction has ended,
 * so a call that forgets its `trx` inside a transaction waits for ever.
 *
 * @example
 * const faxbot = createFaxbot({ transports: [test()], stores: memoryStores(), blobs: memoryBlobs() });
 */
export function memoryStores(): Stores<MemoryTransaction> {
  const transactions = new MemoryTransactions();
  return {
    transaction: (fn) => transactions.transaction(fn),
    checkReady: async () => {},
    faxes: memoryFaxStore(transactions),
    attempts: memoryAttemptStore(transactions),
    events: memoryEventStore(transactions),
    notices: memoryNoticeStore(transactions),
    inbound: memoryInboundStore(transactions),
    idempotency: memoryIdempotencyStore(transactions),
    tokens: memoryTokenStore(transactions),
    leases: memoryLeaseStore(transactions),
    state: memoryStateStore(transactions),
    mailboxes: memoryMailboxStore(transactions),
    apiKeys: memoryApiKeyStore(transactions),
  };
}
