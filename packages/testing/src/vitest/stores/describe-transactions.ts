import { FaxError, type Stores } from "@faxbot/core";
import { describe, expect, it } from "vitest";
import {
  after,
  fullInbound,
  fullMailbox,
  leanApiKey,
  leanAttempt,
  leanEvent,
  leanFax,
  leanInbound,
  leanNotice,
  randomId,
  sampleRule,
  sampleToken,
  type Whose,
} from "./sample-records.ts";
import type { StoreSuite } from "./store-suite.ts";

type Groups<Trx> = Omit<Stores<Trx>, "transaction" | "checkReady">;

interface ProbeCall<Trx> {
  stores: Stores<Trx>;
  trx: Trx;
  whose: Whose;
}

/**
 * Calls one method inside the transaction, on rows that only this transaction has, so that a method that does not use
 * it either waits for ever (SQLite has one connection) or does not see them (PostgreSQL). May return a check to run
 * after the transaction was rolled back.
 */
type Probe<Trx> = (call: ProbeCall<Trx>) => Promise<(() => Promise<void>) | undefined>;

/** One probe for each method: the compiler asks for the one of a new method. */
type Probes<Trx> = { [Group in keyof Groups<Trx>]: { [Method in keyof Groups<Trx>[Group]]: Probe<Trx> } };

