import { FaxError } from "@faxbot/core";

/**
 * The request's body as a stream that can be given up without harm. Cancelling a body of a Node server would destroy the
 * socket, and the caller would never read why it was refused; so what is left unread is left to the server.
 *
 * @param maxBytes past it the stream fails with `document_too_large`
 */
export function requestBody(request: Request, maxBytes: number): ReadableStream<Uint8Array> | null {
  if (!request.body) return null;
  let size = 0;
  const reader = request.body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read();
        if (done) {
          controller.close();
          return;
        }
        size += value.byteLength;
        if (size > maxBytes)
          throw new FaxError("document_too_large", `the body is larger than ${maxBytes} bytes`);
        controller.enqueue(value);
      },
      cancel() {
        reader.releaseLock();
      },
    },
    // Nothing is read ahead: what nobody asks for stays with the sender.
    { highWaterMark: 0 },
  );
}
