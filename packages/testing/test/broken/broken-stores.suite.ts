import { describeBlobStore } from "../../src/vitest/describe-blob-store.ts";
import { describeStores } from "../../src/vitest/describe-stores.ts";
import { blobDefects } from "./blob-defects.ts";
import { storeDefects } from "./store-defects.ts";

for (const { name, create } of storeDefects)
  describeStores(name, { create: async () => ({ stores: create() }) });
for (const { name, create } of blobDefects)
  describeBlobStore(name, { create: async () => ({ blobs: create() }) });
