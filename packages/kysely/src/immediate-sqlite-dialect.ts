import { setTimeout as wait } from "node:timers/promises";
import {
  CompiledQuery,
  type DatabaseConnection,
  type QueryResult,
  type SqliteDatabase,
  SqliteDialect,
  SqliteDriver,
} from "kysely";
import { isBusy } from "./database-error.ts";
import { keepStatements } from "./kept-statements.ts";

/** A better-sqlite3 database. */
export interface OpenSqliteDatabase extends SqliteDatabase {
  readonly inTransaction: boolean;
}

/**
 * Kysely's dialect for better-sqlite3 with two changes. Transactions take the write lock when they begin, so that one
 * that reads first cannot fail when it writes. And while another process holds that lock, this one waits without
 * standing still: better-sqlite3 itself would block the event loop.
 */
export class ImmediateSqliteDialect extends SqliteDialect {
  readonly #database: OpenSqliteDatabase;
  readonly #busyTimeoutMs: number;

  constructor(database: OpenSqliteDatabase, busyTimeoutMs: number) {
    super({ database });
    this.#database = database;
    this.#busyTimeoutMs = busyTimeoutMs;
  }

  override createDriver(): SqliteDriver {
    return new ImmediateSqliteDriver(this.#database, this.#busyTimeoutMs);
  }
}

class ImmediateSqliteDriver extends SqliteDriver {
  readonly #database: OpenSqliteDatabase;
  readonly #busyTimeoutMs: number;
  #patient: PatientConnection | undefined;

  constructor(database: OpenSqliteDatabase, busyTimeoutMs: number) {
    super({ database: keepStatements(database) });
    this.#database = database;
    this.#busyTimeoutMs = busyTimeoutMs;
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    this.#patient ??= new PatientConnection(
      await super.acquireConnection(),
      this.#database,
      this.#busyTimeoutMs,
    );
    return this.#patient;
  }

  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("begin immediate"));
  }
}

class PatientConnection implements DatabaseConnection {
  readonly #connection: DatabaseConnection;
  readonly #database: OpenSqliteDatabase;
  readonly #busyTimeoutMs: number;

  constructor(connection: DatabaseConnection, database: OpenSqliteDatabase, busyTimeoutMs: number) {
    this.#connection = connection;
    this.#database = database;
    this.#busyTimeoutMs = busyTimeoutMs;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const deadline = performance.now() + this.#busyTimeoutMs;
    for (;;) {
      try {
        return await this.#connection.executeQuery<R>(query);
      } catch (error) {
        // Outside a transaction a busy statement did nothing and may be repeated; inside, the transaction is over.
        if (!isBusy(error) || this.#database.inTransaction || performance.now() >= deadline) throw error;
        // At odds with the others who wait.
        await wait(2 + Math.random() * 8);
      }
    }
  }

  streamQuery<R>(query: CompiledQuery, chunkSize: number): AsyncIterableIterator<QueryResult<R>> {
    return this.#connection.streamQuery<R>(query, chunkSize);
  }
}
