import type { ApiKey } from "../records/api-key.ts";
import type { Attempt } from "../records/attempt.ts";
import type { EventRecord, EventState } from "../records/event-record.ts";
import type { Fax } from "../records/fax.ts";
import type { InboundFax, InboundStatus } from "../records/inbound-fax.ts";
import type { Mailbox, MailboxRule } from "../records/mailbox.ts";
import type { Notice } from "../records/notice.ts";
import type { Token, TokenPurpose } from "../records/token.ts";
import type { FaxStatus } from "../transport/fax-status.ts";

/** One page of a list, newest first. */
export interface Page<T> {
  items: T[];
  /** Hand it back to read on; absent on the last page. */
  nextCursor?: string;
}

/** Which faxes to list. */
export interface FaxQuery {
  tenantId: string;
  status?: FaxStatus;
  transportId?: string;
  to?: string;
  needsReview?: boolean;
  /** Only those created at or after. */
  since?: Date;
  /** 1 to 1000. */
  limit: number;
  cursor?: string;
}

/** Which received faxes to list. */
export interface InboundQuery {
  tenantId: string;
  /** Default: all but `receiving` and `deleted`. */
  status?: InboundStatus;
  to?: string;
  /** Any of these mailboxes. */
  mailboxes?: string[];
  since?: Date;
  limit: number;
  cursor?: string;
}

/** Who claims, for how long, how many. Claims go over all tenants. */
export interface ClaimRequest {
  owner: string;
  /** How long the claim holds, in milliseconds from `now`. */
  leaseMs: number;
  limit: number;
  now: Date;
}

/** A durable claim on a name: one holder at a time. */
export interface Lease {
  name: string;
  fence: number;
}

/**
 * Port: everything that must survive a crash. `Trx` is the host's own transaction type; every method takes one, and
 * without one runs by itself. Methods never start a transaction of their own when `trx` is given.
 *
 * Rules that every implementation keeps (proven by `describeStores` of `@faxbot/testing/vitest`):
 * - what a resolved promise wrote is durable;
 * - `update` changes a row only when its `version` still is `record.version - 1` (the caller hands in the new record,
 *   version already raised) and, when `fence` is given, its fence still is that one; otherwise it returns false and
 *   changes nothing. `update` never writes the lease columns (fence, owner, until): only claims do;
 * - `insert` returns false when a unique index already holds the record, and does not abort the transaction;
 * - records are copies: changing one changes nothing in the store;
 * - a database that cannot be reached is a FaxError `store_unavailable`.
 */
export interface Stores<Trx = unknown> {
  /** Runs `fn` in one transaction: all of it or nothing. Rolls back when `fn` throws. */
  transaction<T>(fn: (trx: Trx) => Promise<T>): Promise<T>;
  /**
   * Refuses what would break a promise (missing tables, SQLite without WAL or synchronous=FULL).
   *
   * @throws FaxError `config_invalid` or `store_unavailable`
   */
  checkReady(): Promise<void>;
  readonly faxes: FaxStore<Trx>;
  readonly attempts: AttemptStore<Trx>;
  readonly events: EventStore<Trx>;
  readonly notices: NoticeStore<Trx>;
  readonly inbound: InboundStore<Trx>;
  readonly idempotency: IdempotencyStore<Trx>;
  readonly tokens: TokenStore<Trx>;
  readonly leases: LeaseStore<Trx>;
  readonly state: StateStore<Trx>;
  readonly mailboxes: MailboxStore<Trx>;
  readonly apiKeys: ApiKeyStore<Trx>;
}

/** Outbound faxes; unique on (tenant, id). */
export interface FaxStore<Trx> {
  insert(fax: Fax, trx?: Trx): Promise<boolean>;
  update(fax: Fax, trx?: Trx): Promise<boolean>;
  /** With `trx`, the row stays locked until the transaction ends where the database has row locks. */
  get(tenantId: string, id: string, trx?: Trx): Promise<Fax | undefined>;
  /** Newest first by (createdAt, id). */
  list(query: FaxQuery, trx?: Trx): Promise<Page<Fax>>;
  /** Which of these blob keys belong to a fax (of any tenant). */
  knownBlobs(keys: string[], trx?: Trx): Promise<Set<string>>;
}

/**
 * The ledger of attempts; unique on (tenant, id), on (tenant, faxId) over open attempts, and on (tenant, lineKey)
 * over attempts in `submitting`, `submitted` or `in_progress` that have a line key.
 */
