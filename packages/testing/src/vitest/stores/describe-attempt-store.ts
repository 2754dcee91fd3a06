import { type Attempt, onTheLineStates, openAttemptStates } from "@faxbot/core";
import { describe, expect, it } from "vitest";
import { after, fullAttempt, leanAttempt, randomId, type Whose } from "./sample-records.ts";
import type { StoreSuite } from "./store-suite.ts";

const closedStates = ["delivered", "failed", "canceled"] as const;
const offTheLineStates = ["prepared", "unknown", ...closedStates] as const;

/** The rules of `AttemptStore` but for claims. */
export function describeAttemptStore<Trx>(suite: StoreSuite<Trx>): void {
  const insertAll = async (attempts: Attempt[]) => {
    for (const attempt of attempts) expect(await suite.stores.attempts.insert(attempt)).toBe(true);
  };

  describe("attempts", () => {
    it("gives back what was put in, with every optional field and with none", async () => {
      const whose = suite.newWhose();
      for (const attempt of [fullAttempt(whose), leanAttempt(whose)]) {
        await insertAll([attempt]);
        expect(await suite.stores.attempts.get(whose.tenantId, attempt.id)).toStrictEqual(attempt);
        expect(await suite.stores.attempts.find(attempt.id)).toStrictEqual(attempt);
      }
      expect(await suite.stores.attempts.get(suite.newWhose().tenantId, randomId())).toBeUndefined();
      expect(await suite.stores.attempts.find(randomId())).toBeUndefined();
    });

    it("refuses a second attempt with the id, in any tenant", async () => {
      const attempt = leanAttempt(suite.newWhose());
      await insertAll([attempt]);
      expect(await suite.stores.attempts.insert({ ...attempt, faxId: randomId() })).toBe(false);
      expect(await suite.stores.attempts.insert({ ...leanAttempt(suite.newWhose()), id: attempt.id })).toBe(
        false,
      );
    });

    it.each(openAttemptStates)("refuses a second open attempt of a fax while one is %s", async (state) => {
      const whose = suite.newWhose();
      const first: Attempt = { ...leanAttempt(whose), state };
      const next: Attempt = { ...leanAttempt(whose), faxId: first.faxId, number: 2 };
      await insertAll([first]);
      expect(await suite.stores.attempts.insert(next)).toBe(false);
      expect(await suite.stores.attempts.get(whose.tenantId, next.id)).toBeUndefined();
      // Other faxes, and the same id in another tenant, are others.
      await insertAll([leanAttempt(whose), { ...leanAttempt(suite.newWhose()), faxId: first.faxId }]);
      expect(await suite.stores.attempts.update({ ...first, state: "failed", version: 2 })).toBe(true);
      expect(await suite.stores.attempts.insert(next)).toBe(true);
      // Nor can a closed one be opened again beside it.
      expect(await suite.stores.attempts.update({ ...first, state: "unknown", version: 3 })).toBe(false);
    });

    it("lets one of many open attempts of a fax in", async () => {
      const whose = suite.newWhose();
      const { faxId } = leanAttempt(whose);
      const results = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          (index % 2 ? suite.stores : suite.replica).attempts.insert({ ...leanAttempt(whose), faxId }),
        ),
      );
      expect(results.filter(Boolean)).toHaveLength(1);
      expect(await suite.stores.attempts.listByFax(whose.tenantId, faxId)).toHaveLength(1);
    });

    it("updates the version before, and never the lease", async () => {
      const whose = suite.newWhose();
      const attempt = fullAttempt(whose);
      const bystander = leanAttempt(whose);
      await insertAll([attempt, bystander]);
      const lean: Attempt = {
        ...leanAttempt(whose),
        id: attempt.id,
        faxId: attempt.faxId,
        version: 2,
        fence: 99,
      };
      expect(await suite.stores.attempts.update(lean)).toBe(true);
      const { fence, leaseOwner, leaseUntil } = attempt;
      const kept = { ...lean, fence, leaseOwner, leaseUntil };
      expect(await suite.stores.attempts.get(whose.tenantId, attempt.id)).toStrictEqual(kept);
      for (const version of [1, 2, 4]) {
        expect(await suite.stores.attempts.update({ ...attempt, version })).toBe(false);
      }
      expect(await suite.stores.attempts.update({ ...attempt, tenantId: "nobody", version: 3 })).toBe(false);
      expect(await suite.stores.attempts.get(whose.tenantId, attempt.id)).toStrictEqual(kept);
      expect(await suite.stores.attempts.get(whose.tenantId, bystander.id)).toStrictEqual(bystander);
    });

    it("updates under a fence only while it is that fence", async () => {
      const whose = suite.newWhose();
      const attempt = { ...leanAttempt(whose), fence: 5 };
      await insertAll([attempt]);
      const next = { ...attempt, checks: 1, version: 2 };
      expect(await suite.stores.attempts.update(next, { fence: 4 })).toBe(false);
      expect(await suite.stores.attempts.update(next, { fence: 6 })).toBe(false);
      expect(await suite.stores.attempts.get(whose.tenantId, attempt.id)).toStrictEqual(attempt);
      expect(await suite.stores.attempts.update(next, { fence: 5 })).toBe(true);
      expect(await suite.stores.attempts.update({ ...next, version: 3 }, {})).toBe(true);
    });

    it.each(onTheLineStates)("lets one attempt on a line while one is %s", async (state) => {
      const whose = suite.newWhose();
      const lineKey = randomId();
      const holder: Attempt = { ...leanAttempt(whose), lineKey, state: "prepared" };
      const waiting: Attempt = { ...leanAttempt(whose), lineKey, state: "prepared" };
      const abroad: Attempt = { ...leanAttempt(suite.newWhose()), lineKey, state };
      await insertAll([holder, waiting, abroad]);
      expect(await suite.stores.attempts.update({ ...holder, state, version: 2 })).toBe(true);

      expect(await suite.stores.attempts.update({ ...waiting, state: "submitting", version: 2 })).toBe(false);
      expect(await suite.stores.attempts.get(whose.tenantId, waiting.id)).toStrictEqual(waiting);
      expect(await suite.stores.attempts.insert({ ...leanAttempt(whose), lineKey, state })).toBe(false);

      expect(await suite.stores.attempts.update({ ...holder, state: "delivered", version: 3 })).toBe(true);
      expect(await suite.stores.attempts.update({ ...waiting, state: "submitting", version: 2 })).toBe(true);
    });

    it.each(offTheLineStates)("leaves the line free while an attempt is %s", async (state) => {
      const whose = suite.newWhose();
      const lineKey = randomId();
      await insertAll([
        { ...leanAttempt(whose), lineKey, state },
        { ...leanAttempt(whose), lineKey, state },
        { ...leanAttempt(whose), lineKey, state: "submitting" },
      ]);
    });

    it("puts any number of attempts without a line on the wire", async () => {
      const whose = suite.newWhose();
      await insertAll([1, 2, 3].map(() => ({ ...leanAttempt(whose), state: "submitted" as const })));
    });

    it("lets one of many transactions take a line, and the others go on", async () => {
      const whose = suite.newWhose();
      const lineKey = randomId();
      const attempts = Array.from({ length: 8 }, () => ({ ...leanAttempt(whose), lineKey }));
      await insertAll(attempts);
      const results = await Promise.all(
        attempts.map((attempt, index) => {
          const stores = index % 2 ? suite.stores : suite.replica;
          return stores.transaction(async (trx) => {
            const onTheLine: Attempt = { ...attempt, state: "submitting", version: 2 };
            const took = await stores.attempts.update(onTheLine, { fence: 0 }, trx);
            // The refused ones write something else in the same transaction.
            if (!took) {
              const waiting = { ...attempt, checks: 1, version: 2 };
              expect(await stores.attempts.update(waiting, { fence: 0 }, trx)).toBe(true);
            }
            return took;
          });
        }),
      );
      expect(results.filter(Boolean)).toHaveLength(1);
      for (const [index, attempt] of attempts.entries()) {
        const kept = await suite.stores.attempts.get(whose.tenantId, attempt.id);
        expect(kept).toMatchObject(results[index] ? { state: "submitting", checks: 0 } : { checks: 1 });
      }
    });

    it("finds the newest attempt with a provider's id", async () => {
      const whose = suite.newWhose();
      const { tenantId, now } = whose;
      const providerId = `prov ${randomId()}`;
      const closed = (ms: number, number: number): Attempt => ({
        ...leanAttempt(whose),
        state: "failed",
        providerId,
        number,
        createdAt: after(now, ms),
      });
      const newest = closed(9, 3);
      await insertAll([closed(5, 1), newest, closed(9, 2)]);
      await insertAll([{ ...closed(50, 1), transportId: "other" }]);
      await insertAll([{ ...closed(60, 1), tenantId: suite.newWhose().tenantId }]);
      const { attempts } = suite.stores;
      expect(await attempts.findByProviderId(tenantId, "test", providerId)).toStrictEqual(newest);
      expect(await attempts.findByProviderId(tenantId, "test", randomId())).toBeUndefined();
      expect(await attempts.findByProviderId(tenantId, "third", providerId)).toBeUndefined();
      expect(await attempts.findByProviderId(tenantId, "test", "a\0b")).toBeUndefined();
    });

    it("lists the attempts of a fax by number", async () => {
      const whose: Whose = suite.newWhose();
      const faxId = randomId();
      const attempts = [10, 2, 1].map(
        (number): Attempt => ({ ...fullAttempt(whose), faxId, number, state: "failed" }),
      );
      await insertAll(attempts);
      await insertAll([leanAttempt(whose), { ...leanAttempt(suite.newWhose()), faxId }]);
      expect(await suite.stores.attempts.listByFax(whose.tenantId, faxId)).toStrictEqual(attempts.reverse());
      expect(await suite.stores.attempts.listByFax(whose.tenantId, randomId())).toStrictEqual([]);
    });
  });
}
