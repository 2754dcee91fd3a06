import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { lenientText, lenientTime, lenientWholeNumber } from "../src/transport/lenient-fields.ts";

const answer = z.object({ text: lenientText, count: lenientWholeNumber, time: lenientTime });

test.each([
  [{ text: "a", count: 3, time: "2026-01-15T09:00:00.000-06:00" }, "a", 3, 1768489200],
  [{ text: 7, count: "3", time: 1768489200 }, "7", 3, 1768489200],
  [{ text: ["a", "b"], count: ["3"], time: ["1768489200"] }, "a", 3, 1768489200],
  [{ text: "", count: 0 }, "", 0, undefined],
  [{ text: null, count: null, time: null }, undefined, undefined, undefined],
  [{ text: { a: 1 }, count: 1.5, time: "yesterday" }, undefined, undefined, undefined],
  [{ text: true, count: -1, time: "" }, undefined, undefined, undefined],
  [{ text: [], count: "1e3", time: -1 }, undefined, undefined, undefined],
  [{ text: [["a"]], count: "1000000000000", time: 99_999_999_999 }, undefined, undefined, undefined],
  [{ time: "+200000-01-01T00:00:00Z" }, undefined, undefined, undefined],
  [{}, undefined, undefined, undefined],
])("%j", (given, text, count, time) => {
  const read = answer.parse(given);
  expect([read.text, read.count, read.time?.getTime()]).toEqual([text, count, time && time * 1000]);
});

test("no value costs the rest of the answer", () => {
  fc.assert(
    fc.property(fc.anything(), fc.anything(), fc.anything(), (text, count, time) => {
      expect(answer.safeParse({ text, count, time }).success).toBe(true);
    }),
  );
});
