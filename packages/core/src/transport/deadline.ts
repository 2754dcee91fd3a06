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

  /**
   * Passes a stream on and gives it time for each byte that comes, at the slowest speed to put up with. A stream that
   * trickles so has no more than `ms` in all, however much it promises.
   *
   * @param ms time from now for everything but the bytes
   */
  earned(
    source: ReadableStream<Uint8Array>,
    ms: number,
    minBytesPerSecond: number,
  ): ReadableStream<Uint8Array> {
    const reader = source.getReader();
    let end = performance.now() + ms;
    const wait = () => {
      clearTimeout(this.#timer);
      this.#timer = this.#start(end - performance.now());
    };
    wait();
    return new ReadableStream(
      {
        async pull(controller) {
          const { done, value } = await reader.read();
          if (done) return controller.close();
          end += (value.byteLength / minBytesPerSecond) * 1000;
          wait();
          controller.enqueue(value);
        },
        cancel: (reason) => reader.cancel(reason),
      },
      { highWaterMark: 0 },
    );
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  #start(ms: number): NodeJS.Timeout {
    const expire = () => this.#controller.abort(new DOMException("the deadline has passed", "TimeoutError"));
    return setTimeout(expire, Math.min(Math.max(ms, 0), longestMs));
  }
}
