import { createHash } from "node:crypto";
import { FaxError } from "@faxbot/core";

/**
 * Passes bytes through and fails at their end unless they are the promised ones, so that a store which writes whole
 * blobs or none never keeps a cut-off document.
 *
 * @throws FaxError `service_unavailable` (as the stream's error) when size or SHA-256 differ
 */
export function verifiedStream(
  bytes: ReadableStream<Uint8Array>,
  promised: { size: number; sha256: string },
): ReadableStream<Uint8Array> {
  const hash = createHash("sha256");
  let size = 0;
  return bytes.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        size += chunk.byteLength;
        if (size > promised.size) throw broken();
        hash.update(chunk);
        controller.enqueue(chunk);
      },
      flush() {
        if (size !== promised.size || hash.digest("hex") !== promised.sha256) throw broken();
      },
    }),
  );
}

function broken(): FaxError {
  return new FaxError("service_unavailable", "a received document came incomplete");
}

/** The SHA-256 of a stream's bytes, 64 lower-case hex digits. */
export async function hashOf(bytes: ReadableStream<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of bytes) hash.update(chunk);
  return hash.digest("hex");
}
