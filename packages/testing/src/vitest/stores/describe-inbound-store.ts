import type { InboundFax } from "@faxbot/core";
import { describe, expect, it } from "vitest";
import { after, fullDocument, fullInbound, leanInbound, randomId } from "./sample-records.ts";
import { readPages, type StoreSuite } from "./store-suite.ts";

/** The rules of `InboundStore`. */
export function describeInboundStore<Trx>(suite: StoreSuite<Trx>): void {
  const insertAll = async (faxes: InboundFax[]) => {
    for (const fax of faxes) expect(await suite.stores.inbound.insert(fax)).toBe(true);
  };

  describe("received faxes", () => {
    it("gives back what was put in, with every optional field and with none", async () => {
      const whose = suite.newWhose();
      for (const fax of [fullInbound(whose), leanInbound(whose)]) {
        await insertAll([fax]);
        expect(await suite.stores.inbound.get(whose.tenantId, fax.id)).toStrictEqual(fax);
        expect(
          await suite.stores.inbound.findByProviderId(whose.tenantId, "test", fax.providerId),
        ).toStrictEqual(fax);
      }
      const { providerId, id } = leanInbound(whose);
      expect(await suite.stores.inbound.get(whose.tenantId, id)).toBeUndefined();
      expect(await suite.stores.inbound.findByProviderId(whose.tenantId, "test", providerId)).toBeUndefined();
    });

    it("holds a provider's fax once", async () => {
      const whose = suite.newWhose();
      const fax = leanInbound(whose);
      const again = () => ({ ...leanInbound(whose), providerId: fax.providerId });
      await insertAll([fax]);
      expect(await suite.stores.inbound.insert(again())).toBe(false);
      expect(await suite.stores.inbound.insert({ ...leanInbound(whose), id: fax.id })).toBe(false);
      const elsewhere = { ...again(), transportId: "other" };
      const abroad = { ...again(), tenantId: suite.newWhose().tenantId };
      await insertAll([elsewhere, abroad]);
      const { inbound } = suite.stores;
      expect(await inbound.findByProviderId(whose.tenantId, "other", fax.providerId)).toStrictEqual(
        elsewhere,
      );
      expect(await inbound.findByProviderId(abroad.tenantId, "test", fax.providerId)).toStrictEqual(abroad);
    });

    it("updates the version before, and nothing else", async () => {
      const whose = suite.newWhose();
      const fax = leanInbound(whose);
      const bystander = leanInbound(whose);
      await insertAll([fax, bystander]);
      const second = { ...fullInbound(whose), id: fax.id, version: 2 };
      expect(await suite.stores.inbound.update(second)).toBe(true);
      expect(await suite.stores.inbound.get(whose.tenantId, fax.id)).toStrictEqual(second);
      expect(await suite.stores.inbound.update({ ...fax, version: 2 })).toBe(false);
      expect(await suite.stores.inbound.update({ ...fax, tenantId: "nobody", version: 3 })).toBe(false);
      const third = { ...fax, version: 3 };
      expect(await suite.stores.inbound.update(third)).toBe(true);
      expect(await suite.stores.inbound.get(whose.tenantId, fax.id)).toStrictEqual(third);
      expect(await suite.stores.inbound.get(whose.tenantId, bystander.id)).toStrictEqual(bystander);
      expect(
        await suite.stores.inbound.update({ ...third, providerId: bystander.providerId, version: 4 }),
      ).toBe(false);
    });

    it("lists what a reader may see, the newest first, page by page", async () => {
      const whose = suite.newWhose();
      const { tenantId, now } = whose;
      const statuses = ["received", "receiving", "failed", "deleted", "received"] as const;
      const faxes = statuses.map((status, index) => ({
        ...leanInbound(whose),
        status,
        createdAt: after(now, index),
      }));
      await insertAll(faxes);
      await insertAll([leanInbound(suite.newWhose())]);
      const pages = await readPages((cursor) => suite.stores.inbound.list({ tenantId, limit: 2, ...cursor }));
      expect(pages.map((page) => page.length)).toEqual([2, 1]);
      expect(pages.flat()).toStrictEqual([faxes[4], faxes[2], faxes[0]]);
      for (const status of ["receiving", "deleted"] as const) {
        const { items } = await suite.stores.inbound.list({ tenantId, status, limit: 9 });
        expect(items).toStrictEqual(faxes.filter((fax) => fax.status === status));
      }
    });

    it("filters, alone and together", async () => {
      const whose = suite.newWhose();
      const { tenantId, now } = whose;
      const make = (ms: number, fields: Partial<InboundFax>) => ({
        ...leanInbound(whose),
        createdAt: after(now, ms),
        ...fields,
      });
      const a1 = make(1, { mailbox: "a", to: "+12025550001" });
      const b2 = make(2, { mailbox: "b", to: "+12025550001" });
      const none3 = make(3, { to: "+12025550002" });
      const a4 = make(4, { mailbox: "a", to: "+12025550002" });
      const c5 = make(5, { mailbox: "c" });
      await insertAll([a1, b2, none3, a4, c5]);
      const ids = async (filter: object) =>
        (await suite.stores.inbound.list({ tenantId, limit: 10, ...filter })).items.map((fax) => fax.id);

      expect(await ids({ mailboxes: ["a"] })).toEqual([a4.id, a1.id]);
      expect(await ids({ mailboxes: ["b", "a", "a", "none"] })).toEqual([a4.id, b2.id, a1.id]);
      expect(await ids({ mailboxes: [] })).toEqual([]);
      expect(await ids({ to: "+12025550001" })).toEqual([b2.id, a1.id]);
      expect(await ids({ since: after(now, 4) })).toEqual([c5.id, a4.id]);
      expect(await ids({ mailboxes: ["a", "c"], to: "+12025550002", since: now })).toEqual([a4.id]);
      expect(await ids({ status: "failed" })).toEqual([]);
      const pages = await readPages((cursor) =>
        suite.stores.inbound.list({ tenantId, mailboxes: ["a", "b"], limit: 1, ...cursor }),
      );
      expect(pages.map((page) => page.map((fax) => fax.id))).toEqual([[a4.id], [b2.id], [a1.id]]);
    });

    it("lists whose retention has ended, the oldest first, over all tenants", async () => {
      const whose = suite.newWhose();
      const { now } = whose;
      const make = (ms: number, tenantId = whose.tenantId): InboundFax => ({
        ...leanInbound(whose),
        tenantId,
        retentionUntil: after(now, ms),
      });
      const expired = [make(-2), make(0, suite.newWhose().tenantId), make(-3)];
      await insertAll([...expired, make(1), leanInbound(whose), { ...make(-9), status: "deleted" }]);
      expect(await suite.stores.inbound.listExpired(now, 10)).toStrictEqual([
        expired[2],
        expired[0],
        expired[1],
      ]);
      expect(await suite.stores.inbound.listExpired(now, 1)).toStrictEqual([expired[2]]);
    });

    it("knows the blobs of all tenants", async () => {
      const faxes = [fullInbound(suite.newWhose()), fullInbound(suite.newWhose())];
      await insertAll([...faxes, leanInbound(suite.newWhose())]);
      const known = faxes.map((fax) => fax.document.blobKey);
      const found = await suite.stores.inbound.knownBlobs([...known, fullDocument().blobKey, randomId()]);
      expect([...found].sort()).toEqual(known.sort());
    });
  });
}
