import type { Fax } from "@faxbot/core";
import { describe, expect, it } from "vitest";
import { after, fullFax, leanFax, randomId } from "./sample-records.ts";
import { readPages, type StoreSuite } from "./store-suite.ts";

/** The rules of `FaxStore`. */
export function describeFaxStore<Trx>(suite: StoreSuite<Trx>): void {
  describe("faxes", () => {
    it("gives back what was put in, with every optional field and with none", async () => {
      const whose = suite.newWhose();
      for (const fax of [fullFax(whose), leanFax(whose)]) {
        expect(await suite.stores.faxes.insert(fax)).toBe(true);
        expect(await suite.stores.faxes.get(whose.tenantId, fax.id)).toStrictEqual(fax);
      }
      expect(await suite.stores.faxes.get(whose.tenantId, randomId())).toBeUndefined();
    });

    it("survives a NUL character", async () => {
      const whose = suite.newWhose();
      const fax = { ...leanFax(whose), providerId: "a\0b" };
      expect(await suite.stores.faxes.insert(fax)).toBe(true);
      const kept = await suite.stores.faxes.get(whose.tenantId, fax.id);
      expect(["a\0b", "a\uFFFDb"]).toContain(kept?.providerId);
      expect(await suite.stores.faxes.get(whose.tenantId, "a\0b")).toBeUndefined();
    });

    it("hands out copies and keeps copies", async () => {
      const whose = suite.newWhose();
      const fax = fullFax(whose);
      const original = structuredClone(fax);
      await suite.stores.faxes.insert(fax);
      fax.options.resolution = "changed";
      fax.createdAt.setTime(0);
      const kept = await suite.stores.faxes.get(whose.tenantId, fax.id);
      expect(kept).toStrictEqual(original);
      kept?.updatedAt.setTime(0);
      if (kept) kept.document.size = 0;
      expect(await suite.stores.faxes.get(whose.tenantId, fax.id)).toStrictEqual(original);
    });

    it("refuses a second fax with the id, in the same tenant only", async () => {
      const whose = suite.newWhose();
      const fax = leanFax(whose);
      const other = { ...fullFax(suite.newWhose()), id: fax.id };
      expect(await suite.stores.faxes.insert(fax)).toBe(true);
      expect(await suite.stores.faxes.insert({ ...fax, to: "+12025550999" })).toBe(false);
      expect(await suite.stores.faxes.insert(other)).toBe(true);
      expect(await suite.stores.faxes.get(whose.tenantId, fax.id)).toStrictEqual(fax);
      expect(await suite.stores.faxes.get(other.tenantId, fax.id)).toStrictEqual(other);
    });

    it("updates the version before, and nothing else", async () => {
      const whose = suite.newWhose();
      const fax = leanFax(whose);
      const bystander = leanFax(whose);
      const stranger = { ...leanFax(suite.newWhose()), id: fax.id };
      for (const each of [fax, bystander, stranger]) await suite.stores.faxes.insert(each);

      const second: Fax = { ...fullFax(whose), id: fax.id, version: 2 };
      expect(await suite.stores.faxes.update(second)).toBe(true);
      expect(await suite.stores.faxes.get(whose.tenantId, fax.id)).toStrictEqual(second);
      expect(await suite.stores.faxes.update({ ...fax, version: 2 })).toBe(false);
      expect(await suite.stores.faxes.update({ ...fax, version: 4 })).toBe(false);
      expect(await suite.stores.faxes.get(whose.tenantId, fax.id)).toStrictEqual(second);

      const third: Fax = { ...fax, version: 3 };
      expect(await suite.stores.faxes.update(third)).toBe(true);
      expect(await suite.stores.faxes.get(whose.tenantId, fax.id)).toStrictEqual(third);
      expect(await suite.stores.faxes.get(whose.tenantId, bystander.id)).toStrictEqual(bystander);
      expect(await suite.stores.faxes.get(stranger.tenantId, fax.id)).toStrictEqual(stranger);
      expect(await suite.stores.faxes.update({ ...leanFax(whose), version: 2 })).toBe(false);
    });

    it("lets one of many concurrent updates through", async () => {
      const whose = suite.newWhose();
      const fax = leanFax(whose);
      await suite.stores.faxes.insert(fax);
      const results = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          (index % 2 ? suite.stores : suite.replica).faxes.update({ ...fax, attempts: index, version: 2 }),
        ),
      );
      expect(results.filter(Boolean)).toHaveLength(1);
      const kept = await suite.stores.faxes.get(whose.tenantId, fax.id);
      expect(kept?.attempts).toBe(results.indexOf(true));
    });

    it("lists the newest first, page by page, though others come in between", async () => {
      const whose = suite.newWhose();
      const { tenantId, now } = whose;
      const faxes: Fax[] = [];
      // Three were made in the same millisecond: then the id decides.
      for (const ms of [0, 1, 1, 1, 2, 3, 4]) {
        const fax = { ...leanFax(whose), createdAt: after(now, ms) };
        faxes.push(fax);
        await suite.stores.faxes.insert(fax);
      }
      await suite.stores.faxes.insert(leanFax(suite.newWhose()));
      const newestFirst = faxes
        .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1))
        .map((fax) => fax.id);

      const pages = await readPages(async (cursor) => {
        const page = await suite.stores.faxes.list({ tenantId, limit: 3, ...cursor });
        await suite.stores.faxes.insert({ ...leanFax(whose), createdAt: after(now, 60_000) });
        return page;
      });
      expect(pages.map((page) => page.length)).toEqual([3, 3, 1]);
      expect(pages.flat().map((fax) => fax.id)).toEqual(newestFirst);
      expect(pages.flat()).toContainEqual(faxes[0]);
    });

    it("has no cursor on a last page that is just full", async () => {
      const whose = suite.newWhose();
      const { tenantId } = whose;
      for (let count = 0; count < 4; count += 1) await suite.stores.faxes.insert(leanFax(whose));
      const pages = await readPages((cursor) => suite.stores.faxes.list({ tenantId, limit: 2, ...cursor }));
      expect(pages.map((page) => page.length)).toEqual([2, 2]);
      expect(await suite.stores.faxes.list({ tenantId: randomId(), limit: 2 })).toStrictEqual({ items: [] });
    });

    it("filters, alone and together", async () => {
      const whose = suite.newWhose();
      const { tenantId, now } = whose;
      const plain = leanFax(whose);
      const reviewed = { ...fullFax(whose), createdAt: after(now, 10), transportId: "other" };
      const delivered = {
        ...leanFax(whose),
        status: "delivered" as const,
        to: reviewed.to,
        createdAt: after(now, 20),
      };
      const elsewhere = { ...leanFax(whose), to: "+12025550188", createdAt: after(now, 30) };
      for (const fax of [plain, reviewed, delivered, elsewhere]) await suite.stores.faxes.insert(fax);
      const ids = async (filter: object) =>
        (await suite.stores.faxes.list({ tenantId, limit: 10, ...filter })).items.map((fax) => fax.id);

      expect(await ids({ status: "delivered" })).toEqual([delivered.id]);
      expect(await ids({ status: "canceled" })).toEqual([]);
      expect(await ids({ transportId: "other" })).toEqual([reviewed.id]);
      expect(await ids({ to: "+12025550188" })).toEqual([elsewhere.id]);
      expect(await ids({ needsReview: true })).toEqual([reviewed.id]);
      expect(await ids({ needsReview: false })).toEqual([elsewhere.id, delivered.id, plain.id]);
      expect(await ids({ since: after(now, 20) })).toEqual([elsewhere.id, delivered.id]);
      expect(await ids({ since: after(now, 21) })).toEqual([elsewhere.id]);
      expect(await ids({ status: "queued", to: plain.to, transportId: "test", since: now })).toEqual([
        plain.id,
      ]);
      const [first, ...rest] = await readPages((cursor) =>
        suite.stores.faxes.list({ tenantId, needsReview: false, limit: 1, since: now, ...cursor }),
      );
      expect([first, ...rest].flat().map((fax) => fax?.id)).toEqual([elsewhere.id, delivered.id, plain.id]);
    });

    it("refuses a cursor that it did not make", async () => {
      const { tenantId } = suite.newWhose();
      for (const cursor of ["", "x", "' or 1=1", Buffer.from("99999999999999999.a").toString("base64url")]) {
        const reading = suite.stores.faxes.list({ tenantId, limit: 2, cursor });
        await expect(reading).rejects.toMatchObject({ code: "request_invalid" });
      }
    });

    it("knows the blobs of all tenants", async () => {
      const faxes = [leanFax(suite.newWhose()), leanFax(suite.newWhose())];
      for (const fax of faxes) await suite.stores.faxes.insert(fax);
      const known = faxes.map((fax) => fax.document.blobKey);
      const unknown = Array.from({ length: 1_200 }, () => `outbound/${randomId()}`);
      const found = await suite.stores.faxes.knownBlobs([...unknown, ...known]);
      expect([...found].sort()).toEqual(known.sort());
      expect((await suite.stores.faxes.knownBlobs([])).size).toBe(0);
    });
  });
}
