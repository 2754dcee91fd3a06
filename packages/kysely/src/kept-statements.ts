import type { SqliteDatabase } from "kysely";

type Statement = ReturnType<SqliteDatabase["prepare"]>;

/** As many as a process of ours uses, and a host's own besides. */
const mostStatements = 500;

/**
 * A better-sqlite3 database that prepares each statement once. Kysely asks for it anew with every query, and
 * better-sqlite3 compiles a function for the rows of each: together that costs more than most queries. SQLite itself
 * prepares a statement again when another process has changed the tables.
 */
export function keepStatements(database: SqliteDatabase): SqliteDatabase {
  const kept = new Map<string, Statement>();
  return {
    close: () => {
      kept.clear();
      database.close();
    },
    prepare: (sql) => {
      const statement = kept.get(sql) ?? database.prepare(sql);
      // The one used last moves to the end, so that the first is the one to forget.
      kept.delete(sql);
      kept.set(sql, statement);
      if (kept.size > mostStatements) kept.delete(kept.keys().next().value as string);
      return statement;
    },
  };
}
