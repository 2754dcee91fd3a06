/** Timers that are forgotten together. */
export interface TimerSet {
  /** Timers that have yet to fire. */
  readonly size: number;
  /** @returns a function that takes the timer back */
  later(ms: number, work: () => void): () => void;
  clear(): void;
}

/** Makes an empty set of timers; `later` with `Infinity` never fires and does not count. */
export function timerSet(): TimerSet {
  const timers = new Set<NodeJS.Timeout>();
  return {
    get size() {
      return timers.size;
    },
    later(ms, work) {
      if (!Number.isFinite(ms)) return () => {};
      const timer = setTimeout(() => {
        timers.delete(timer);
        work();
      }, ms);
      timers.add(timer);
      return () => {
        clearTimeout(timer);
        timers.delete(timer);
      };
    },
    clear() {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  };
}
