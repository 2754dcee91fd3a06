import { startPostgres } from "@faxbot/testing/postgres";
import { describeCrashes } from "./crash-suite.ts";

describeCrashes("PostgreSQL", async () => {
  const postgres = await startPostgres();
  const database = await postgres.createDatabase();
  return {
    database: database.url,
    close: async () => {
      await postgres.stop();
    },
  };
});
