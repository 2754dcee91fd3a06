import type { FaxDocument } from "./fax-document.ts";
import type { Failure, StatusReport } from "./fax-status.ts";
import type { TransportManifest } from "./transport-manifest.ts";
import type { TransportEvent, WebhookRequest, WebhookResult } from "./webhook.ts";

/** The current time; injected so that tests can move it. */
export interface Clock {
  now(): Date;
}

/** Structured log fields. Never a phone number, name, document text, token or secret. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** A structured logger; pino and console-like loggers fit. `message` is a fixed text, values go into `fields`. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

/**
 * The provider's rate limit, shared by everything that calls it. The engine takes one slot before each method of a
 * transport that it calls, except `receiveWebhook` and `run`. Before `send` it does so before the intent is recorded, so
 * that waiting in line is never taken for an unknown outcome. A method that makes more than one wire call takes a slot
 * for each further one.
 */
export interface TransportLimiter {
  /** Resolves when one more call may be made. */
  acquire(signal?: AbortSignal): Promise<void>;
  /** Holds all calls back for this many milliseconds, e.g. after a 429. */
  block(ms: number): void;
}

/** Small durable values per transport and tenant: cursors, UIDVALIDITY. */
export interface TransportState {
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string): Promise<void>;
}

/** What every method of a transport is handed. */
export interface TransportCall {
  /** Aborts when the caller no longer waits; pass it on to every wire call. */
  signal: AbortSignal;
  fetch: typeof globalThis.fetch;
  clock: Clock;
  logger: Logger;
  limiter: TransportLimiter;
  state: TransportState;
  /** The configured public base URL of the host, without a trailing slash. */
  publicUrl?: string;
}

/** What a transport's own loop is handed, see {@link FaxTransportV1.run}. */
export interface TransportHost extends TransportCall {
  /** Resolves when the event is durable. Acknowledge the source only then. */
  emit(event: TransportEvent): Promise<void>;
}

/** One call to send one fax. */
export interface SendJob {
  faxId: string;
  /** 128 random bits as 32 hex digits. Put it where the provider echoes it, so that the fax can be found again. */
  attemptId: string;
  /** How earlier calls for this fax over this transport failed, oldest first; empty for the first one. */
  earlierFailures: readonly Failure[];
  /** E.164. */
  to: string;
  /** E.164. */
  from?: string;
  /** Already in a form that the manifest accepts. */
  document: FaxDocument;
  /** Where the provider can pull the document from, for transports that cannot be handed bytes. */
  documentUrl?: string;
  /** Where the provider is to report. Absent when no public URL is configured: then the fax is polled. */
  callbackUrl?: string;
  /** Provider options, validated by the transport itself. */
  options: Readonly<Record<string, unknown>>;
}

/** The answer to a health check. */
export interface HealthReport {
  status: "healthy" | "unhealthy" | "unknown";
  /** A fixed sentence, safe to show. */
  message: string;
}

/**
 * A transport: one provider or telephone exchange. Implement this against `@faxbot/core/transport` alone and prove it
 * with `describeTransport` of `@faxbot/testing/vitest`.
 *
 * A method that is absent here must not be listed in the manifest's capabilities, and the other way round:
 * `createFaxbot` refuses a transport whose manifest lies.
 */
export interface FaxTransportV1 {
  readonly specVersion: "v1";
  /** The manifest's id, or the host's own name for a second account of the same provider. */
  readonly id: string;
  readonly manifest: TransportManifest;
  /**
   * Hands one fax to the provider, once. Never repeats the call by itself when the outcome is not proven.
   *
   * @throws FaxError `transport_unauthorized`, `transport_rejected` (with `failure`), `transport_rate_limited` or
   * `transport_unavailable` only when it is *proven* that the provider did not take the fax; everything else that is
   * thrown counts as an unknown outcome.
   */
  send(job: SendJob, call: TransportCall): Promise<StatusReport>;
  /**
   * Refuses at once what this provider could never send: unknown options, a country it does not serve. Called before a
   * fax is accepted; must not wait or touch the wire.
   *
   * @throws FaxError `request_invalid` or `unsupported`
   */
  checkJob?(job: Pick<SendJob, "to" | "from" | "options">): void;
  /**
   * Tells whether one more call can be made now, for transports whose lines this process counts. Asked before the intent
   * is recorded: while it says no, faxes wait in line. Must not wait or touch the wire.
   */
  hasLine?(): boolean;
  /** Checks reachability and credentials without sending a fax. Reports, does not throw. */
  checkHealth(call: TransportCall): Promise<HealthReport>;
  /** @throws FaxError `not_found` when the provider does not know the id */
  getStatus?(providerId: string, call: TransportCall): Promise<StatusReport>;
  /** Looks for a fax by our attempt id; `undefined` when there is none (see the manifest's `lookup` for what that proves). */
  findByReference?(
    reference: string,
    call: TransportCall,
    hint?: { to: string; submittedAt: Date },
  ): Promise<StatusReport | undefined>;
  /** Asks the provider to cancel. The report says what came of it. */
  cancel?(providerId: string, call: TransportCall): Promise<StatusReport>;
  /**
   * Verifies AND reads a webhook; one method, so that nobody can read what was not verified.
   *
   * @throws FaxError `webhook_unverified` or `webhook_malformed`
   */
  receiveWebhook?(request: WebhookRequest, call: TransportCall): Promise<WebhookResult>;
  /** @throws FaxError `not_found` when the provider has no document for the id */
  fetchDocument?(providerId: string, call: TransportCall): Promise<FaxDocument>;
  /** Deletes the provider's copy. Deleting twice is not an error. */
  deleteDocument?(providerId: string, call: TransportCall): Promise<void>;
  /** Owns a connection or a poll until `host.signal` aborts. Core starts it again with back-off when it ends early. */
  run?(host: TransportHost): Promise<void>;
}
