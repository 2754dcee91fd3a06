import { describe, expect, it } from "vitest";
import {
  after,
  fullApiKey,
  fullMailbox,
  hardText,
  leanApiKey,
  randomId,
  sampleRule,
  sampleToken,
} from "./sample-records.ts";
import type { StoreSuite } from "./store-suite.ts";

/** The rules of idempotency keys, tokens, leases, state, mailboxes and API keys. */
export function describeSmallStores<Trx>(suite: StoreSuite<Trx>): void {
  describe("idempotency keys", () => {
    const entryOf = (fields: object = {}) => {
      const { tenantId, now } = suite.newWhose();
      return {
        tenantId,
        key: `${hardText}${randomId()}`,
        fingerprint: "f1",
        faxId: randomId(),
        createdAt: now,
        ...fields,
      };
    };

    it("belong to the first fax, in each tenant", async () => {
      const first = entryOf();
      const second = { ...first, faxId: randomId(), fingerprint: "f2" };
      expect(await suite.stores.idempotency.claim(first)).toStrictEqual({ claimed: true });
      const held = { claimed: false, faxId: first.faxId, fingerprint: "f1" };
      expect(await suite.stores.idempotency.claim(second)).toStrictEqual(held);
      expect(await suite.stores.idempotency.claim(first)).toStrictEqual(held);
      expect(await suite.stores.idempotency.claim(entryOf({ key: first.key }))).toStrictEqual({
        claimed: true,
      });
    });

    it("go to one of many that claim at once, and the others learn its fax", async () => {
      const entry = entryOf();
      const results = await Promise.all(
        Array.from({ length: 30 }, async (_, index) => {
          const stores = index % 2 ? suite.stores : suite.replica;
          const faxId = randomId();
          const result = await stores.transaction((trx) =>
            stores.idempotency.claim({ ...entry, faxId }, trx),
          );
          return result.claimed ? { winner: faxId } : { holder: result.faxId };
        }),
      );
      const winners = results.flatMap((result) => result.winner ?? []);
      expect(winners).toHaveLength(1);
      expect(results.every((result) => (result.winner ?? result.holder) === winners[0])).toBe(true);
    });

    it("are free again when the claim is rolled back", async () => {
      const entry = entryOf();
      const rolledBack = suite.stores.transaction(async (trx) => {
        expect(await suite.stores.idempotency.claim(entry, trx)).toStrictEqual({ claimed: true });
        throw new Error("no");
      });
      await expect(rolledBack).rejects.toThrow("no");
      expect(await suite.stores.idempotency.claim(entry)).toStrictEqual({ claimed: true });
    });

    it("are purged when they are old enough, a few at a time", async () => {
      const { tenantId, now } = suite.newWhose();
      const old = [1, 2, 3].map((ms) => entryOf({ tenantId, createdAt: after(now, -ms) }));
      const kept = entryOf({ tenantId, createdAt: now });
      for (const entry of [...old, kept]) await suite.stores.idempotency.claim(entry);
      expect(await suite.stores.idempotency.purge(now, 2)).toBe(2);
      expect(await suite.stores.idempotency.purge(now, 2)).toBe(1);
      expect(await suite.stores.idempotency.purge(now, 2)).toBe(0);
      expect(await suite.stores.idempotency.claim(kept)).toMatchObject({ claimed: false });
    });
  });

  describe("tokens", () => {
    it("are found by tenant, hash and purpose", async () => {
      const whose = suite.newWhose();
      const token = sampleToken(whose);
      expect(await suite.stores.tokens.insert(token)).toBe(true);
      expect(await suite.stores.tokens.insert({ ...token, subjectId: "other" })).toBe(false);
      const { tenantId, hash } = token;
      expect(await suite.stores.tokens.find(tenantId, hash, "inbound_document")).toStrictEqual(token);
      expect(await suite.stores.tokens.find(tenantId, hash, "callback")).toBeUndefined();
      expect(await suite.stores.tokens.find(tenantId, randomId(), "inbound_document")).toBeUndefined();
      const other = { ...token, tenantId: suite.newWhose().tenantId, purpose: "callback" as const };
      expect(await suite.stores.tokens.find(other.tenantId, hash, "inbound_document")).toBeUndefined();
      expect(await suite.stores.tokens.insert(other)).toBe(true);
      expect(await suite.stores.tokens.find(other.tenantId, hash, "callback")).toStrictEqual(other);
    });

    it("are purged when they have expired, a few at a time", async () => {
      const whose = suite.newWhose();
      const old = [1, 2, 3].map((ms) => ({ ...sampleToken(whose), expiresAt: after(whose.now, -ms) }));
      const kept = { ...sampleToken(whose), expiresAt: whose.now };
      for (const token of [...old, kept]) await suite.stores.tokens.insert(token);
      expect(await suite.stores.tokens.purge(whose.now, 2)).toBe(2);
      expect(await suite.stores.tokens.purge(whose.now, 2)).toBe(1);
      expect(await suite.stores.tokens.purge(whose.now, 2)).toBe(0);
      expect(await suite.stores.tokens.find(kept.tenantId, kept.hash, kept.purpose)).toStrictEqual(kept);
    });
  });

  describe("leases", () => {
    const requestOf = (now: Date) => ({ name: `task ${randomId()}`, owner: "w1", leaseMs: 60_000, now });

    it("have one holder, and each next one another fence", async () => {
      const { now } = suite.newWhose();
      const request = requestOf(now);
      const { leases } = suite.stores;
      const first = await leases.acquire(request);
      expect(first).toStrictEqual({ name: request.name, fence: 1 });
      expect(await suite.replica.leases.acquire({ ...request, owner: "w2" })).toBeUndefined();
      expect(await leases.acquire({ ...request, now: after(now, 59_999) })).toBeUndefined();
      expect(await leases.acquire(requestOf(now))).toMatchObject({ fence: 1 });
      expect(await leases.acquire({ ...request, now: after(now, 60_000) })).toMatchObject({ fence: 2 });
      if (!first) throw new Error("not acquired");
      expect(await leases.renew(first, after(now, 600_000))).toBe(false);
      expect(await leases.release(first, {})).toBe(false);
    });

    it("can be prolonged and given back, for now or until later", async () => {
      const { now } = suite.newWhose();
      const request = requestOf(now);
      const { leases } = suite.stores;
      const acquire = async (at: Date) => {
        const lease = await leases.acquire({ ...request, now: at });
        if (!lease) throw new Error("not acquired");
        return lease;
      };
      const first = await acquire(now);
      expect(await leases.renew(first, after(now, 120_000))).toBe(true);
      expect(await leases.acquire({ ...request, now: after(now, 119_999) })).toBeUndefined();
      expect(await leases.release(first, {})).toBe(true);
      expect(await leases.release(first, {})).toBe(false);
      expect(await leases.renew(first, after(now, 120_000))).toBe(false);

      const second = await acquire(now);
      expect(second.fence).toBe(2);
      expect(await leases.release(second, { dueAt: after(now, 5_000) })).toBe(true);
      expect(await leases.acquire({ ...request, now: after(now, 4_999) })).toBeUndefined();
      const third = await acquire(after(now, 5_000));
      expect(await leases.release(third, {})).toBe(true);
      expect(await leases.acquire({ ...request, now })).toMatchObject({ fence: 4 });
    });

    it("go to one of many that want them at once", async () => {
      const request = requestOf(suite.newWhose().now);
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          (index % 2 ? suite.stores : suite.replica).leases.acquire({ ...request, owner: `w${index}` }),
        ),
      );
      expect(results.filter((lease) => lease !== undefined)).toHaveLength(1);
    });
  });

  describe("state", () => {
    it("is kept by tenant, transport and key, and overwritten", async () => {
      const { tenantId } = suite.newWhose();
      const { state } = suite.stores;
      expect(await state.get(tenantId, "imap", "uid")).toBeUndefined();
      await state.set(tenantId, "imap", "uid", "1");
      await state.set(tenantId, "imap", "uid", hardText);
      await state.set(tenantId, "imap", "cursor", "");
      await state.set(tenantId, "other", "uid", "2");
      await state.set(suite.newWhose().tenantId, "imap", "uid", "3");
      expect(await state.get(tenantId, "imap", "uid")).toBe(hardText);
      expect(await state.get(tenantId, "imap", "cursor")).toBe("");
      expect(await state.get(tenantId, "other", "uid")).toBe("2");
    });
  });

  describe("mailboxes", () => {
    it("have a label that is theirs in the tenant", async () => {
      const whose = suite.newWhose();
      const { mailboxes } = suite.stores;
      const full = fullMailbox(whose);
      const { note, ...lean } = fullMailbox(whose);
      for (const mailbox of [full, { ...lean, allowedScopes: [] }]) {
        expect(await mailboxes.insert(mailbox)).toBe(true);
        expect(await mailboxes.get(whose.tenantId, mailbox.id)).toStrictEqual(mailbox);
      }
      expect(note).toBe(full.note);
      expect(await mailboxes.get(suite.newWhose().tenantId, full.id)).toBeUndefined();
      expect(await mailboxes.insert({ ...full, label: "other" })).toBe(false);
      expect(await mailboxes.insert({ ...full, id: randomId() })).toBe(false);
      expect(await mailboxes.insert({ ...fullMailbox(suite.newWhose()), label: full.label })).toBe(true);

      const renamed = { ...lean, id: full.id, label: "renamed" };
      expect(await mailboxes.update(renamed)).toBe(true);
      expect(await mailboxes.get(whose.tenantId, full.id)).toStrictEqual(renamed);
      expect(await mailboxes.update({ ...renamed, label: lean.label })).toBe(false);
      expect(await mailboxes.update({ ...renamed, id: randomId() })).toBe(false);
      expect(await mailboxes.update({ ...renamed, tenantId: suite.newWhose().tenantId })).toBe(false);
      expect(await mailboxes.get(whose.tenantId, full.id)).toStrictEqual(renamed);
    });

    it("are listed by label, in the order of the bytes", async () => {
      const whose = suite.newWhose();
      for (const label of ["é", "b", "B", "Z", "a b", "a"]) {
        await suite.stores.mailboxes.insert({ ...fullMailbox(whose), label });
      }
      await suite.stores.mailboxes.insert(fullMailbox(suite.newWhose()));
      const listed = await suite.stores.mailboxes.list(whose.tenantId);
      expect(listed.map((mailbox) => mailbox.label)).toEqual(["B", "Z", "a", "a b", "b", "é"]);
    });

    it("get the faxes of one number by one rule", async () => {
      const whose = suite.newWhose();
      const { mailboxes } = suite.stores;
      const rule = sampleRule(whose);
      const earlier = sampleRule(whose, "+12025550139");
      expect(await mailboxes.insertRule(rule)).toBe(true);
      expect(await mailboxes.insertRule(earlier)).toBe(true);
      expect(await mailboxes.insertRule(sampleRule(whose, rule.toNumber))).toBe(false);
      expect(await mailboxes.insertRule({ ...rule, toNumber: "+12025550141" })).toBe(false);
      const abroad = sampleRule(suite.newWhose(), rule.toNumber);
      expect(await mailboxes.insertRule(abroad)).toBe(true);

      expect(await mailboxes.listRules(whose.tenantId)).toStrictEqual([earlier, rule]);
      expect(await mailboxes.findRule(whose.tenantId, rule.toNumber)).toStrictEqual(rule);
      expect(await mailboxes.findRule(whose.tenantId, "+12025550141")).toBeUndefined();
      expect(await mailboxes.deleteRule(abroad.tenantId, rule.id)).toBe(false);
      expect(await mailboxes.deleteRule(whose.tenantId, rule.id)).toBe(true);
      expect(await mailboxes.deleteRule(whose.tenantId, rule.id)).toBe(false);
      expect(await mailboxes.findRule(whose.tenantId, rule.toNumber)).toBeUndefined();
      expect(await mailboxes.findRule(abroad.tenantId, rule.toNumber)).toStrictEqual(abroad);
    });
  });

  describe("API keys", () => {
    it("are found by id over all tenants, and listed by tenant, the oldest first", async () => {
      const whose = suite.newWhose();
      const { apiKeys } = suite.stores;
      const newer = { ...fullApiKey(whose), createdAt: after(whose.now, 10) };
      const older = leanApiKey(whose);
      for (const key of [newer, older]) {
        expect(await apiKeys.insert(key)).toBe(true);
        expect(await apiKeys.find(key.id)).toStrictEqual(key);
      }
      expect(await apiKeys.insert({ ...leanApiKey(suite.newWhose()), id: newer.id })).toBe(false);
      expect(await apiKeys.find("000000000000")).toBeUndefined();
      expect(await apiKeys.list(whose.tenantId)).toStrictEqual([older, newer]);
      expect(await apiKeys.list(suite.newWhose().tenantId)).toStrictEqual([]);
    });

    it("are revoked for good", async () => {
      const whose = suite.newWhose();
      const { apiKeys } = suite.stores;
      const key = leanApiKey(whose);
      await apiKeys.insert(key);
      expect(await apiKeys.revoke(suite.newWhose().tenantId, key.id, whose.now)).toBe(false);
      expect(await apiKeys.revoke(whose.tenantId, "000000000000", whose.now)).toBe(false);
      expect(await apiKeys.find(key.id)).toStrictEqual(key);
      expect(await apiKeys.revoke(whose.tenantId, key.id, after(whose.now, 1))).toBe(true);
      expect(await apiKeys.revoke(whose.tenantId, key.id, after(whose.now, 2))).toBe(true);
      expect(await apiKeys.find(key.id)).toStrictEqual({ ...key, revokedAt: after(whose.now, 1) });
    });

    it("are touched many at once, and never back", async () => {
      const whose = suite.newWhose();
      const { now } = whose;
      const { apiKeys } = suite.stores;
      const keys = Array.from({ length: 5 }, () => leanApiKey(whose));
      for (const key of keys) await apiKeys.insert(key);
      const [a, b, c, d, e] = keys.map((key) => key.id) as [string, string, string, string, string];
      const lastUse = async (id: string) => (await apiKeys.find(id))?.lastUsedAt;
      await apiKeys.touch([]);
      await apiKeys.touch([
        { id: a, at: after(now, 5) },
        { id: b, at: after(now, 7) },
        { id: b, at: after(now, 6) },
        { id: "000000000000", at: now },
      ]);
      expect([await lastUse(a), await lastUse(b), await lastUse(c)]).toEqual([
        after(now, 5),
        after(now, 7),
        undefined,
      ]);
      await apiKeys.touch([
        { id: a, at: after(now, 4) },
        { id: b, at: after(now, 8) },
      ]);
      expect([await lastUse(a), await lastUse(b)]).toEqual([after(now, 5), after(now, 8)]);
      await Promise.all(
        Array.from({ length: 10 }, (_, index) => {
          const ids = index % 2 ? [c, d, e] : [e, d, c];
          const stores = index % 2 ? suite.stores : suite.replica;
          return stores.apiKeys.touch(ids.map((id) => ({ id, at: after(now, index) })));
        }),
      );
      expect([await lastUse(c), await lastUse(d), await lastUse(e)]).toEqual(Array(3).fill(after(now, 9)));
      const many = Array.from({ length: 1_200 }, () => ({ id: randomId().slice(0, 12), at: now }));
      await apiKeys.touch([...many, { id: c, at: after(now, 60) }]);
      expect(await lastUse(c)).toEqual(after(now, 60));
    });
  });
}
