import { startPostgres } from "@faxbot/testing/postgres";
import { describeStores } from "@faxbot/testing/vitest";
import { sql } from "kysely";
import { openPostgres } from "../src/index.ts";

describeStores("kyselyStores on PostgreSQL, with two pools", {
  create: async () => {
    const postgres = await startPostgres();
    const { url, drop } = await createSortedDatabase(await postgres.createDatabase());
    const first = await openPostgres(url);
    const second = await openPostgres(url);
    return {
      stores: first.stores,
      replica: second.stores,
      close: async () => {
        await first.close();
        await second.close();
        await drop();
        await postgres.stop();
      },
    };
  },
});

/** A database beside another one that sorts as a dictionary does, which must not reach the stores. */
async function createSortedDatabase(beside: { url: string }) {
  const name = new URL(beside.url).pathname.slice(1);
  const sorted = `${name}_sorted`;
  const admin = await openPostgres(beside.url, { migrate: false, maxConnections: 1 });
  await sql`create database ${sql.id(sorted)} template template0 locale_provider icu icu_locale 'de'`.execute(
    admin.db,
  );
  const url = new URL(beside.url);
  url.pathname = `/${sorted}`;
  const drop = async () => {
    await sql`drop database ${sql.id(sorted)}`.execute(admin.db);
    await admin.close();
  };
  return { url: url.href, drop };
}
