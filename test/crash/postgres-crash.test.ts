import { startPostgres } from "@faxbot/testing/postgres";
import pg from "pg";
import { describeCrashes } from "./crash-suite.ts";

describeCrashes("PostgreSQL", async () => {
  const postgres = await startPostgres();
  const { url } = await postgres.createDatabase();
  return {
    url,
    async countFaxes() {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      const { rows } = await client.query<{ count: string }>("select count(*) as count from faxbot_faxes");
      await client.end();
      return Number(rows[0]?.count);
    },
    close: () => postgres.stop(),
  };
});
