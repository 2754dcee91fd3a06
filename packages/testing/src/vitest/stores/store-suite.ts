import type { Stores } from "@faxbot/core";
import { randomId, type Whose } from "./sample-records.ts";

/** What {@link StoreSuite} gives the tests of one store. */
export class StoreSuite<Trx> {
  #stores: Stores<Trx> | undefined;
  #replica: Stores<Trx> | undefined;
  #eras = 0;

  /** Hands over the stores; called before the tests. */
  open(stores: Stores<Trx>, replica: Stores<Trx>): void {
    this.#stores = patient(stores);
    this.#replica = replica === stores ? this.#stores : patient(replica);
  }

  get stores(): Stores<Trx> {
    if (!this.#stores) throw new Error("The stores are opened before the tests run.");
    return this.#stores;
  }

  /** The same data, as another process sees it. */
  get replica(): Stores<Trx> {
    return this.#replica ?? this.stores;
  }

  /**
   * A new tenant, and a time that lies a year before that of every earlier test. Claims and purges go over all tenants:
   * what earlier tests left is not due yet.
   */
  newWhose(): Whose {
    this.#eras += 1;
    return {
      tenantId: `tenant ${randomId()}`,
      now: new Date(Date.UTC(2200 - this.#eras, 5, 15, 12, 30, 45, 678)),
    };
  }
}

/** Far longer than any transaction of this suite takes. */
const patienceMs = 5_000;

/**
 * The same stores, but a transaction that a call waits for, and that waits for the call, ends: otherwise one forgotten
 * `trx` would stop all tests after it.
 */
function patient<Trx>(stores: Stores<Trx>): Stores<Trx> {
  const { faxes, attempts, events, notices, inbound, idempotency } = stores;
  const { tokens, leases, state, mailboxes, apiKeys } = stores;
  return {
    transaction: (fn) => stores.transaction((trx) => patiently(fn(trx))),
    checkReady: () => stores.checkReady(),
    ...{ faxes, attempts, events, notices, inbound, idempotency },
    ...{ tokens, leases, state, mailboxes, apiKeys },
  };
}

async function patiently<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const impatience = new Promise<never>((_, reject) => {
    const message = "A call does not use the transaction that it is given: it waits for it.";
    timer = setTimeout(() => reject(new Error(message)), patienceMs);
  });
  try {
    return await Promise.race([work, impatience]);
  } finally {
    clearTimeout(timer);
  }
}

/** No list of this suite has more pages; one that never ends is one that does not heed its cursor. */
const mostPages = 20;

/** Reads a list to its end, page by page. */
export async function readPages<T>(
  readPage: (cursor: { cursor?: string }) => Promise<{ items: T[]; nextCursor?: string }>,
): Promise<T[][]> {
  const pages: T[][] = [];
  let cursor: { cursor?: string } = {};
  while (pages.length < mostPages) {
    const page = await readPage(cursor);
    pages.push(page.items);
    if (page.nextCursor === undefined) return pages;
    cursor = { cursor: page.nextCursor };
  }
  throw new Error(`The list did not end after ${mostPages} pages.`);
}
