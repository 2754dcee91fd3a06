import { randomBytes } from "node:crypto";
import {
  documentFromBytes,
  FaxError,
  type SendJob,
  type TransportCall,
  type TransportEvent,
  type TransportHost,
  type WebhookRequest,
} from "@faxbot/core/transport";
import { capturingLogger } from "./capturing-logger.ts";
import { syntheticNumber } from "./synthetic-number.ts";
import { syntheticPdf } from "./synthetic-pdf.ts";

/**
 * Makes what the methods of a transport are handed: real `fetch`, the real clock, a logger that keeps its lines, no
 * rate limit, a state in memory.
 *
 * @param overrides parts to replace
 * @example
 * const logger = capturingLogger();
 * await transport.send(sendJob(), transportCall({ logger }));
 */
export function transportCall(overrides: Partial<TransportCall> = {}): TransportCall {
  const values = new Map<string, string>();
  return {
    signal: new AbortController().signal,
    fetch: globalThis.fetch,
    clock: { now: () => new Date() },
    logger: capturingLogger(),
    limiter: { acquire: async () => {}, block: () => {} },
    state: {
      get: async (key) => values.get(key),
      set: async (key, value) => void values.set(key, value),
    },
    ...overrides,
  };
}

/** A {@link TransportHost} that keeps the events. */
export interface CollectingHost extends TransportHost {
  readonly events: readonly TransportEvent[];
}

/** Makes what `run` is handed; like {@link transportCall}, and it keeps every event. */
export function transportHost(overrides: Partial<TransportHost> = {}): CollectingHost {
  const events: TransportEvent[] = [];
  return {
    ...transportCall(overrides),
    emit: async (event) => {
      await overrides.emit?.(event);
      events.push(event);
    },
    events,
  };
}

/**
 * Makes a job to send a synthetic page to a synthetic number, with fresh ids.
 *
 * @param overrides parts to replace
 */
export function sendJob(overrides: Partial<SendJob> = {}): SendJob {
  return {
    faxId: randomBytes(16).toString("hex"),
    attemptId: randomBytes(16).toString("hex"),
    earlierFailures: [],
    to: syntheticNumber(0),
    document: documentFromBytes(syntheticPdf(), { mediaType: "application/pdf", fileName: "fax.pdf" }),
    options: {},
    ...overrides,
  };
}

/**
 * Makes a webhook as a transport sees it.
 *
 * @param url the public URL that was called
 * @param body text, or bytes as they came
 */
export function webhookRequest(
  url: string,
  body: string | Uint8Array,
  more: { method?: string; headers?: Record<string, string> } = {},
): WebhookRequest {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  return {
    method: more.method ?? "POST",
    url,
    headers: new Headers(more.headers),
    body: {
      bytes: async (max) => {
        if (bytes.byteLength > max)
          throw new FaxError("document_too_large", `the body has more than ${max} bytes`);
        return bytes;
      },
      stream: async () => new Blob([bytes as Uint8Array<ArrayBuffer>]).stream() as ReadableStream<Uint8Array>,
    },
  };
}
