/** A transaction of `memoryStores()`. Opaque: hand it on to the stores' methods. */
export class MemoryTransaction {
  readonly #undo: (() => void)[] = [];
  #ended = false;

  /** @internal Keeps how to take back a change. */
  changed(undo: () => void): void {
    if (this.#ended) throw new Error("This transaction has ended.");
    this.#undo.push(undo);
  }

  /** @internal */
  get ended(): boolean {
    return this.#ended;
  }

  /** @internal Ends the transaction; without `keep` all its changes are taken back, newest first. */
  end(keep: boolean): void {
    this.#ended = true;
    if (!keep) for (const undo of this.#undo.reverse()) undo();
  }
}

/** Lets one transaction run at a time, as SQLite does. */
export class MemoryTransactions {
  #last: Promise<void> = Promise.resolve();

  /** Runs `fn` when all transactions before it have ended. */
  async transaction<T>(fn: (trx: MemoryTransaction) => Promise<T>): Promise<T> {
    const before = this.#last;
    let next = () => {};
    this.#last = new Promise((resolve) => {
      next = resolve;
    });
    await before;
    const trx = new MemoryTransaction();
    try {
      const result = await fn(trx);
      trx.end(true);
      return result;
    } catch (error) {
      trx.end(false);
      throw error;
    } finally {
      next();
    }
  }

  /** Runs one piece of work inside the caller's transaction, or in one of its own. */
  async run<T>(trx: MemoryTransaction | undefined, work: (trx: MemoryTransaction) => T): Promise<T> {
    if (trx === undefined) return this.transaction(async (own) => work(own));
    if (trx.ended) throw new Error("This transaction has ended.");
    return work(trx);
  }
}
