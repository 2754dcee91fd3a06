import { describe, expect, it } from "vitest";
import { groupedInserts } from "../src/grouped-inserts.ts";

const byNumber = (a: number, b: number) => a - b;

describe("groupedInserts", () => {
  it("writes what comes together at once, and what comes meanwhile after it", async () => {
    const groups: number[][] = [];
    let open = () => {};
    const insert = groupedInserts<number>(async (rows) => {
      groups.push([...rows]);
      if (groups.length === 1) await new Promise<void>((resolve) => (open = resolve));
      return new Set(rows.filter((row) => row !== 2));
    }, byNumber);
    const first = [3, 1, 2].map(insert);
    while (groups.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const later = [5, 4].map(insert);
    open();
    expect(await Promise.all(first)).toEqual([true, true, false]);
    expect(await Promise.all(later)).toEqual([true, true]);
    expect(groups).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
    expect(await insert(6)).toBe(true);
  });

  it("lets a row fail for itself alone", async () => {
    const insert = groupedInserts<number>(async (rows) => {
      if (rows.includes(2)) throw new Error("refused");
      return new Set(rows);
    }, byNumber);
    const results = await Promise.allSettled([1, 2, 3].map(insert));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  it("never makes a statement of unbounded length", async () => {
    const sizes: number[] = [];
    const insert = groupedInserts<number>(async (rows) => {
      sizes.push(rows.length);
      return new Set(rows);
    }, byNumber);
    await Promise.all(Array.from({ length: 150 }, (_, index) => insert(index)));
    expect(sizes).toEqual([64, 64, 22]);
  });
});
