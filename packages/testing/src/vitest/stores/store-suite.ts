import type { Stores } from "@faxbot/core";
import { randomId, type Whose } from "./sample-records.ts";

/** What {@link StoreSuite} gives the tests of one store. */
export class StoreSuite<Trx> {
  #stores: Stores<Trx> | undefined;
  #replica: Stores<Trx> | undefined;
  #eras = 0;

  /** Hands over the stores; called before the tests. */
  open(stores: Stores<Trx>, replica: Stores<Trx>): void {
    this.#stores = stores;
    this.#replica = replica;
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

/** Reads a list to its end, page by page. */
export async function readPages<T>(
  readPage: (cursor: { cursor?: string }) => Promise<{ items: T[]; nextCursor?: string }>,
): Promise<T[][]> {
  const pages: T[][] = [];
  let cursor: { cursor?: string } = {};
  for (;;) {
    const page = await readPage(cursor);
    pages.push(page.items);
    if (page.nextCursor === undefined) return pages;
    cursor = { cursor: page.nextCursor };
  }
}
