/**
 * Reads what `put` was handed, chunk by chunk. The stream is cancelled when the reader stops early or the signal aborts,
 * also while a chunk is awaited.
 *
 * @throws the signal's reason
 */
export async function* blobChunks(
  content: ReadableStream<Uint8Array> | Uint8Array,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (content instanceof Uint8Array) {
    signal?.throwIfAborted();
    yield content;
    return;
  }
  const reader = content.getReader();
  const cancel = () => void reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", cancel, { once: true });
  let ended = false;
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await reader.read();
      // A cancelled stream reads as ended: half a document must not pass for a whole one.
      signal?.throwIfAborted();
      ended = done;
      if (done) return;
      yield value;
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
    // It may have aborted before anybody listened: while a folder was made, say.
    if (!ended) await reader.cancel(signal?.reason).catch(() => {});
    reader.releaseLock();
  }
}
