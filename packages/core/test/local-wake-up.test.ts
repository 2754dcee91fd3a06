import { describeWakeUp } from "@faxbot/testing/vitest";
import { localWakeUp } from "../src/memory/local-wake-up.ts";

describeWakeUp("localWakeUp", { create: async () => ({ wakeUp: localWakeUp() }) });
