import { beforeAll, describe, expect, it } from "vitest";
import { blobDefects } from "./broken/blob-defects.ts";
import { storeDefects } from "./broken/store-defects.ts";
import { wakeUpDefects } from "./broken/wake-up-defects.ts";
import { type BrokenResult, exactly, runBrokenSuites } from "./run-broken-suites.ts";

const suites: Record<string, readonly { name: string; caughtBy: string }[]> = {
  describeStores: storeDefects,
  describeBlobStore: blobDefects,
  describeWakeUp: wakeUpDefects,
};

let results: BrokenResult[];
beforeAll(async () => {
  const names = Object.values(suites)
    .flat()
    .map(({ name, caughtBy }) => new RegExp(`${exactly(name)}.*${exactly(caughtBy)}`));
  results = await runBrokenSuites(["broken-stores.suite.ts", "broken-wake-ups.suite.ts"], names);
});

describe.each(Object.entries(suites))("%s", (_suite, defects) => {
  it.each(defects)("catches $name", ({ name, caughtBy }) => {
    const judges = results.filter(
      (result) => result.fullName.startsWith(name) && result.fullName.includes(caughtBy),
    );
    expect(judges.map((result) => result.status)).toContain("failed");
  });
});
