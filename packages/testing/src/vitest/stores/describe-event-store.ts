import type { EventRecord } from "@faxbot/core";
import { describe, expect, it } from "vitest";
import {
  after,
  fullEvent,
  fullReceivedPayload,
  fullStatusPayload,
  leanEvent,
  leanNotice,
  randomId,
} from "./sample-records.ts";
import { readPages, type StoreSuite } from "./store-suite.ts";

const leaseMs = 60_000;

/** The rules of `EventStore` and `NoticeStore` but for claims. */
export function describeEventStore<Trx>(suite: StoreSuite<Trx>): void {
  describe("events", () => {
    const claimOne = async (now: Date): Promise<EventRecord> => {
      const [event] = await suite.stores.events.claimDue({ owner: "w", leaseMs, limit: 1, now });
      if (!event) throw new Error("nothing was claimed");
      return event;
    };

    it("gives back what was put in, with every optional field and with none", async () => {
      const whose = suite.newWhose();
      const received = { type: "received" as const, providerId: "p" };
      for (const event of [
        fullEvent(whose),
        leanEvent(whose),
        { ...leanEvent(whose), payload: fullStatusPayload(whose) },
        { ...leanEvent(whose), payload: fullReceivedPayload(whose) },
        { ...leanEvent(whose), payload: received },
      ]) {
        expect(await suite.stores.events.insert(event)).toBe(true);
        expect(await suite.stores.events.get(whose.tenantId, event.id)).toStrictEqual(event);
      }
      expect(await suite.stores.events.get(whose.tenantId, randomId())).toBeUndefined();
      expect(await suite.stores.events.get(suite.newWhose().tenantId, randomId())).toBeUndefined();
    });

    it("records the same event of a transport once", async () => {
      const whose = suite.newWhose();
      const event = leanEvent(whose);
      const again = () => ({ ...leanEvent(whose), key: event.key });
      expect(await suite.stores.events.insert(event)).toBe(true);
      expect(await suite.stores.events.insert(again())).toBe(false);
      expect(await suite.stores.events.insert({ ...leanEvent(whose), id: event.id })).toBe(false);
      expect(await suite.stores.events.insert({ ...again(), transportId: "other" })).toBe(true);
      expect(await suite.stores.events.insert({ ...again(), tenantId: suite.newWhose().tenantId })).toBe(
        true,
      );
    });

    it("records one of many copies that arrive at once", async () => {
      const whose = suite.newWhose();
      const { key } = leanEvent(whose);
      const results = await Promise.all(
        Array.from({ length: 30 }, (_, index) =>
          (index % 2 ? suite.stores : suite.replica).events.insert({ ...leanEvent(whose), key }),
        ),
      );
      expect(results.filter(Boolean)).toHaveLength(1);
      expect((await suite.stores.events.list({ tenantId: whose.tenantId, limit: 50 })).items).toHaveLength(1);
    });

    it("settles a claim with each verdict, and counts failed tries", async () => {
      const whose = suite.newWhose();
      const { now, tenantId } = whose;
      const event = leanEvent(whose);
      await suite.stores.events.insert(event);
      const read = () => suite.stores.events.get(tenantId, event.id);

      const failed = { state: "pending" as const, dueAt: after(now, 5_000), lastError: "store_unavailable" };
      expect(await suite.stores.events.settle(await claimOne(now), { ...failed, now: after(now, 1) })).toBe(
        true,
      );
      const pending = { ...event, ...failed, fence: 1, tries: 1, updatedAt: after(now, 1) };
      expect(await read()).toStrictEqual(pending);
      expect(
        await suite.stores.events.claimDue({ owner: "w", leaseMs, limit: 1, now: after(now, 4_999) }),
      ).toEqual([]);

      const waited = { state: "pending" as const, dueAt: after(now, 6_000) };
      const second = await claimOne(after(now, 5_000));
      expect(await suite.stores.events.settle(second, { ...waited, now: after(now, 2) })).toBe(true);
      expect(await read()).toStrictEqual({ ...pending, ...waited, fence: 2, updatedAt: after(now, 2) });

      const third = await claimOne(after(now, 6_000));
      expect(await suite.stores.events.settle(third, { state: "done", now: after(now, 3) })).toBe(true);
      expect(await read()).toMatchObject({ state: "done", tries: 1, lastError: "store_unavailable" });
      expect(
        await suite.stores.events.claimDue({ owner: "w", leaseMs, limit: 1, now: after(now, 900_000) }),
      ).toEqual([]);
    });

    it("replays a dead event with all its tries before it", async () => {
      const whose = suite.newWhose();
      const { now, tenantId } = whose;
      const event = leanEvent(whose);
      await suite.stores.events.insert(event);
      expect(await suite.stores.events.replay(tenantId, event.id, now)).toBe(false);
      await suite.stores.events.settle(await claimOne(now), { state: "dead", lastError: "not_found", now });

      const later = after(now, 10_000);
      expect(await suite.stores.events.replay(suite.newWhose().tenantId, event.id, later)).toBe(false);
      expect(await suite.stores.events.replay(tenantId, randomId(), later)).toBe(false);
      expect(await suite.stores.events.replay(tenantId, event.id, later)).toBe(true);
      expect(await suite.stores.events.replay(tenantId, event.id, later)).toBe(false);
      expect(await claimOne(later)).toMatchObject({
        id: event.id,
        state: "pending",
        tries: 0,
        lastError: "not_found",
        fence: 2,
        updatedAt: later,
      });
    });

    it("lists the newest first, by state, page by page", async () => {
      const whose = suite.newWhose();
      const { now, tenantId } = whose;
      const states = ["dead", "pending", "dead", "done", "dead"] as const;
      const events = states.map((state, index) => ({
        ...leanEvent(whose),
        state,
        createdAt: after(now, index),
      }));
      for (const event of events) await suite.stores.events.insert(event);
      await suite.stores.events.insert({ ...leanEvent(suite.newWhose()), state: "dead" });

      const all = await readPages((cursor) => suite.stores.events.list({ tenantId, limit: 2, ...cursor }));
      expect(all.flat()).toStrictEqual([...events].reverse());
      const dead = await readPages((cursor) =>
        suite.stores.events.list({ tenantId, state: "dead", limit: 2, ...cursor }),
      );
      expect(dead.map((page) => page.length)).toEqual([2, 1]);
      expect(dead.flat()).toStrictEqual([events[4], events[2], events[0]]);
      const pending = await suite.stores.events.list({ tenantId, state: "pending", limit: 2 });
      expect(pending).toStrictEqual({ items: [events[1]] });
    });

    it("purges done events that are old enough, a few at a time", async () => {
      const whose = suite.newWhose();
      const { now, tenantId } = whose;
      const make = (state: EventRecord["state"], ms: number) => ({
        ...leanEvent(whose),
        state,
        createdAt: after(now, ms),
      });
      const old = [1, 2, 3].map((ms) => make("done", -ms));
      const kept = [make("done", 0), make("dead", -9), make("pending", -9)];
      for (const event of [...old, ...kept]) await suite.stores.events.insert(event);
      expect(await suite.stores.events.purge(now, 2)).toBe(2);
      expect(await suite.stores.events.purge(now, 2)).toBe(1);
      expect(await suite.stores.events.purge(now, 2)).toBe(0);
      const { items } = await suite.stores.events.list({ tenantId, limit: 9 });
      expect(items.map((event) => event.id).sort()).toEqual(kept.map((event) => event.id).sort());
    });
  });

  describe("notices", () => {
    it("refuses a second notice with the id, in the same tenant only", async () => {
      const notice = leanNotice(suite.newWhose());
      expect(await suite.stores.notices.insert(notice)).toBe(true);
      expect(await suite.stores.notices.insert({ ...notice, type: "fax.failed" })).toBe(false);
      expect(await suite.stores.notices.insert({ ...notice, tenantId: suite.newWhose().tenantId })).toBe(
        true,
      );
    });

    it("goes when it was taken, once", async () => {
      const whose = suite.newWhose();
      const request = { owner: "w", leaseMs, limit: 1, now: whose.now };
      await suite.stores.notices.insert(leanNotice(whose));
      const [claim] = await suite.stores.notices.claimDue(request);
      if (!claim) throw new Error("nothing was claimed");
      expect(await suite.stores.notices.remove({ ...claim, fence: 7 })).toBe(false);
      expect(await suite.stores.notices.remove({ ...claim, tenantId: "nobody" })).toBe(false);
      expect(await suite.stores.notices.remove(claim)).toBe(true);
      expect(await suite.stores.notices.remove(claim)).toBe(false);
      expect(await suite.stores.notices.claimDue({ ...request, now: after(whose.now, leaseMs * 2) })).toEqual(
        [],
      );
    });

    it("stays when another worker has claimed it since", async () => {
      const whose = suite.newWhose();
      const request = { owner: "w", leaseMs, limit: 1, now: whose.now };
      await suite.stores.notices.insert(leanNotice(whose));
      const [paused] = await suite.stores.notices.claimDue(request);
      const [current] = await suite.stores.notices.claimDue({ ...request, now: after(whose.now, leaseMs) });
      if (!paused || !current) throw new Error("nothing was claimed");
      expect(await suite.stores.notices.remove(paused)).toBe(false);
      expect(await suite.stores.notices.remove(current)).toBe(true);
    });

    it("comes back later, with one more try", async () => {
      const whose = suite.newWhose();
      const request = { owner: "w", leaseMs, limit: 1, now: whose.now };
      const notice = leanNotice(whose);
      await suite.stores.notices.insert(notice);
      const [claim] = await suite.stores.notices.claimDue(request);
      if (!claim) throw new Error("nothing was claimed");
      const dueAt = after(whose.now, 5_000);
      expect(await suite.stores.notices.postpone(claim, dueAt)).toBe(true);
      expect(await suite.stores.notices.claimDue({ ...request, now: after(dueAt, -1) })).toEqual([]);
      const lease = { leaseOwner: "w", leaseUntil: after(dueAt, leaseMs) };
      const expected = { ...notice, dueAt, tries: 1, fence: 2, ...lease };
      expect(await suite.stores.notices.claimDue({ ...request, now: dueAt })).toStrictEqual([expected]);
    });
  });
}
