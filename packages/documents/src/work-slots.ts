/** Bounds how many pieces of work are done at a time; the others wait for their turn, in order. */
export class WorkSlots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** @param count how many at a time */
  constructor(count: number) {
    this.#free = count;
  }

  /**
   * Does some work when there is a slot for it.
   *
   * @param signal ends the waiting; the promise is then rejected with its reason. Work that has begun is not ended
   * @example
   * const slots = new WorkSlots(2);
   * const page = await slots.run(() => convert(page));
   */
  async run<Result>(work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    signal?.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#turn(signal);
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // A slot is handed on, so that nobody else takes it in between.
      if (next === undefined) this.#free += 1;
      else next();
    }
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(start), 1);
        reject(signal?.reason);
      };
      const start = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(start);
    });
  }
}
