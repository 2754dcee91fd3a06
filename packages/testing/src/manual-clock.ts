import type { Clock } from "@faxbot/core/transport";

/** A clock that stands still until it is moved. */
export interface ManualClock extends Clock {
  /** Moves the clock forward. @param ms milliseconds */
  advance(ms: number): void;
  /** Sets the clock. */
  set(time: Date): void;
}

/**
 * Makes a clock for tests.
 *
 * @param start the first time; default 2026-01-15T15:00:00Z
 * @example
 * const clock = manualClock();
 * clock.advance(60_000);
 */
export function manualClock(start = new Date("2026-01-15T15:00:00Z")): ManualClock {
  let now = start.getTime();
  return {
    now: () => new Date(now),
    advance: (ms) => {
      now += ms;
    },
    set: (time) => {
      now = time.getTime();
    },
  };
}
