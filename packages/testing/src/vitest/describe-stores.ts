import type { Stores } from "@faxbot/core";
import { afterAll, beforeAll, describe } from "vitest";
import { describeAttemptStore } from "./stores/describe-attempt-store.ts";
import { describeClaims } from "./stores/describe-claims.ts";
import { describeEventStore } from "./stores/describe-event-store.ts";
import { describeFaxStore } from "./stores/describe-fax-store.ts";
import { describeInboundStore } from "./stores/describe-inbound-store.ts";
import { describeSmallStores } from "./stores/describe-small-stores.ts";
import { describeTransactions } from "./stores/describe-transactions.ts";
import { StoreSuite } from "./stores/store-suite.ts";

/** What {@link describeStores} tests. */
export interface StoresUnderTest<Trx> {
  /** Empty stores. */
  stores: Stores<Trx>;
  /** The same data over a second connection, as another process has it. Without it races run on `stores` alone. */
  replica?: Stores<Trx>;
  /** Called when all tests have run. */
  close?(): Promise<void>;
}

/**
 * Proves that stores keep every rule of the `Stores` port: each method, each unique index, claims and fences under
 * contention, exact round trips, stable pages, tenants apart, and every method as a part of the caller's transaction.
 *
 * @example
 * describeStores("my stores", {
 *   create: async () => {
 *     const database = await openMyDatabase();
 *     return { stores: myStores(database), close: () => database.close() };
 *   },
 * });
 */
export function describeStores<Trx>(
  name: string,
  options: { create(): Promise<StoresUnderTest<Trx>> },
): void {
  describe(name, () => {
    const suite = new StoreSuite<Trx>();
    let created: StoresUnderTest<Trx> | undefined;
    beforeAll(async () => {
      created = await options.create();
      suite.open(created.stores, created.replica ?? created.stores);
    });
    afterAll(async () => {
      await created?.close?.();
    });

    describeFaxStore(suite);
    describeAttemptStore(suite);
    describeClaims(suite);
    describeEventStore(suite);
    describeInboundStore(suite);
    describeSmallStores(suite);
    describeTransactions(suite);
  });
}