export interface AttemptStore<Trx> {
  /** False also when the fax already has an open attempt. */
  insert(attempt: Attempt, trx?: Trx): Promise<boolean>;
  /**
   * False also when the destination's line is taken: then the row is as it was (and a surrounding transaction still
   * usable).
   */
  update(attempt: Attempt, options?: { fence?: number }, trx?: Trx): Promise<boolean>;
  /** With `trx`, the row stays locked until the transaction ends where the database has row locks. */
  get(tenantId: string, id: string, trx?: Trx): Promise<Attempt | undefined>;
  /**
   * Over all tenants: ids are 128 random bits, and a connection that serves several tenants reports by them alone. So
   * ids are unique over all tenants as well.
   */
  find(id: string, trx?: Trx): Promise<Attempt | undefined>;
  /** The newest attempt with this provider id. */
  findByProviderId(
    tenantId: string,
    transportId: string,
    providerId: string,
    trx?: Trx,
  ): Promise<Attempt | undefined>;
  /** By number, ascending. */
  listByFax(tenantId: string, faxId: string, trx?: Trx): Promise<Attempt[]>;
  /**
   * Claims open attempts that are due (`dueAt <= now`) and not leased (`leaseUntil` absent or `<= now`), oldest due
   * first: sets owner and lease and raises the fence. Two claimers never get the same row (SKIP LOCKED on PostgreSQL).
   */
  claimDue(request: ClaimRequest, trx?: Trx): Promise<Attempt[]>;
  /** Prolongs a claim; false when it was lost: somebody else claimed since, or it was given back. */
  renew(claim: ClaimRef, leaseUntil: Date, trx?: Trx): Promise<boolean>;
  /** Gives a claim back so that others need not wait for the lease to run out; false when it was lost. */
  release(claim: ClaimRef, trx?: Trx): Promise<boolean>;
}

/** Names one claim. */
export interface ClaimRef {
  tenantId: string;
  id: string;
  fence: number;
}

/** Recorded provider events; unique on (tenant, transportId, key). */
export interface EventStore<Trx> {
  insert(event: EventRecord, trx?: Trx): Promise<boolean>;
  get(tenantId: string, id: string, trx?: Trx): Promise<EventRecord | undefined>;
  claimDue(request: ClaimRequest, trx?: Trx): Promise<EventRecord[]>;
  renew(claim: ClaimRef, leaseUntil: Date, trx?: Trx): Promise<boolean>;
  /**
   * Ends a claim with a verdict; false when the claim was lost. `pending` comes back at `dueAt`. With `lastError` it was
   * a failed try: `tries` is raised by one.
   */
  settle(
    claim: ClaimRef,
    verdict: { state: EventState; dueAt?: Date; lastError?: string; now: Date },
    trx?: Trx,
  ): Promise<boolean>;
  /** Newest first. */
  list(
    query: { tenantId: string; state?: EventState; limit: number; cursor?: string },
    trx?: Trx,
  ): Promise<Page<EventRecord>>;
  /** Makes a dead event pending again: due `now`, with no tries. False when there is no such dead event. */
  replay(tenantId: string, id: string, now: Date, trx?: Trx): Promise<boolean>;
  /** Deletes at most `limit` `done` events created before. Returns how many. */
  purge(before: Date, limit: number, trx?: Trx): Promise<number>;
}

/** Facts for the host that were not taken yet; unique on (tenant, id). */
export interface NoticeStore<Trx> {
  insert(notice: Notice, trx?: Trx): Promise<boolean>;
  claimDue(request: ClaimRequest, trx?: Trx): Promise<Notice[]>;
  /** Deletes a notice that was taken; false when the claim was lost. */
  remove(claim: ClaimRef, trx?: Trx): Promise<boolean>;
  /** Puts a notice back whose listener failed: comes back at `dueAt`, tries raised by one. */
  postpone(claim: ClaimRef, dueAt: Date, trx?: Trx): Promise<boolean>;
}

