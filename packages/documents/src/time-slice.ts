import { setImmediate } from "node:timers/promises";

/**
 * Splits long work into slices, so that it never holds the event loop for long. Ask {@link due} at every step that is
 * cheap compared with a slice, and await {@link pause} when it says so.
 *
 * @example
 * const slice = new TimeSlice();
 * for (const page of pages) {
 *   if (slice.due()) await slice.pause();
 *   convert(page);
 * }
 */
export class TimeSlice {
  readonly #milliseconds: number;
  #end: number;

  /** @param milliseconds how long to work before a pause; default 5 */
  constructor(milliseconds = 5) {
    this.#milliseconds = milliseconds;
    this.#end = performance.now() + milliseconds;
  }

  /** True when the slice is used up. */
  due(): boolean {
    return performance.now() >= this.#end;
  }

  /** Lets everything else that waits run once, then starts the next slice. */
  async pause(): Promise<void> {
    await setImmediate();
    this.#end = performance.now() + this.#milliseconds;
  }
}
