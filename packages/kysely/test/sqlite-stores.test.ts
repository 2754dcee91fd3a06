import { join } from "node:path";
import { describeStores } from "@faxbot/testing/vitest";
import { openSqlite } from "../src/index.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

describeStores("kyselyStores on a SQLite file, with two connections", {
  create: async () => {
    const folder = await makeTemporaryFolder();
    const first = await openSqlite(join(folder.path, "faxbot.db"));
    const second = await openSqlite(join(folder.path, "faxbot.db"));
    return {
      stores: first.stores,
      replica: second.stores,
      close: async () => {
        await first.close();
        await second.close();
        await folder.remove();
      },
    };
  },
});
