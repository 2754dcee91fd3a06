import { WorkSlots } from "./work-slots.ts";
import { WorkerThread } from "./worker-thread.ts";

/** How a {@link WorkerPool} works. */
export interface WorkerPoolSettings {
  /** Name of the built file that the threads run. */
  script: string;
  /** The most that V8's heap may hold, per thread. */
  heapBytes: number;
  /** How many threads at a time. */
  size: number;
  /** How long a thread waits for more work, in milliseconds. */
  idleMs: number;
  /** After so much work a thread is replaced: what foreign documents leave behind in it does not add up. */
  usesPerThread: number;
}

/**
 * Threads that are started when there is work and kept for a while afterwards, since a start takes longer than most
 * work does. Nothing runs before the first use.
 */
export class WorkerPool<Request, Answer> {
  readonly #settings: WorkerPoolSettings;
  readonly #slots: WorkSlots;
  readonly #idle: { thread: WorkerThread<Request, Answer>; uses: number }[] = [];

  constructor(settings: WorkerPoolSettings) {
    this.#settings = settings;
    this.#slots = new WorkSlots(settings.size);
  }

  /**
   * Lends a thread, as soon as there is one.
   *
   * @param signal ends the waiting for a thread
   */
  use<Result>(
    work: (thread: WorkerThread<Request, Answer>) => Promise<Result>,
    signal?: AbortSignal,
  ): Promise<Result> {
    return this.#slots.run(async () => {
      const { thread, uses } = this.#take();
      try {
        return await work(thread);
      } finally {
        if (thread.isUsable && uses < this.#settings.usesPerThread) {
          thread.rest(this.#settings.idleMs);
          this.#idle.push({ thread, uses });
        } else await thread.end();
      }
    }, signal);
  }

  #take(): { thread: WorkerThread<Request, Answer>; uses: number } {
    for (let kept = this.#idle.pop(); kept !== undefined; kept = this.#idle.pop()) {
      if (!kept.thread.isUsable) continue;
      kept.thread.wake();
      return { thread: kept.thread, uses: kept.uses + 1 };
    }
    const { script, heapBytes } = this.#settings;
    return { thread: new WorkerThread(script, heapBytes), uses: 1 };
  }
}
