import { type ByteSpool, spoolBytes } from "./byte-spool.ts";
import { readAll } from "./fax-document.ts";
import { FaxError } from "./fax-error.ts";
import type { WebhookBody } from "./webhook.ts";

/** Limits of {@link webhookBody}. */
export interface WebhookBodyOptions {
  /** The most bytes to take at all. */
  maxBytes: number;
  /** Bytes held in memory before a temporary file is used; default 1 MiB. */
  memoryBytes?: number;
  /** Stops the reading, e.g. the request's own signal. */
  signal?: AbortSignal;
}

/** A {@link WebhookBody} with an end: whoever made it disposes it once the webhook is answered. */
export interface DisposableWebhookBody extends WebhookBody {
  /** Removes what was spooled; cancels the source when it was not read to its end. */
  dispose(): Promise<void>;
}

/**
 * Makes a {@link WebhookBody} of a request's stream. Nothing is read before the first `bytes` or `stream`, so that
 * credentials in headers can be checked first; then it is read once and kept, past `memoryBytes` in a temporary file
 * (mode 0600, without a name).
 *
 * @param source the raw body; `null` counts as empty, as `Request.body` has it
 * @throws FaxError `document_too_large` from `bytes` and `stream`, when more than `maxBytes` come
 * @example
 * const body = webhookBody(request.body, { maxBytes: 64 * 1024 * 1024 });
 * try {
 *   return await transport.receiveWebhook({ method: "POST", url, headers: request.headers, body }, call);
 * } finally {
 *   await body.dispose();
 * }
 */
export function webhookBody(
  source: ReadableStream<Uint8Array> | null,
  options: WebhookBodyOptions,
): DisposableWebhookBody {
  let spool: Promise<ByteSpool> | undefined;
  let read: ByteSpool | undefined;
  const disposal = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, disposal.signal]) : disposal.signal;
  const spooled = (): Promise<ByteSpool> => {
    spool ??= spoolBytes(source ?? new Blob([]).stream(), { ...options, signal }).then((whole) => {
      read = whole;
      return whole;
    });
    return spool;
  };
  return {
    bytes: async (max) => {
      const whole = await spooled();
      if (whole.size > max) throw new FaxError("document_too_large", `more than ${max} bytes`);
      return readAll(whole.open(), whole.size);
    },
    stream: async () => (await spooled()).open(),
    dispose: async () => {
      if (read) return read.dispose();
      disposal.abort(new FaxError("state_conflict", "the body was disposed"));
      if (!spool) await source?.cancel().catch(() => {});
      await spooled().then(
        (whole) => whole.dispose(),
        () => {},
      );
    },
  };
}