/** The rules of `transaction`, and that every method can be part of one. */
export function describeTransactions<Trx>(suite: StoreSuite<Trx>): void {
  describe("transactions", () => {
    it("give back what their function returns, and keep all of it", async () => {
      const whose = suite.newWhose();
      const fax = leanFax(whose);
      const attempt = { ...leanAttempt(whose), faxId: fax.id };
      const result = await suite.stores.transaction(async (trx) => {
        await suite.stores.faxes.insert(fax, trx);
        await suite.stores.attempts.insert(attempt, trx);
        return "done";
      });
      expect(result).toBe("done");
      expect(await suite.replica.faxes.get(whose.tenantId, fax.id)).toStrictEqual(fax);
      expect(await suite.replica.attempts.get(whose.tenantId, attempt.id)).toStrictEqual(attempt);
    });

    it("take everything back when their function throws, and throw the same", async () => {
      const whose = suite.newWhose();
      const kept = leanFax(whose);
      const added = leanFax(whose);
      const attempt = { ...leanAttempt(whose), dueAt: whose.now };
      await suite.stores.faxes.insert(kept);
      await suite.stores.attempts.insert(attempt);
      await suite.stores.state.set(whose.tenantId, "t", "k", "before");
      const error = new FaxError("state_conflict", "no");
      const failing = suite.stores.transaction(async (trx) => {
        const { faxes, attempts, state } = suite.stores;
        expect(await faxes.insert(added, trx)).toBe(true);
        expect(await faxes.update({ ...kept, attempts: 7, version: 2 }, trx)).toBe(true);
        expect(
          await attempts.claimDue({ owner: "w", leaseMs: 1, limit: 1, now: whose.now }, trx),
        ).toHaveLength(1);
        await state.set(whose.tenantId, "t", "k", "after", trx);
        expect(await faxes.get(whose.tenantId, kept.id, trx)).toMatchObject({ attempts: 7 });
        throw error;
      });
      await expect(failing).rejects.toBe(error);
      expect(await suite.stores.faxes.get(whose.tenantId, added.id)).toBeUndefined();
      expect(await suite.stores.faxes.get(whose.tenantId, kept.id)).toStrictEqual(kept);
      expect(await suite.stores.attempts.get(whose.tenantId, attempt.id)).toStrictEqual(attempt);
      expect(await suite.stores.state.get(whose.tenantId, "t", "k")).toBe("before");
    });

    it("go on after every kind of refused insert and update", async () => {
      const whose = suite.newWhose();
      const { stores } = suite;
      const fax = leanFax(whose);
      const attempt = { ...leanAttempt(whose), state: "submitting" as const, lineKey: "l" };
      const waiting = { ...leanAttempt(whose), lineKey: "l" };
      const event = leanEvent(whose);
      const notice = leanNotice(whose);
      const inbound = leanInbound(whose);
      const otherInbound = leanInbound(whose);
      const token = sampleToken(whose);
      const mailbox = fullMailbox(whose);
      const otherMailbox = fullMailbox(whose);
      const rule = sampleRule(whose);
      const key = leanApiKey(whose);
      const entry = {
        tenantId: whose.tenantId,
        key: "k",
        fingerprint: "f",
        faxId: fax.id,
        createdAt: whose.now,
      };
      await stores.transaction(async (trx) => {
        for (const expected of [true, false]) {
          expect(await stores.faxes.insert(fax, trx)).toBe(expected);
          expect(await stores.attempts.insert(attempt, trx)).toBe(expected);
          expect(await stores.events.insert(event, trx)).toBe(expected);
          expect(await stores.notices.insert(notice, trx)).toBe(expected);
          expect(await stores.inbound.insert(inbound, trx)).toBe(expected);
          expect(await stores.tokens.insert(token, trx)).toBe(expected);
          expect(await stores.mailboxes.insert(mailbox, trx)).toBe(expected);
          expect(await stores.mailboxes.insertRule(rule, trx)).toBe(expected);
          expect(await stores.apiKeys.insert(key, trx)).toBe(expected);
          expect(await stores.idempotency.claim(entry, trx)).toMatchObject({ claimed: expected });
        }
        expect(await stores.attempts.insert(waiting, trx)).toBe(true);
        expect(await stores.attempts.update({ ...waiting, state: "submitting", version: 2 }, {}, trx)).toBe(
          false,
        );
        expect(await stores.mailboxes.insert(otherMailbox, trx)).toBe(true);
        expect(await stores.mailboxes.update({ ...otherMailbox, label: mailbox.label }, trx)).toBe(false);
        expect(await stores.inbound.insert(otherInbound, trx)).toBe(true);
        const sameFax = { ...otherInbound, providerId: inbound.providerId, version: 2 };
        expect(await stores.inbound.update(sameFax, trx)).toBe(false);
      });
      expect(await stores.faxes.get(whose.tenantId, fax.id)).toStrictEqual(fax);
      expect(await stores.attempts.get(whose.tenantId, waiting.id)).toStrictEqual(waiting);
    });

    it("do not lose a change that another one makes in between", async () => {
      const { tenantId, now } = suite.newWhose();
      const fax = leanFax({ tenantId, now });
      await suite.stores.faxes.insert(fax);
      // Each one reads, then writes: without a lock or a version some additions would be lost.
      const add = (stores: Stores<Trx>) =>
        stores.transaction(async (trx) => {
          const current = await stores.faxes.get(tenantId, fax.id, trx);
          if (!current) throw new Error("the fax is gone");
          const next = { ...current, attempts: current.attempts + 1, version: current.version + 1 };
          expect(await stores.faxes.update(next, trx)).toBe(true);
        });
      await Promise.all(
        Array.from({ length: 12 }, (_, index) => add(index % 2 ? suite.stores : suite.replica)),
      );
      expect((await suite.stores.faxes.get(tenantId, fax.id))?.attempts).toBe(12);
    });

    it("are ready", async () => {
      expect(await suite.stores.checkReady()).toBeUndefined();
    });
  });

  const probes = allProbes<Trx>();
  const methods = Object.entries(probes).flatMap(([group, members]) =>
    Object.keys(members).map((method) => [group, method] as const),
  );

  describe("every method inside a transaction", () => {
    it.each(methods)("%s.%s uses the transaction it is given", async (group, method) => {
      const probe = (probes as Record<string, Record<string, Probe<Trx>>>)[group]?.[method];
      if (!probe) throw new Error("there is no such probe");
      const whose = suite.newWhose();
      const { stores } = suite;
      const rollBack = new Error("roll back");
      let afterwards: (() => Promise<void>) | undefined;
      const running = stores.transaction(async (trx) => {
        afterwards = await probe({ stores, trx, whose });
        throw rollBack;
      });
      await expect(running).rejects.toBe(rollBack);
      await afterwards?.();
    });
  });
}

