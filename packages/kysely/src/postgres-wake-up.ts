import type { WakeUp } from "@faxbot/core";

/** The part of a `pg` Pool that is needed. */
export interface PostgresPool {
  query(text: string, values: unknown[]): Promise<unknown>;
  connect(): Promise<PostgresClient>;
}

/** The part of a `pg` client that is needed. */
export interface PostgresClient {
  query(text: string): Promise<unknown>;
  on(event: "notification" | "error" | "end", listener: () => void): unknown;
  release(destroy?: boolean): void;
}

/** How to listen. */
export interface PostgresWakeUpOptions {
  /** The channel's name; default `faxbot`. Letters, digits and underscores. */
  channel?: string;
  /** First wait before a lost connection is made anew, in milliseconds; it doubles up to 30 s. Default 500. */
  reconnectMs?: number;
}

/**
 * Wakes all replicas by PostgreSQL's NOTIFY and LISTEN. Listening keeps one connection of the pool; a lost one is made
 * anew. PgBouncer in transaction mode cannot carry LISTEN: give a pool that speaks to the server itself.
 *
 * @param pool a `pg` Pool of the host
 * @example
 * const pool = new Pool({ connectionString });
 * const db = new Kysely<HostTables>({ dialect: new PostgresDialect({ pool }) });
 * const faxbot = createFaxbot({ transports, blobs, stores: kyselyStores(db), wakeUp: postgresWakeUp(pool) });
 */
export function postgresWakeUp(pool: PostgresPool, options: PostgresWakeUpOptions = {}): WakeUp {
  const channel = options.channel ?? "faxbot";
  const reconnectMs = options.reconnectMs ?? 500;
  return {
    async notify() {
      try {
        await pool.query("select pg_notify($1, '')", [channel]);
      } catch {
        // A wake-up is only a hint: the engine polls as well.
      }
    },
    async subscribe(listener) {
      const subscription = new Subscription(pool, channel, reconnectMs, listener);
      await subscription.connect();
      return async () => subscription.stop();
    },
  };
}

class Subscription {
  readonly #pool: PostgresPool;
  readonly #channel: string;
  readonly #reconnectMs: number;
  readonly #listener: () => void;
  #stopped = false;
  #client: PostgresClient | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(pool: PostgresPool, channel: string, reconnectMs: number, listener: () => void) {
    this.#pool = pool;
    this.#channel = channel;
    this.#reconnectMs = reconnectMs;
    this.#listener = listener;
  }

  /** Listens; when that fails now or later, tries again by itself. */
  async connect(failures = 0): Promise<void> {
    try {
      const client = await this.#pool.connect();
      client.on("error", () => this.#lost(client));
      client.on("end", () => this.#lost(client));
      client.on("notification", () => this.#tell());
      this.#client = client;
      if (!this.#stopped) await client.query(`listen "${this.#channel.replaceAll('"', '""')}"`);
      // What was said while nobody listened is gone.
      if (failures > 0) this.#tell();
    } catch {
      this.#letGo();
      this.#tryLater(failures);
    }
    if (this.#stopped) this.#letGo();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#letGo();
  }

  #lost(client: PostgresClient): void {
    if (client !== this.#client) return;
    this.#letGo();
    this.#tryLater(0);
  }

  /** The connection is not put back: it would go on listening. */
  #letGo(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.release(true);
  }

  #tryLater(failures: number): void {
    if (this.#stopped) return;
    const waitMs = Math.min(this.#reconnectMs * 2 ** failures, 30_000);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.connect(failures + 1), waitMs);
    this.#timer.unref();
  }

  #tell(): void {
    if (this.#stopped) return;
    try {
      this.#listener();
    } catch {
      // A wake-up is only a hint.
    }
  }
}
