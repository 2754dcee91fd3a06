import { join } from "node:path";
import Database from "better-sqlite3";
import { describeCrashes, describeCrashPlan } from "./crash-suite.ts";

describeCrashPlan();

describeCrashes("SQLite", async (folder) => {
  const url = join(folder, "fax.db");
  return {
    url,
    async countFaxes() {
      const database = new Database(url, { readonly: true });
      const row = database.prepare("select count(*) as count from faxbot_faxes").get() as { count: number };
      database.close();
      return row.count;
    },
    close: async () => {},
  };
});
