import { beforeAll, describe, expect, it } from "vitest";
import { storeDefects } from "./broken/store-defects.ts";
import { type BrokenResult, exactly, runBrokenSuite } from "./run-broken-suite.ts";

describe("describeStores", () => {
  let results: BrokenResult[];
  beforeAll(async () => {
    const names = storeDefects.map(
      ({ name, caughtBy }) => new RegExp(`${exactly(name)}.*${exactly(caughtBy)}`),
    );
    results = await runBrokenSuite("broken-stores.suite.ts", names);
  });

  it.each(storeDefects)("catches $name", ({ name, caughtBy }) => {
    const judges = results.filter(
      (result) => result.fullName.startsWith(name) && result.fullName.includes(caughtBy),
    );
    expect(judges.map((result) => result.status)).toContain("failed");
  });
});
