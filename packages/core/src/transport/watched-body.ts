/**
 * A request's body that knows whether anybody asked for its bytes. A `fetch` reads a body only once its connection
 * stands, so an untouched body proves that the provider cannot have got the request's content.
 */
export class WatchedBody {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #touched = false;

  constructor(source: ReadableStream<Uint8Array>) {
    const reader = source.getReader();
    this.#reader = reader;
    this.stream = new ReadableStream(
      {
        pull: async (controller) => {
          this.#touched = true;
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        cancel: (reason) => reader.cancel(reason),
      },
      // Nothing is read ahead, or the proof would be worthless.
      { highWaterMark: 0 },
    );
  }

  /** True once a byte was asked for. */
  get touched(): boolean {
    return this.#touched;
  }

  /** Closes what the body was made of. A `fetch` that failed early does not. */
  async close(): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }
}
