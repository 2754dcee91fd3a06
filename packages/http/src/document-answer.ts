import type { FaxDocument } from "@faxbot/core";

/**
 * Streams a document to a caller and keeps every cache, sniffer and referrer out of it.
 *
 * @param options.fileName made by us: letters, digits, dots and hyphens
 * @param options.head true for a HEAD request: then the document is not opened
 * @param options.onError told when the document breaks off in the middle; the caller sees a cut connection
 */
export async function documentAnswer(
  document: FaxDocument,
  options: { fileName: string; head: boolean; onError: (error: unknown) => void },
): Promise<Response> {
  const headers = {
    "content-type": document.mediaType,
    "content-length": String(document.size),
    "content-disposition": `inline; filename="${options.fileName.replaceAll(/[^A-Za-z0-9.-]/g, "_")}"`,
    "cache-control": "no-cache, no-store, must-revalidate",
    pragma: "no-cache",
    expires: "0",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
  };
  return new Response(options.head ? null : watched(await document.open(), options.onError), { headers });
}

function watched(
  stream: ReadableStream<Uint8Array>,
  onError: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          onError(error);
          throw error;
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
