import { isFaxError, readDocument } from "@faxbot/core";
import { syntheticPdf } from "@faxbot/testing";
import { expect, test } from "vitest";
import { createInbox } from "../src/index.ts";
import { inboxUnderTest } from "./inbox-under-test.ts";

const pdf = syntheticPdf();
const code = (expected: string) =>
  expect.toSatisfy((error: unknown) => isFaxError(error) && error.code === expected);

async function withOneFax() {
  const under = inboxUnderTest({ pepper: "a pepper for tests" });
  await under.consume(await under.event({}, pdf));
  const [fax] = (await under.inbox.list()).items;
  return { under, id: fax?.id ?? "" };
}

test("a token opens its document for an hour unless told otherwise", async () => {
  const { under, id } = await withOneFax();
  const { token, expiresAt } = await under.inbox.issueToken(id);
  expect(expiresAt).toEqual(new Date("2026-01-15T16:00:00Z"));
  expect(await readDocument(await under.inbox.openWithToken(id, token))).toEqual(new Uint8Array(pdf));

  const short = await under.inbox.issueToken(id, 1_000);
  under.clock.advance(1_000);
  await expect(under.inbox.openWithToken(id, short.token)).rejects.toThrow(code("forbidden"));
  await under.inbox.openWithToken(id, token);
  under.clock.advance(3_599_000);
  await expect(under.inbox.openWithToken(id, token)).rejects.toThrow(code("forbidden"));
});

test("a wrong token, a token of another fax and one of another tenant are forbidden, whatever exists", async () => {
  const { under, id } = await withOneFax();
  await under.consume(await under.event({ providerId: "b" }, pdf));
  const other = (await under.inbox.list()).items.find((fax) => fax.id !== id)?.id ?? "";
  const { token } = await under.inbox.issueToken(id);
  for (const attempt of [
    under.inbox.openWithToken(other, token),
    under.inbox.openWithToken("no-such-fax", token),
    under.inbox.openWithToken(id, "A".repeat(43)),
    under.inbox.openWithToken(id, ""),
    under.inbox.forTenant("acme").openWithToken(id, token),
  ]) {
    await expect(attempt).rejects.toThrow(code("forbidden"));
  }
});

test("a good token says not found once the document is gone", async () => {
  const { under, id } = await withOneFax();
  const { token } = await under.inbox.issueToken(id);
  await under.blobs.delete(`inbound/${id}.pdf`);
  await expect(under.inbox.openWithToken(id, token)).rejects.toThrow(code("not_found"));
  await expect(under.inbox.issueToken(id)).rejects.toThrow(code("not_found"));
});

test("an unknown fax is not found, and a list has bounds", async () => {
  const { under } = await withOneFax();
  await expect(under.inbox.get("0".repeat(32))).rejects.toThrow(code("not_found"));
  await expect(under.inbox.document("0".repeat(32))).rejects.toThrow(code("not_found"));
  for (const limit of [0, 1001, 1.5]) {
    await expect(under.inbox.list({ limit })).rejects.toThrow(code("request_invalid"));
  }
});

test.each(["retentionDays", "retentionEveryMinutes", "tokenTtlMinutes", "maxPdfBytes"] as const)(
  "a senseless %s is a configuration error",
  (name) => {
    const { stores, blobs } = inboxUnderTest();
    for (const value of [-1, Number.NaN]) {
      expect(() => createInbox({ stores, blobs, [name]: value })).toThrow(code("config_invalid"));
    }
  },
);
