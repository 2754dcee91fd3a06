import { describeWakeUp } from "../../src/vitest/describe-wake-up.ts";
import { wakeUpDefects } from "./wake-up-defects.ts";

for (const { name, create } of wakeUpDefects)
  describeWakeUp(name, { create: async () => ({ wakeUp: create() }) });
