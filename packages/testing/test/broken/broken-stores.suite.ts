import { describeStores } from "../../src/vitest/describe-stores.ts";
import { storeDefects } from "./store-defects.ts";

for (const defect of storeDefects) {
  describeStores(defect.name, { create: async () => ({ stores: defect.create() }) });
}
