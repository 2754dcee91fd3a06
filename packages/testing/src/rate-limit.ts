/** Counts requests over the last second. */
export interface RateLimit {
  /** Counts one request. @returns 0 when it is let through, else how many milliseconds to wait */
  take(): number;
  reset(): void;
}

/**
 * Makes a limit of so many requests in any second.
 *
 * @param options.blockMs how long everything is refused once the limit was passed, in milliseconds; 0 refuses only
 *   what is too much. What is refused does not count, and does not make the wait longer.
 */
export function rateLimit(options: { perSecond: () => number; blockMs: () => number }): RateLimit {
  let taken: number[] = [];
  let blockedUntil = 0;
  return {
    take() {
      const now = Date.now();
      if (now < blockedUntil) return blockedUntil - now;
      taken = taken.filter((at) => now - at < 1000);
      if (taken.length < options.perSecond()) {
        taken.push(now);
        return 0;
      }
      const blockMs = options.blockMs();
      if (blockMs > 0) blockedUntil = now + blockMs;
      return blockMs > 0 ? blockMs : Math.max(1, 1000 - (now - (taken[0] ?? now)));
    },
    reset() {
      taken = [];
      blockedUntil = 0;
    },
  };
}
