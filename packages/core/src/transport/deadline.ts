/** The longest time that a timer takes. */
const longestMs = 2 ** 31 - 1;

/** A signal that aborts when the caller's does, or when the time is over. */
export class Deadline {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout;

  /** @param ms time from now, in milliseconds */
  constructor(ms: number, callerSignal: AbortSignal) {
    this.signal = AbortSignal.any([callerSignal, this.#controller.signal]);
    this.#timer = this.#start(ms);
  }

  /** True when the time ran out; false when the caller aborted, or nobody did. */
  get expired(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Gives so much time from now, instead of what was left. */
  restart(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = this.#start(ms);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  #start(ms: number): NodeJS.Timeout {
    const expire = () => this.#controller.abort(new DOMException("the deadline has passed", "TimeoutError"));
    return setTimeout(expire, Math.min(ms, longestMs));
  }
}
