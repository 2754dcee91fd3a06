import type { ClaimRequest } from "@faxbot/core";
import { describe, expect, it } from "vitest";
import { after, leanAttempt, leanEvent, leanNotice, type Whose } from "./sample-records.ts";
import type { StoreSuite } from "./store-suite.ts";

/** What the three claimable stores have in common, for the tests. */
interface Claimable {
  tenantId: string;
  id: string;
  dueAt?: Date;
  fence: number;
  leaseOwner?: string;
  leaseUntil?: Date;
}

interface ClaimableStore {
  insert(record: Claimable): Promise<boolean>;
  claimDue(request: ClaimRequest): Promise<Claimable[]>;
  renew?(claim: Claimable, leaseUntil: Date): Promise<boolean>;
  /** Gives a claim back, due again at a time where the store can say so. */
  giveBack(claim: Claimable, dueAt: Date): Promise<boolean>;
}

interface Kind {
  readonly lean: (whose: Whose) => Claimable;
  readonly store: (replica?: boolean) => ClaimableStore;
}

const leaseMs = 60_000;

/** The rules of claims: attempts, events and notices. */
export function describeClaims<Trx>(suite: StoreSuite<Trx>): void {
  const kinds: Record<string, Kind> = {
    attempts: {
      lean: (whose) => ({ ...leanAttempt(whose), dueAt: whose.now }),
      store: (replica) => {
        const { attempts } = replica ? suite.replica : suite.stores;
        return {
          insert: (record) =>
            attempts.insert({ ...leanAttempt({ tenantId: "", now: new Date() }), ...record }),
          claimDue: (request) => attempts.claimDue(request),
          renew: (claim, leaseUntil) => attempts.renew(claim, leaseUntil),
          giveBack: (claim) => attempts.release(claim),
        };
      },
    },
    events: {
      lean: leanEvent,
      store: (replica) => {
        const { events } = replica ? suite.replica : suite.stores;
        return {
          insert: (record) =>
            events.insert({ ...leanEvent({ tenantId: "", now: new Date() }), dueAt: new Date(), ...record }),
          claimDue: (request) => events.claimDue(request),
          renew: (claim, leaseUntil) => events.renew(claim, leaseUntil),
          giveBack: (claim, dueAt) => events.settle(claim, { state: "pending", dueAt, now: dueAt }),
        };
      },
    },
    notices: {
      lean: leanNotice,
      store: (replica) => {
        const { notices } = replica ? suite.replica : suite.stores;
        return {
          insert: (record) =>
            notices.insert({
              ...leanNotice({ tenantId: "", now: new Date() }),
              dueAt: new Date(),
              ...record,
            }),
          claimDue: (request) => notices.claimDue(request),
          giveBack: (claim, dueAt) => notices.postpone(claim, dueAt),
        };
      },
    },
  };

  describe.each(Object.keys(kinds))("claims of %s", (kind) => {
    const { lean, store } = kinds[kind] as Kind;
    const insertAll = async (records: Claimable[]) => {
      for (const record of records) expect(await store().insert(record)).toBe(true);
    };
    const idsOf = (records: Claimable[]) => records.map((record) => record.id);

    it("claims what is due, the oldest first, over all tenants", async () => {
      const whose = suite.newWhose();
      const { now } = whose;
      const other = { ...whose, tenantId: suite.newWhose().tenantId };
      const records = [
        { ...lean(whose), dueAt: now },
        { ...lean(other), dueAt: after(now, -2_000) },
        { ...lean(whose), dueAt: after(now, -1_000) },
        { ...lean(whose), dueAt: after(now, 1) },
      ];
      await insertAll(records);
      const request = { owner: "worker-1", leaseMs, limit: 10, now };
      const claimed = await store().claimDue(request);
      expect(idsOf(claimed)).toEqual([records[1]?.id, records[2]?.id, records[0]?.id]);
      const lease = { leaseOwner: "worker-1", leaseUntil: after(now, leaseMs), fence: 1 };
      expect(claimed[0]).toStrictEqual({ ...records[1], ...lease });
      expect(await store().claimDue({ ...request, owner: "worker-2" })).toEqual([]);
    });

    it("claims no more than asked for", async () => {
      const whose = suite.newWhose();
      const records = [3, 2, 1].map((ms) => ({ ...lean(whose), dueAt: after(whose.now, -ms) }));
      await insertAll(records);
      const claim = (limit: number) => store().claimDue({ owner: "w", leaseMs, limit, now: whose.now });
      expect(await claim(0)).toEqual([]);
      expect(idsOf(await claim(2))).toEqual(idsOf(records.slice(0, 2)));
      expect(idsOf(await claim(2))).toEqual(idsOf(records.slice(2)));
    });

    it("claims again what was not given back in time, and raises the fence", async () => {
      const whose = suite.newWhose();
      const record = lean(whose);
      await insertAll([record]);
      const claim = (owner: string, now: Date) =>
        store(owner === "w2").claimDue({ owner, leaseMs, limit: 5, now });
      expect(idsOf(await claim("w1", whose.now))).toEqual([record.id]);
      expect(await claim("w2", after(whose.now, leaseMs - 1))).toEqual([]);
      const [second] = await claim("w2", after(whose.now, leaseMs));
      expect(second).toMatchObject({ id: record.id, leaseOwner: "w2", fence: 2 });
    });

    it("refuses the claimer who was paused for too long", async () => {
      const whose = suite.newWhose();
      await insertAll([lean(whose)]);
      const request = { owner: "w1", leaseMs, limit: 1, now: whose.now };
      const [paused] = await store().claimDue(request);
      const later = after(whose.now, leaseMs + 1);
      const [current] = await store(true).claimDue({ ...request, owner: "w2", now: later });
      if (!paused || !current) throw new Error("nothing was claimed");
      expect(await store().giveBack(paused, later)).toBe(false);
      if (store().renew) expect(await store().renew?.(paused, after(later, leaseMs))).toBe(false);
      expect(await store().claimDue({ ...request, now: later })).toEqual([]);
      expect(await store(true).giveBack(current, later)).toBe(true);
    });

    it("goes on accepting a late claimer while nobody else has claimed", async () => {
      const whose = suite.newWhose();
      await insertAll([lean(whose)]);
      const [claim] = await store().claimDue({ owner: "w1", leaseMs, limit: 1, now: whose.now });
      if (!claim) throw new Error("nothing was claimed");
      expect(await store().giveBack(claim, after(whose.now, leaseMs * 2))).toBe(true);
    });

    it("prolongs a claim", async () => {
      const whose = suite.newWhose();
      await insertAll([lean(whose)]);
      const request = { owner: "w1", leaseMs, limit: 1, now: whose.now };
      const [claim] = await store().claimDue(request);
      if (!claim) throw new Error("nothing was claimed");
      if (!store().renew) return expect(kind).toBe("notices");
      const until = after(whose.now, leaseMs * 3);
      expect(await store().renew?.(claim, until)).toBe(true);
      expect(await store().claimDue({ ...request, now: after(until, -1) })).toEqual([]);
      expect(await store().claimDue({ ...request, now: until })).toMatchObject([{ id: claim.id, fence: 2 }]);
    });

    it("gives a claim back once, and the next one has another fence", async () => {
      const whose = suite.newWhose();
      const record = lean(whose);
      await insertAll([record]);
      const request = { owner: "w1", leaseMs, limit: 1, now: whose.now };
      const [claim] = await store().claimDue(request);
      if (!claim) throw new Error("nothing was claimed");
      expect(await store().giveBack({ ...claim, tenantId: suite.newWhose().tenantId }, whose.now)).toBe(
        false,
      );
      expect(await store().giveBack({ ...claim, fence: claim.fence + 1 }, whose.now)).toBe(false);
      expect(await store().giveBack(claim, whose.now)).toBe(true);
      expect(await store().giveBack(claim, whose.now)).toBe(false);
      if (store().renew) expect(await store().renew?.(claim, after(whose.now, leaseMs))).toBe(false);
      expect(await store().claimDue(request)).toMatchObject([{ id: record.id, fence: 2 }]);
    });

    it("gives no record to two of many claimers", async () => {
      const whose = suite.newWhose();
      const records = Array.from({ length: 200 }, (_, index) => ({
        ...lean(whose),
        dueAt: after(whose.now, -index),
      }));
      await Promise.all(records.map((record) => store().insert(record)));
      const taken: Claimable[] = [];
      const work = async (worker: number) => {
        for (;;) {
          const request = { owner: `w${worker}`, leaseMs, limit: 7, now: whose.now };
          const claimed = await store(worker % 2 === 1).claimDue(request);
          if (claimed.length === 0) return;
          taken.push(...claimed);
        }
      };
      await Promise.all([0, 1, 2, 3, 4, 5].map(work));
      // A claimer that passes over what others are just claiming may stop early; nothing may stay behind at the end.
      await work(6);
      expect(idsOf(taken).sort()).toEqual(idsOf(records).sort());
      expect(taken.every((record) => record.fence === 1)).toBe(true);
    });
  });

  describe("claims of attempts in every state", () => {
    it("claims open attempts that have a time only", async () => {
      const whose = suite.newWhose();
      const dueAt = whose.now;
      const states = ["prepared", "submitting", "submitted", "in_progress", "unknown"] as const;
      const open = states.map((state) => ({ ...leanAttempt(whose), state, dueAt }));
      for (const attempt of open) await suite.stores.attempts.insert(attempt);
      for (const state of ["delivered", "failed", "canceled"] as const) {
        await suite.stores.attempts.insert({ ...leanAttempt(whose), state, dueAt });
      }
      await suite.stores.attempts.insert(leanAttempt(whose));
      const claimed = await suite.stores.attempts.claimDue({
        owner: "w",
        leaseMs,
        limit: 20,
        now: whose.now,
      });
      expect(claimed.map((attempt) => attempt.state).sort()).toEqual([...states].sort());
    });

    it("leaves the version alone, and refuses a write under the fence of a lost claim", async () => {
      const whose = suite.newWhose();
      const attempt = { ...leanAttempt(whose), dueAt: whose.now };
      await suite.stores.attempts.insert(attempt);
      const request = { owner: "w1", leaseMs, limit: 1, now: whose.now };
      const [paused] = await suite.stores.attempts.claimDue(request);
      const later = after(whose.now, leaseMs);
      const [current] = await suite.replica.attempts.claimDue({ ...request, owner: "w2", now: later });
      if (!paused || !current) throw new Error("nothing was claimed");
      expect([paused.version, current.version]).toEqual([1, 1]);

      const write = { ...paused, checks: 1, version: 2 };
      expect(await suite.stores.attempts.update(write, { fence: paused.fence })).toBe(false);
      expect(
        await suite.replica.attempts.update({ ...current, checks: 2, version: 2 }, { fence: current.fence }),
      ).toBe(true);
      expect(await suite.stores.attempts.get(whose.tenantId, attempt.id)).toMatchObject({
        checks: 2,
        fence: current.fence,
        leaseOwner: "w2",
        leaseUntil: after(later, leaseMs),
      });
      expect(await suite.replica.attempts.release(current)).toBe(true);
      const released = await suite.stores.attempts.get(whose.tenantId, attempt.id);
      expect(released?.fence).toBe(current.fence);
      expect(released).not.toHaveProperty("leaseOwner");
      expect(released).not.toHaveProperty("leaseUntil");
    });
  });
}
