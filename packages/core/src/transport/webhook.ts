import type { FaxDocument } from "./fax-document.ts";
import type { StatusReport } from "./fax-status.ts";

/** A webhook's body. Nothing is read before it is asked for; past 1 MB it is spooled to disk. May be read several times. */
export interface WebhookBody {
  /**
   * The whole body, byte for byte as it came.
   *
   * @param max the most bytes to hold
   * @throws FaxError `document_too_large` when the body is larger
   */
  bytes(max: number): Promise<Uint8Array>;
  /** The body as a stream from its first byte. */
  stream(): Promise<ReadableStream<Uint8Array>>;
}

/** A provider's call to us, as a transport sees it. */
export interface WebhookRequest {
  method: string;
  /** The *configured public* URL with the path and query that were called, verbatim; never made of forwarded headers. */
  url: string;
  headers: Headers;
  body: WebhookBody;
}

/** A fact that a transport reports, from a webhook, a poll or a connection. */
export type TransportEvent =
  | {
      type: "status";
      /** Identifies the event; the same key is applied once. */
      key: string;
      report: StatusReport;
    }
  | {
      type: "received";
      /** Identifies the event; the same key is applied once. */
      key: string;
      providerId: string;
      /** E.164 where the provider gives it. */
      from?: string;
      to?: string;
      pages?: number;
      /** The document when it came with the event; else it is fetched by `providerId`. Dispose it once it is stored. */
      document?: FaxDocument;
      /** True when the far end hung up before the last page. */
      partial?: boolean;
      /** When the provider received it. */
      occurredAt?: Date;
    };

/** What a transport makes of a verified webhook. */
export interface WebhookResult {
  /** Empty for a verified call that means nothing to us (an unknown event, a test request). */
  events: TransportEvent[];
  /** The provider's own answer where it demands one; default: 202. */
  response?: { status: number; headers?: Record<string, string>; body?: string };
}
