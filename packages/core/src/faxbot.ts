import type { CoverPage } from "./ports/document-engine.ts";
import type { FaxQuery, Page } from "./ports/stores.ts";
import type { Attempt } from "./records/attempt.ts";
import type { EventRecord } from "./records/event-record.ts";
import type { Fax } from "./records/fax.ts";
import type { InboundFax } from "./records/inbound-fax.ts";
import type { NoticeType } from "./records/notice.ts";
import type { TokenPurpose } from "./records/token.ts";
import type { FaxDocument } from "./transport/fax-document.ts";
import type { FaxTransportV1, HealthReport } from "./transport/fax-transport.ts";
import type { WebhookRequest } from "./transport/webhook.ts";

/** A document as a caller has it. Bytes, Blob and stream are recognised by content; a stream is read once, to the blob store. */
export type DocumentInput =
  | FaxDocument
  | Uint8Array
  | Blob
  | ReadableStream<Uint8Array>
  | {
      /** The bytes, and a name to show. */
      content: Uint8Array | Blob | ReadableStream<Uint8Array>;
      fileName: string;
    };

/** What to send. */
export interface SendInput {
  /** The destination: E.164 such as `+12025550123`; separators and a leading `00` are understood. */
  to: string;
  /** The caller id, one of your numbers at the provider; default: the provider's. */
  from?: string;
  /** PDF, TIFF or plain text. */
  document: DocumentInput;
  /** A transport's id. Default: the first transport, with failover to the next ones when nothing was dialled or the line broke. */
  transport?: string;
  /** The same key with the same request gives the same fax; with another request it is refused. 1 to 255 characters. */
  idempotencyKey?: string;
  /** Not before this time. */
  sendAt?: Date;
  /** No attempt starts after this time; default: 24 hours after `sendAt` or now. */
  expiresAt?: Date;
  /** A cover page to put in front; needs a document engine that can. */
  cover?: CoverPage;
  /** Options for the transport, checked by the transport. */
  options?: Record<string, unknown>;
}

/** Which faxes to list; all fields optional. */
export type ListFaxes = Partial<Omit<FaxQuery, "tenantId">>;

/** An issued token. It is shown once and never stored. */
export interface IssuedToken {
  /** 43 base64url characters. */
  token: string;
  expiresAt: Date;
}

/** The answer for a provider's call. */
export interface WebhookAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** How a person settles a fax that needs review. */
export type ReviewVerdict =
  /** Somebody checked: it arrived. */
  | "delivered"
  /** Somebody checked: it did not arrive, and it shall not be sent again. */
  | "failed"
  /** It did not arrive (or may arrive twice): dial again. */
  | "send_again";

/** A fact delivered to the host, at least once: the same `id` may come again after a crash. */
export interface FaxbotEvent<Type extends NoticeType = NoticeType> {
  id: string;
  type: Type;
  tenantId: string;
  createdAt: Date;
  /** The record as it is now (it may have moved on since). */
  subject: Type extends `inbound.${string}` ? InboundFax : Fax;
}

/** Takes one event; when it throws or rejects, the event comes again later. */
export type FaxbotListener<Type extends NoticeType> = (event: FaxbotEvent<Type>) => void | Promise<void>;

/** A transport as the host sees it. */
export interface TransportInfo {
  id: string;
  transport: FaxTransportV1;
}

/**
 * The engine. One object serves a whole process; it is safe to run any number of them on the same stores.
 * Made by `createFaxbot`. Every method throws `FaxError`.
 */
export interface Faxbot<Trx = unknown> {
  readonly tenantId: string;
  /** The transports, in order of preference. */
  readonly transports: readonly TransportInfo[];

  /**
   * Accepts a fax: resolves when the document and the job are durable. With `trx` it joins the host's own transaction
   * and becomes real with its commit.
   *
   * @throws FaxError `request_invalid`, `document_*`, `idempotency_conflict`, `unsupported`, `store_unavailable`
   */
  send(input: SendInput, options?: { trx?: Trx }): Promise<Fax>;
  /** @throws FaxError `not_found` */
  get(id: string, options?: { trx?: Trx }): Promise<Fax>;
  /**
   * Waits until a fax is delivered, failed or canceled, or needs a person. Asks the store, so it works in any process;
   * somebody has to have started the engine.
   *
   * @throws FaxError `not_found`; the signal's reason when it aborts
   * @example
   * const fax = await faxbot.waitFor(id, { signal: AbortSignal.timeout(600_000) });
   */
  waitFor(id: string, options?: { signal?: AbortSignal }): Promise<Fax>;
  /** Newest first; 100 a page unless told. @throws FaxError `request_invalid` */
  list(query?: ListFaxes, options?: { trx?: Trx }): Promise<Page<Fax>>;
  /** All attempts of a fax, oldest first. @throws FaxError `not_found` */
  attempts(id: string, options?: { trx?: Trx }): Promise<Attempt[]>;
  /**
   * Asks to cancel. The returned fax is `canceled` when nothing was handed to a provider. Else `cancelRequestedAt` is
   * set: no further attempt starts, the provider is asked where it can cancel, and what came of it shows in the status.
   *
   * @throws FaxError `not_found`, `state_conflict` when the fax is already delivered or failed
   */
  cancel(id: string, options?: { trx?: Trx }): Promise<Fax>;
  /** The document as it was handed in. @throws FaxError `not_found` */
  document(id: string): Promise<FaxDocument>;
  /**
   * The document as a provider may fetch it, for the token in the `documentUrl` that the transport was handed.
   *
   * @throws FaxError `forbidden` (wrong or expired token), `not_found`
   */
  openWithToken(id: string, token: string): Promise<FaxDocument>;
  /** Settles a fax that `needsReview`. @throws FaxError `not_found`, `state_conflict` when it needs none */
  review(id: string, verdict: ReviewVerdict, options?: { trx?: Trx }): Promise<Fax>;

  /**
   * Takes a provider's call: verifies it, records what it says, answers. The answer is given only when what it says
   * is durable.
   *
   * @throws FaxError `not_found` (no such transport), `unsupported` (it has no webhook), `webhook_unverified`,
   * `webhook_malformed`, `store_unavailable`
   */
  receiveWebhook(transportId: string, request: WebhookRequest): Promise<WebhookAnswer>;

  /** Makes a token for one thing and purpose. @param ttlMs how long it works, in milliseconds */
  issueToken(purpose: TokenPurpose, subjectId: string, ttlMs: number): Promise<IssuedToken>;
  /** @throws FaxError `forbidden` when the token is wrong, expired or for something else */
  redeemToken(purpose: TokenPurpose, subjectId: string, token: string): Promise<void>;

  /** Provider events that could not be applied. */
  deadEvents(query?: { limit?: number; cursor?: string }): Promise<Page<EventRecord>>;
  /** Tries a dead event again. @throws FaxError `not_found` */
  replayEvent(id: string): Promise<void>;

  /** Listens to facts of this tenant. @returns a function that stops listening */
  on<Type extends NoticeType>(type: Type, listener: FaxbotListener<Type>): () => void;
  /** Checks every transport at once; never sends a fax. Takes at most 30 s. */
  checkHealth(): Promise<Record<string, HealthReport & { responseTimeMs: number }>>;
  /** The same engine for another tenant: same stores, transports and worker. */
  forTenant(tenantId: string): Faxbot<Trx>;

  /** Starts the worker, the transports' own loops and the periodic tasks. Before it nothing runs. */
  start(): Promise<void>;
  /** Takes no new work, lets running work end (at most `timeoutMs`, default 30,000), gives all claims back. */
  stop(options?: { timeoutMs?: number }): Promise<void>;
}