/** Received faxes; unique on (tenant, id) and on (tenant, transportId, providerId). */
export interface InboundStore<Trx> {
  insert(fax: InboundFax, trx?: Trx): Promise<boolean>;
  update(fax: InboundFax, trx?: Trx): Promise<boolean>;
  get(tenantId: string, id: string, trx?: Trx): Promise<InboundFax | undefined>;
  findByProviderId(
    tenantId: string,
    transportId: string,
    providerId: string,
    trx?: Trx,
  ): Promise<InboundFax | undefined>;
  /** Newest first by (createdAt, id). */
  list(query: InboundQuery, trx?: Trx): Promise<Page<InboundFax>>;
  /** Received faxes of any tenant whose retention ended, oldest first. */
  listExpired(now: Date, limit: number, trx?: Trx): Promise<InboundFax[]>;
  knownBlobs(keys: string[], trx?: Trx): Promise<Set<string>>;
}

/** Idempotency keys; unique on (tenant, key). */
export interface IdempotencyStore<Trx> {
  /**
   * Claims a key for a fax, or says who has it. Waits for a concurrent uncommitted claim of the same key where the
   * database does.
   */
  claim(
    entry: { tenantId: string; key: string; fingerprint: string; faxId: string; createdAt: Date },
    trx?: Trx,
  ): Promise<{ claimed: true } | { claimed: false; faxId: string; fingerprint: string }>;
  /** Deletes at most `limit` keys created before. Returns how many. */
  purge(before: Date, limit: number, trx?: Trx): Promise<number>;
}

/** Tokens; unique on (tenant, hash). */
export interface TokenStore<Trx> {
  insert(token: Token, trx?: Trx): Promise<boolean>;
  /** Also when it has expired. */
  find(tenantId: string, hash: string, purpose: TokenPurpose, trx?: Trx): Promise<Token | undefined>;
  /** Deletes at most `limit` tokens that expired before. Returns how many. */
  purge(before: Date, limit: number, trx?: Trx): Promise<number>;
}

/** Leases on names over all tenants and replicas: periodic tasks and singleton transports. */
export interface LeaseStore<Trx> {
  /**
   * Takes the lease when nobody holds it and its `dueAt` (if set by the last `release`) has come; raises the fence.
   */
  acquire(
    request: { name: string; owner: string; leaseMs: number; now: Date },
    trx?: Trx,
  ): Promise<Lease | undefined>;
  renew(lease: Lease, leaseUntil: Date, trx?: Trx): Promise<boolean>;
  /** Gives it back; with `dueAt` nobody gets it before. */
  release(lease: Lease, options: { dueAt?: Date }, trx?: Trx): Promise<boolean>;
}

/** Small durable values of transports, by (tenant, transportId, key). */
export interface StateStore<Trx> {
  get(tenantId: string, transportId: string, key: string, trx?: Trx): Promise<string | undefined>;
  set(tenantId: string, transportId: string, key: string, value: string, trx?: Trx): Promise<void>;
}

/** Mailboxes, unique on (tenant, label), and rules, unique on (tenant, toNumber). */
export interface MailboxStore<Trx> {
  insert(mailbox: Mailbox, trx?: Trx): Promise<boolean>;
  /** The last writer wins. False when there is no such mailbox or another one has the label. */
  update(mailbox: Mailbox, trx?: Trx): Promise<boolean>;
  get(tenantId: string, id: string, trx?: Trx): Promise<Mailbox | undefined>;
  /** By label. */
  list(tenantId: string, trx?: Trx): Promise<Mailbox[]>;
  insertRule(rule: MailboxRule, trx?: Trx): Promise<boolean>;
  deleteRule(tenantId: string, id: string, trx?: Trx): Promise<boolean>;
  /** By number. */
  listRules(tenantId: string, trx?: Trx): Promise<MailboxRule[]>;
  findRule(tenantId: string, toNumber: string, trx?: Trx): Promise<MailboxRule | undefined>;
}

/** API keys; unique on id over all tenants. */
export interface ApiKeyStore<Trx> {
  insert(key: ApiKey, trx?: Trx): Promise<boolean>;
  /** Over all tenants: the key tells which tenant calls. */
  find(id: string, trx?: Trx): Promise<ApiKey | undefined>;
  /** Oldest first. */
  list(tenantId: string, trx?: Trx): Promise<ApiKey[]>;
  /** False when there is no such key. The first revocation's time stays. */
  revoke(tenantId: string, id: string, at: Date, trx?: Trx): Promise<boolean>;
  /** Batched: sets `lastUsedAt` of many keys at once, and never back. */
  touch(uses: { id: string; at: Date }[], trx?: Trx): Promise<void>;
}
