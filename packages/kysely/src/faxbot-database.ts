import { type Kysely, sql, type Transaction } from "kysely";
import { type DatabaseDialect, dialectOf } from "./database-dialect.ts";
import { databaseError, isUniqueViolation } from "./database-error.ts";
import type { FaxbotTables } from "./faxbot-tables.ts";
import { nulFreeText } from "./nul-free-text.ts";

/** The host's database, seen as Faxbot's tables; in a transaction or not. */
export type FaxbotKysely = Kysely<FaxbotTables>;

/** What the stores need of the host's database. `Trx` is the host's own transaction type. */
export interface FaxbotDatabase<Trx> {
  readonly dialect: DatabaseDialect;
  /** Runs `fn` in one transaction of its own. What `fn` throws comes out as it is. */
  readonly transaction: <T>(fn: (trx: Trx) => Promise<T>) => Promise<T>;
  /** Runs statements inside `trx`, or on their own. What the database throws comes out as a FaxError. */
  readonly run: <T>(trx: Trx | undefined, work: (db: FaxbotKysely) => Promise<T>) => Promise<T>;
  /** The same, but false when a unique index refuses; a surrounding transaction can go on then. */
  readonly runUnlessTaken: (
    trx: Trx | undefined,
    work: (db: FaxbotKysely) => Promise<boolean>,
  ) => Promise<boolean>;
}

/** Sees the host's Kysely as Faxbot's tables. */
export function faxbotDatabase<DB>(host: Kysely<DB>): FaxbotDatabase<Transaction<DB>> {
  const dialect = dialectOf(host);

  const run = async <T>(trx: Kysely<DB> | undefined, work: (db: FaxbotKysely) => Promise<T>): Promise<T> => {
    try {
      return await work(asFaxbotTables(trx ?? host));
    } catch (error) {
      throw databaseError(error);
    }
  };

  return {
    dialect,
    run,
    async transaction(fn) {
      let thrownByFn: { error: unknown } | undefined;
      const builder =
        dialect === "postgres" ? host.transaction().setIsolationLevel("read committed") : host.transaction();
      try {
        return await builder.execute(async (trx) => {
          if (dialect === "sqlite") await takeWriteLock(asFaxbotTables(trx));
          try {
            return await fn(trx);
          } catch (error) {
            thrownByFn = { error };
            throw error;
          }
        });
      } catch (error) {
        throw thrownByFn ? thrownByFn.error : databaseError(error);
      }
    },
    async runUnlessTaken(trx, work) {
      // In PostgreSQL a refused statement ends the transaction, unless it stands behind a savepoint.
      const guarded = dialect === "postgres" && trx !== undefined;
      return run(trx, async (db) => {
        if (guarded) await sql`savepoint faxbot_change`.execute(db);
        try {
          const changed = await work(db);
          if (guarded) await sql`release savepoint faxbot_change`.execute(db);
          return changed;
        } catch (error) {
          if (!isUniqueViolation(error)) throw error;
          if (guarded) {
            await sql`rollback to savepoint faxbot_change`.execute(db);
            await sql`release savepoint faxbot_change`.execute(db);
          }
          return false;
        }
      });
    },
  };
}

/**
 * Without the host's plugins, which may rename columns. The host's tables are others than ours, and no type can say
 * that both are there.
 */
function asFaxbotTables<DB>(db: Kysely<DB>): FaxbotKysely {
  return db.withoutPlugins().withPlugin(nulFreeText) as unknown as FaxbotKysely;
}

/**
 * Makes a plain `begin` as good as `begin immediate`: a transaction that reads first and writes later fails with
 * SQLITE_BUSY_SNAPSHOT when another process wrote in between, and no waiting mends that. A statement that could write
 * takes the lock even when there is no row for it.
 */
async function takeWriteLock(db: FaxbotKysely): Promise<void> {
  await sql`delete from faxbot_leases where name is null`.execute(db);
}
