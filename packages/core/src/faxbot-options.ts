import type { FaultPoint } from "./fault-points.ts";
import type { Inbox } from "./inbox.ts";
import type { BlobStore } from "./ports/blob-store.ts";
import type { DocumentEngine } from "./ports/document-engine.ts";
import type { Stores } from "./ports/stores.ts";
import type { WakeUp } from "./ports/wake-up.ts";
import type { FailureReason } from "./transport/fax-status.ts";
import type { Clock, FaxTransportV1, Logger, TransportLimiter } from "./transport/fax-transport.ts";

/** How often and when a failed fax is tried again, per failure reason. */
export interface RetryRule {
  /** Further attempts after the first with this reason. */
  retries: number;
  /** Milliseconds to wait before the 1st, 2nd … retry; the last one repeats. */
  delaysMs: readonly number[];
  /** Whether another transport may be tried. */
  failover: boolean;
}

/** How the engine delivers. All times are in milliseconds. */
export interface DeliveryOptions {
  /** Attempts worked on at once by this process; default 8. */
  concurrency?: number;
  /** How long a claim holds without a sign of life; default 60,000. */
  leaseMs?: number;
  /** How often to look for work when nothing wakes the engine; default 1,000. */
  pollMs?: number;
  /** First wait before a submitted fax is asked for; default 60,000 with a public URL (webhooks come first), 5,000 without. It grows up to 15 minutes. */
  statusPollMs?: number;
  /** How long a handed-over fax may stay without a final word before a person is told; default 24 h. It is still polled. */
  staleAfterMs?: number;
  /** How long a fax may wait for its first or next attempt; default 24 h. */
  expiresAfterMs?: number;
  /** One open call per destination number; default true. */
  oneCallPerDestination?: boolean;
  /** Changes single rows of the retry table. */
  retry?: Partial<Record<FailureReason, Partial<RetryRule>>>;
}

/** What `createFaxbot` is made of. */
export interface FaxbotOptions<Trx = unknown> {
  /** In order of preference; ids must differ. */
  transports: readonly FaxTransportV1[];
  stores: Stores<Trx>;
  blobs: BlobStore;
  /** Default: none; then only PDF and TIFF that the transport takes as they are. */
  documents?: DocumentEngine;
  /** Default: none; then received faxes stay recorded until an inbox is there. */
  inbox?: Inbox<Trx>;
  /** The base URL under which providers reach this host's handler, e.g. `https://fax.example.com/fax-api`. Without it every fax is polled. */
  publicUrl?: string;
  /** Keys the hashes of tokens; two during rotation, the new one first. Default: none (tokens are 256 bits of chance and stored as plain SHA-256). */
  pepper?: string | readonly string[];
  /** Default: wakes this process only. */
  wakeUp?: WakeUp;
  /** Default: a limiter in this process with the rate of the manifest. */
  limiter?: (transportId: string) => TransportLimiter;
  clock?: Clock;
  /** Default: silent. */
  logger?: Logger;
  fetch?: typeof globalThis.fetch;
  /** For crash tests. */
  faultPoint?: FaultPoint;
  /** `"1"`: ten digits are a number in North America. Default: numbers carry their country code. */
  defaultCountryCode?: "1";
  /** The largest document to accept in bytes; default 10 MiB. */
  maxDocumentBytes?: number;
  delivery?: DeliveryOptions;
}
