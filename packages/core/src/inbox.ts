import type { FaultPointName } from "./fault-points.ts";
import type { IssuedToken } from "./faxbot.ts";
import type { InboundQuery, Page } from "./ports/stores.ts";
import type { EventRecord, ReceivedPayload } from "./records/event-record.ts";
import type { InboundFax } from "./records/inbound-fax.ts";
import type { NoticeType } from "./records/notice.ts";
import type { FaxDocument } from "./transport/fax-document.ts";
import type { Clock, Logger } from "./transport/fax-transport.ts";

/** A task that one replica at a time runs every so often. */
export interface PeriodicTask {
  /** Unique, e.g. `inbox.retention`. */
  name: string;
  /** Milliseconds between two runs. */
  everyMs: number;
  /** Does one bounded batch. Return true when more is left: then it runs again soon. */
  run(context: { signal: AbortSignal; clock: Clock; logger: Logger }): Promise<boolean | undefined>;
}

/** What the engine hands the inbox with each recorded event. */
export interface ReceivedContext<Trx = unknown> {
  signal: AbortSignal;
  clock: Clock;
  logger: Logger;
  /** Fetches the document by the provider's id, never by a URL from a payload. @throws FaxError `unsupported`, `not_found` */
  fetchDocument(): Promise<FaxDocument>;
  /** Removes the transport's copy, where its manifest says `removesReceived`; else does nothing. Call it when ours is stored. */
  removeDocument(): Promise<void>;
  /** Marks a place where a crash test may kill the process. */
  faultPoint(name: FaultPointName): void | Promise<void>;
  /** Puts a fact for the host into the ledger, in the given transaction. */
  notify(type: Extract<NoticeType, `inbound.${string}`>, subjectId: string, trx: Trx): Promise<void>;
}

/** Which received faxes to list; all fields optional. */
export type ListInbound = Partial<Omit<InboundQuery, "tenantId">>;

/**
 * The inbox as core and the HTTP API know it; `@faxbot/inbound` makes one. Hand it to `createFaxbot`, which feeds it
 * every recorded `received` event.
 */
export interface Inbox<Trx = unknown> {
  readonly tenantId: string;
  /**
   * Brings one recorded event into the inbox. Idempotent: it is called again after a crash at any point, and goes on
   * where it was. When it rejects, the event is tried again later, and is dead after too many tries.
   */
  consume(event: EventRecord & { payload: ReceivedPayload }, context: ReceivedContext<Trx>): Promise<void>;
  /** Called when an event is given up: marks the fax `failed` and tells the host. */
  giveUp(event: EventRecord & { payload: ReceivedPayload }, context: ReceivedContext<Trx>): Promise<void>;
  /** Retention and the like; core runs them while started. */
  readonly tasks: readonly PeriodicTask[];

  /** Newest first; 100 a page unless told. */
  list(query?: ListInbound, options?: { trx?: Trx }): Promise<Page<InboundFax>>;
  /** @throws FaxError `not_found` */
  get(id: string, options?: { trx?: Trx }): Promise<InboundFax>;
  /** The stored PDF. @throws FaxError `not_found` when there is none (any more) */
  document(id: string): Promise<FaxDocument>;
  /** A token that opens this fax's document. @param ttlMs milliseconds; default 60 minutes */
  issueToken(id: string, ttlMs?: number): Promise<IssuedToken>;
  /** The stored PDF for a token's holder. @throws FaxError `forbidden` (wrong or expired), `not_found` */
  openWithToken(id: string, token: string): Promise<FaxDocument>;
  /** The same inbox for another tenant. */
  forTenant(tenantId: string): Inbox<Trx>;
}
