/** What a request carries. It can be opened again, so that a renewed credential can resend it. */
export interface RequestBody {
  /** The `Content-Type` header. */
  readonly contentType: string;
  /** The exact number of bytes. */
  readonly contentLength: number;
  /** Opens the bytes from the start. Reads nothing ahead of its reader. */
  open(): Promise<ReadableStream<Uint8Array>>;
}

/** A form as `application/x-www-form-urlencoded`; a name may come several times. */
export function formBody(fields: Iterable<readonly [name: string, value: string]>): RequestBody {
  const text = new URLSearchParams(
    [...fields].map(([name, value]): [string, string] => [name, value]),
  ).toString();
  return textBody("application/x-www-form-urlencoded", text);
}

/** A value as JSON. */
export function jsonBody(value: unknown): RequestBody {
  return textBody("application/json", JSON.stringify(value));
}

function textBody(contentType: string, text: string): RequestBody {
  const bytes = new TextEncoder().encode(text);
  return {
    contentType,
    contentLength: bytes.byteLength,
    open: async () =>
      new ReadableStream(
        {
          pull(controller) {
            if (bytes.byteLength > 0) controller.enqueue(bytes);
            controller.close();
          },
        },
        { highWaterMark: 0 },
      ),
  };
}
