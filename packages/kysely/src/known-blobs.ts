import type { FaxbotKysely } from "./faxbot-database.ts";

/** Databases limit the parameters of one statement; SQLite's driver holds 32,766. */
const keysPerStatement = 500;

/** Which of these blob keys a table's documents have, over all tenants. */
export async function findBlobs(
  db: FaxbotKysely,
  table: "faxbot_faxes" | "faxbot_inbound_faxes",
  keys: readonly string[],
): Promise<Set<string>> {
  const known = new Set<string>();
  for (let start = 0; start < keys.length; start += keysPerStatement) {
    const rows = await db
      .selectFrom(table)
      .select("document_blob_key")
      .where("document_blob_key", "in", keys.slice(start, start + keysPerStatement))
      .execute();
    for (const { document_blob_key: key } of rows) if (key !== null) known.add(key);
  }
  return known;
}
