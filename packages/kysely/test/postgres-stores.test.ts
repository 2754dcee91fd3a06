import { startPostgres } from "@faxbot/testing/postgres";
import { describeStores } from "@faxbot/testing/vitest";
import { openPostgres } from "../src/index.ts";

describeStores("kyselyStores on PostgreSQL, with two pools", {
  create: async () => {
    const postgres = await startPostgres();
    const { url } = await postgres.createDatabase();
    const first = await openPostgres(url);
    const second = await openPostgres(url);
    return {
      stores: first.stores,
      replica: second.stores,
      close: async () => {
        await first.close();
        await second.close();
        await postgres.stop();
      },
    };
  },
});
