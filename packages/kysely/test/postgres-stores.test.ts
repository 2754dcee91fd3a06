import { startPostgres } from "@faxbot/testing/postgres";
import { describeStores } from "@faxbot/testing/vitest";
import { Kysely, PostgresDialect } from "kysely";
import { Pool } from "pg";
import { kyselyStores, migrateFaxbot } from "../src/index.ts";

describeStores("kyselyStores on PostgreSQL, with two pools", {
  create: async () => {
    const postgres = await startPostgres();
    const { url } = await postgres.createDatabase();
    const connect = () =>
      new Kysely<unknown>({
        dialect: new PostgresDialect({ pool: new Pool({ connectionString: url, max: 8 }) }),
      });
    const first = connect();
    const second = connect();
    await migrateFaxbot(first);
    return {
      stores: kyselyStores(first),
      replica: kyselyStores(second),
      close: async () => {
        await first.destroy();
        await second.destroy();
        await postgres.stop();
      },
    };
  },
});