function allProbes<Trx>(): Probes<Trx> {
  type Call = ProbeCall<Trx>;
  const leaseMs = 60_000;
  const insertFax = async ({ stores, trx, whose }: Call) => {
    const fax = leanFax(whose);
    expect(await stores.faxes.insert(fax, trx)).toBe(true);
    return fax;
  };
  const insertAttempt = async ({ stores, trx, whose }: Call) => {
    const attempt = { ...leanAttempt(whose), dueAt: whose.now, providerId: randomId() };
    expect(await stores.attempts.insert(attempt, trx)).toBe(true);
    return attempt;
  };
  const claimAttempt = async (call: Call) => {
    const { stores, trx, whose } = call;
    const { id } = await insertAttempt(call);
    const claims = await stores.attempts.claimDue({ owner: "w", leaseMs, limit: 5, now: whose.now }, trx);
    expect(claims).toMatchObject([{ id, fence: 1 }]);
    return { tenantId: whose.tenantId, id, fence: 1 };
  };
  const insertEvent = async ({ stores, trx, whose }: Call, fields: object = {}) => {
    const event = { ...leanEvent(whose), ...fields };
    expect(await stores.events.insert(event, trx)).toBe(true);
    return event;
  };
  const claimEvent = async (call: Call) => {
    const { stores, trx, whose } = call;
    const { id } = await insertEvent(call);
    const claims = await stores.events.claimDue({ owner: "w", leaseMs, limit: 5, now: whose.now }, trx);
    expect(claims).toMatchObject([{ id, fence: 1 }]);
    return { tenantId: whose.tenantId, id, fence: 1 };
  };
  const claimNotice = async ({ stores, trx, whose }: Call) => {
    const notice = leanNotice(whose);
    expect(await stores.notices.insert(notice, trx)).toBe(true);
    const claims = await stores.notices.claimDue({ owner: "w", leaseMs, limit: 5, now: whose.now }, trx);
    expect(claims).toMatchObject([{ id: notice.id, fence: 1 }]);
    return { tenantId: whose.tenantId, id: notice.id, fence: 1 };
  };
  const insertInbound = async ({ stores, trx, whose }: Call) => {
    const fax = { ...fullInbound(whose), retentionUntil: whose.now };
    expect(await stores.inbound.insert(fax, trx)).toBe(true);
    return fax;
  };
  const insertToken = async ({ stores, trx, whose }: Call) => {
    const token = sampleToken(whose);
    expect(await stores.tokens.insert(token, trx)).toBe(true);
    return token;
  };
  const acquireLease = async ({ stores, trx, whose }: Call) => {
    const request = { name: `task ${randomId()}`, owner: "w", leaseMs, now: whose.now };
    const lease = await stores.leases.acquire(request, trx);
    if (!lease) throw new Error("not acquired");
    return { request, lease };
  };
  const insertMailbox = async ({ stores, trx, whose }: Call) => {
    const mailbox = fullMailbox(whose);
    expect(await stores.mailboxes.insert(mailbox, trx)).toBe(true);
    return mailbox;
  };
  const insertRule = async ({ stores, trx, whose }: Call) => {
    const rule = sampleRule(whose);
    expect(await stores.mailboxes.insertRule(rule, trx)).toBe(true);
    return rule;
  };
  const insertKey = async ({ stores, trx, whose }: Call) => {
    const key = leanApiKey(whose);
    expect(await stores.apiKeys.insert(key, trx)).toBe(true);
    return key;
  };
  const claimKey = async ({ stores, trx, whose }: Call) => {
    const { tenantId, now } = whose;
    const entry = {
      tenantId,
      key: randomId(),
      fingerprint: "f",
      faxId: randomId(),
      createdAt: after(now, -1),
    };
    expect(await stores.idempotency.claim(entry, trx)).toStrictEqual({ claimed: true });
    return entry;
  };
  /** A check without anything to look at after the rollback. */
  const within = (check: (call: Call) => Promise<void>): Probe<Trx> => {
    return async (call) => {
      await check(call);
      return undefined;
    };
  };

  return {
    faxes: {
      insert: async (call) => {
        const { stores, whose } = call;
        const { id } = await insertFax(call);
        return async () => expect(await stores.faxes.get(whose.tenantId, id)).toBeUndefined();
      },
      update: within(async (call) => {
        const fax = await insertFax(call);
        expect(await call.stores.faxes.update({ ...fax, version: 2 }, call.trx)).toBe(true);
      }),
      get: within(async (call) => {
        const fax = await insertFax(call);
        expect(await call.stores.faxes.get(fax.tenantId, fax.id, call.trx)).toStrictEqual(fax);
      }),
      list: within(async (call) => {
        const fax = await insertFax(call);
        const query = { tenantId: fax.tenantId, limit: 5 };
        expect(await call.stores.faxes.list(query, call.trx)).toStrictEqual({ items: [fax] });
      }),
      knownBlobs: within(async (call) => {
        const { blobKey } = (await insertFax(call)).document;
        expect(await call.stores.faxes.knownBlobs([blobKey], call.trx)).toStrictEqual(new Set([blobKey]));
      }),
    },
    attempts: {
      insert: async (call) => {
        const { stores, whose } = call;
        const { id } = await insertAttempt(call);
        return async () => expect(await stores.attempts.get(whose.tenantId, id)).toBeUndefined();
      },
      update: within(async (call) => {
        const attempt = { ...(await insertAttempt(call)), version: 2 };
        expect(await call.stores.attempts.update(attempt, { fence: 0 }, call.trx)).toBe(true);
        const closed = { ...attempt, state: "failed" as const, version: 3 };
        expect(await call.stores.attempts.update(closed, {}, call.trx)).toBe(true);
      }),
      get: within(async (call) => {
        const attempt = await insertAttempt(call);
        expect(await call.stores.attempts.get(attempt.tenantId, attempt.id, call.trx)).toStrictEqual(attempt);
      }),
      find: within(async (call) => {
        const attempt = await insertAttempt(call);
        expect(await call.stores.attempts.find(attempt.id, call.trx)).toStrictEqual(attempt);
      }),
      findByProviderId: within(async (call) => {
        const attempt = await insertAttempt(call);
        const { tenantId, transportId, providerId } = attempt;
        const found = await call.stores.attempts.findByProviderId(
          tenantId,
          transportId,
          providerId,
          call.trx,
        );
        expect(found).toStrictEqual(attempt);
      }),
      listByFax: within(async (call) => {
        const attempt = await insertAttempt(call);
        const found = await call.stores.attempts.listByFax(attempt.tenantId, attempt.faxId, call.trx);
        expect(found).toStrictEqual([attempt]);
      }),
      claimDue: within(async (call) => {
        await claimAttempt(call);
      }),
      renew: within(async (call) => {
        const claim = await claimAttempt(call);
        expect(await call.stores.attempts.renew(claim, after(call.whose.now, leaseMs), call.trx)).toBe(true);
      }),
      release: within(async (call) => {
        expect(await call.stores.attempts.release(await claimAttempt(call), call.trx)).toBe(true);
      }),
    },
    events: {
      insert: async (call) => {
        const { stores, whose } = call;
        const { id } = await insertEvent(call);
        return async () => expect(await stores.events.get(whose.tenantId, id)).toBeUndefined();
      },
      get: within(async (call) => {
        const event = await insertEvent(call);
        expect(await call.stores.events.get(event.tenantId, event.id, call.trx)).toStrictEqual(event);
      }),
      claimDue: within(async (call) => {
        await claimEvent(call);
      }),
      renew: within(async (call) => {
        const claim = await claimEvent(call);
        expect(await call.stores.events.renew(claim, after(call.whose.now, leaseMs), call.trx)).toBe(true);
      }),
      settle: within(async (call) => {
        const verdict = { state: "done" as const, now: call.whose.now };
        expect(await call.stores.events.settle(await claimEvent(call), verdict, call.trx)).toBe(true);
      }),
      list: within(async (call) => {
        const event = await insertEvent(call);
        const query = { tenantId: event.tenantId, limit: 5 };
        expect(await call.stores.events.list(query, call.trx)).toStrictEqual({ items: [event] });
      }),
      replay: within(async (call) => {
        const { tenantId, id } = await insertEvent(call, { state: "dead" });
        expect(await call.stores.events.replay(tenantId, id, call.whose.now, call.trx)).toBe(true);
      }),
      purge: within(async (call) => {
        await insertEvent(call, { state: "done", createdAt: after(call.whose.now, -1) });
        expect(await call.stores.events.purge(call.whose.now, 5, call.trx)).toBe(1);
      }),
    },
    notices: {
      insert: async (call) => {
        const { stores, whose } = call;
        await claimNotice(call);
        const request = { owner: "w", leaseMs, limit: 5, now: whose.now };
        return async () => expect(await stores.notices.claimDue(request)).toEqual([]);
      },
      claimDue: within(async (call) => {
        await claimNotice(call);
      }),
      remove: within(async (call) => {
        expect(await call.stores.notices.remove(await claimNotice(call), call.trx)).toBe(true);
      }),
      postpone: within(async (call) => {
        const claim = await claimNotice(call);
        expect(await call.stores.notices.postpone(claim, call.whose.now, call.trx)).toBe(true);
      }),
    },
    inbound: {
      insert: async (call) => {
        const { stores, whose } = call;
        const { id } = await insertInbound(call);
        return async () => expect(await stores.inbound.get(whose.tenantId, id)).toBeUndefined();
      },
      update: within(async (call) => {
        const fax = await insertInbound(call);
        expect(await call.stores.inbound.update({ ...fax, version: 2 }, call.trx)).toBe(true);
      }),
      get: within(async (call) => {
        const fax = await insertInbound(call);
        expect(await call.stores.inbound.get(fax.tenantId, fax.id, call.trx)).toStrictEqual(fax);
      }),
      findByProviderId: within(async (call) => {
        const fax = await insertInbound(call);
        const { tenantId, transportId, providerId } = fax;
        const found = await call.stores.inbound.findByProviderId(tenantId, transportId, providerId, call.trx);
        expect(found).toStrictEqual(fax);
      }),
      list: within(async (call) => {
        const fax = await insertInbound(call);
        for (const filter of [{}, { mailboxes: [fax.mailbox, "other"] }]) {
          const query = { tenantId: fax.tenantId, limit: 5, ...filter };
          expect(await call.stores.inbound.list(query, call.trx)).toStrictEqual({ items: [fax] });
        }
      }),
      listExpired: within(async (call) => {
        const fax = await insertInbound(call);
        expect(await call.stores.inbound.listExpired(call.whose.now, 5, call.trx)).toStrictEqual([fax]);
      }),
      knownBlobs: within(async (call) => {
        const { blobKey } = (await insertInbound(call)).document;
        expect(await call.stores.inbound.knownBlobs([blobKey], call.trx)).toStrictEqual(new Set([blobKey]));
      }),
    },
    idempotency: {
      claim: async (call) => {
        const { stores, trx } = call;
        const entry = await claimKey(call);
        expect(await stores.idempotency.claim(entry, trx)).toMatchObject({ claimed: false });
        return async () => expect(await stores.idempotency.claim(entry)).toStrictEqual({ claimed: true });
      },
      purge: within(async (call) => {
        await claimKey(call);
        expect(await call.stores.idempotency.purge(call.whose.now, 5, call.trx)).toBe(1);
      }),
    },
    tokens: {
      insert: async (call) => {
        const { tenantId, hash, purpose } = await insertToken(call);
        return async () => expect(await call.stores.tokens.find(tenantId, hash, purpose)).toBeUndefined();
      },
      find: within(async (call) => {
        const token = await insertToken(call);
        const found = await call.stores.tokens.find(token.tenantId, token.hash, token.purpose, call.trx);
        expect(found).toStrictEqual(token);
      }),
      purge: within(async (call) => {
        const token = await insertToken(call);
        expect(await call.stores.tokens.purge(after(token.expiresAt, 1), 5, call.trx)).toBe(1);
      }),
    },
    leases: {
      acquire: async (call) => {
        const { stores, trx } = call;
        const { request } = await acquireLease(call);
        expect(await stores.leases.acquire(request, trx)).toBeUndefined();
        return async () => expect(await stores.leases.acquire(request)).toMatchObject({ fence: 1 });
      },
      renew: within(async (call) => {
        const { lease } = await acquireLease(call);
        expect(await call.stores.leases.renew(lease, after(call.whose.now, leaseMs), call.trx)).toBe(true);
      }),
      release: within(async (call) => {
        const { lease } = await acquireLease(call);
        expect(await call.stores.leases.release(lease, {}, call.trx)).toBe(true);
      }),
    },
    state: {
      get: within(async ({ stores, trx, whose }) => {
        await stores.state.set(whose.tenantId, "t", "k", "v", trx);
        expect(await stores.state.get(whose.tenantId, "t", "k", trx)).toBe("v");
      }),
      set: async ({ stores, trx, whose }) => {
        await stores.state.set(whose.tenantId, "t", "k", "v", trx);
        await stores.state.set(whose.tenantId, "t", "k", "w", trx);
        return async () => expect(await stores.state.get(whose.tenantId, "t", "k")).toBeUndefined();
      },
    },
    mailboxes: {
      insert: async (call) => {
        const { tenantId, id } = await insertMailbox(call);
        return async () => expect(await call.stores.mailboxes.get(tenantId, id)).toBeUndefined();
      },
      update: within(async (call) => {
        const mailbox = { ...(await insertMailbox(call)), label: "renamed" };
        expect(await call.stores.mailboxes.update(mailbox, call.trx)).toBe(true);
      }),
      get: within(async (call) => {
        const mailbox = await insertMailbox(call);
        expect(await call.stores.mailboxes.get(mailbox.tenantId, mailbox.id, call.trx)).toStrictEqual(
          mailbox,
        );
      }),
      list: within(async (call) => {
        const mailbox = await insertMailbox(call);
        expect(await call.stores.mailboxes.list(mailbox.tenantId, call.trx)).toStrictEqual([mailbox]);
      }),
      insertRule: async (call) => {
        const { tenantId, toNumber } = await insertRule(call);
        return async () => expect(await call.stores.mailboxes.findRule(tenantId, toNumber)).toBeUndefined();
      },
      deleteRule: within(async (call) => {
        const { tenantId, id } = await insertRule(call);
        expect(await call.stores.mailboxes.deleteRule(tenantId, id, call.trx)).toBe(true);
      }),
      listRules: within(async (call) => {
        const rule = await insertRule(call);
        expect(await call.stores.mailboxes.listRules(rule.tenantId, call.trx)).toStrictEqual([rule]);
      }),
      findRule: within(async (call) => {
        const rule = await insertRule(call);
        const found = await call.stores.mailboxes.findRule(rule.tenantId, rule.toNumber, call.trx);
        expect(found).toStrictEqual(rule);
      }),
    },
    apiKeys: {
      insert: async (call) => {
        const { id } = await insertKey(call);
        return async () => expect(await call.stores.apiKeys.find(id)).toBeUndefined();
      },
      find: within(async (call) => {
        const key = await insertKey(call);
        expect(await call.stores.apiKeys.find(key.id, call.trx)).toStrictEqual(key);
      }),
      list: within(async (call) => {
        const key = await insertKey(call);
        expect(await call.stores.apiKeys.list(key.tenantId, call.trx)).toStrictEqual([key]);
      }),
      revoke: within(async (call) => {
        const { tenantId, id } = await insertKey(call);
        expect(await call.stores.apiKeys.revoke(tenantId, id, call.whose.now, call.trx)).toBe(true);
      }),
      touch: within(async (call) => {
        const { id } = await insertKey(call);
        await call.stores.apiKeys.touch([{ id, at: call.whose.now }], call.trx);
        expect(await call.stores.apiKeys.find(id, call.trx)).toMatchObject({ lastUsedAt: call.whose.now });
      }),
    },
  };
}
