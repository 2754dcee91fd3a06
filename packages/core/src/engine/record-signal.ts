import { randomBytes } from "node:crypto";
import type { Attempt, AttemptState } from "../records/attempt.ts";
import type { Fax } from "../records/fax.ts";
import type { NoticeType } from "../records/notice.ts";
import type { Failure, StatusReport } from "../transport/fax-status.ts";
import { type AttemptSignal, attemptTransition } from "./attempt-transition.ts";
import type { Engine } from "./engine.ts";
import { canSend } from "./find-transport.ts";
import { planNextAttempt } from "./retry-policy.ts";

/** A fact about an attempt that is to be recorded. */
export interface SignalInput {
  tenantId: string;
  attemptId: string;
  signal: AttemptSignal;
  /** The claim under which a worker writes; a webhook writes without one. */
  fence?: number;
  /** What the provider said. */
  report?: StatusReport;
  /** Why it failed, when the provider said nothing (it was never handed over). */
  failure?: Failure;
  /** What the provider asked us to wait before the next attempt, in milliseconds. */
  retryAfterMs?: number;
  /** When to look at the attempt again, if it stays open. */
  nextLookAt?: Date;
  /** Gives the claim back in the same transaction. */
  release?: boolean;
}

/** What came of a signal. `lost_claim`: another worker has the attempt; `line_busy`: the destination has a call open. */
export type SignalOutcome =
  | { type: "applied" | "ignored" | "contradiction"; attempt: Attempt; fax: Fax }
  | { type: "missing" | "lost_claim" | "line_busy" };

/** Thrown to roll a transaction back and run it again on fresh rows. */
class StaleRow extends Error {}

/**
 * Records one fact about an attempt and everything that follows from it (the fax's status, the next attempt, the notice
 * to the host) in one transaction. The only writer of attempt states.
 *
 * @param trx joins a transaction that the caller runs; then a conflict is thrown for the caller to retry
 */
export async function recordSignal<Trx>(
  engine: Engine<Trx>,
  input: SignalInput,
  trx?: Trx,
): Promise<SignalOutcome> {
  if (trx !== undefined) return record(engine, input, trx);
  return retryStale(() => engine.stores.transaction((own) => record(engine, input, own)));
}

/** Runs a transaction again when a row changed between its read and its write. */
export async function retryStale<T>(run: () => Promise<T>): Promise<T> {
  for (let left = 5; ; left--) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof StaleRow) || left === 0) throw error;
    }
  }
}

async function record<Trx>(engine: Engine<Trx>, input: SignalInput, trx: Trx): Promise<SignalOutcome> {
  const { stores } = engine;
  const attempt = await stores.attempts.get(input.tenantId, input.attemptId, trx);
  if (!attempt) return { type: "missing" };
  if (input.fence !== undefined && attempt.fence !== input.fence) return { type: "lost_claim" };
  const fax = await stores.faxes.get(input.tenantId, attempt.faxId, trx);
  if (!fax) return { type: "missing" };

  const now = engine.clock.now();
  // The last look before the wire, under the lock: a person or a proof may have come while the document was prepared.
  const held = input.signal === "intend" && (fax.needsReview || fax.cancelRequestedAt);
  const transition = held ? "ignore" : attemptTransition(attempt.state, input.signal);
  let outcome: SignalOutcome;
  if (transition === "contradiction") {
    await flagContradiction(engine, fax, now, trx);
    outcome = { type: "contradiction", attempt, fax };
  } else if (transition === "ignore") {
    await keepLateFacts(engine, attempt, fax, input, now, trx);
    outcome = { type: "ignored", attempt, fax };
  } else {
    outcome = (await moveTo(engine, transition, attempt, fax, input, now, trx))
      ? { type: "applied", attempt, fax }
      : { type: "line_busy" };
  }
  if (input.release && input.fence !== undefined) {
    await stores.attempts.release({ tenantId: attempt.tenantId, id: attempt.id, fence: input.fence }, trx);
  }
  return outcome;
}

async function flagContradiction<Trx>(engine: Engine<Trx>, fax: Fax, now: Date, trx: Trx): Promise<void> {
  if (fax.needsReview === "contradiction") return;
  fax.needsReview = "contradiction";
  await saveFax(engine, fax, now, trx);
  await notify(engine, "fax.needs_review", fax, now, trx);
}

/** A late report may still bring the provider's id, pages or the price; it moves no state. */
async function keepLateFacts<Trx>(
  engine: Engine<Trx>,
  attempt: Attempt,
  fax: Fax,
  input: SignalInput,
  now: Date,
  trx: Trx,
): Promise<void> {
  const attemptChanged = mergeReport(attempt, input.report);
  const current = fax.attempts === attempt.number;
  const faxChanged = current && mergeIntoFax(fax, attempt);
  // A worker that looked decides when to look again, or (without a time) that only an event or a person moves it on.
  const looked = attempt.completedAt === undefined && input.fence !== undefined && input.signal !== "intend";
  if (looked) {
    if (input.nextLookAt) attempt.dueAt = input.nextLookAt;
    else delete attempt.dueAt;
    attempt.checks += 1;
  }
  if (attemptChanged || looked) await saveAttempt(engine, attempt, input, now, trx);
  if (faxChanged) await saveFax(engine, fax, now, trx);
}

/** False when the destination's line is taken. */
async function moveTo<Trx>(
  engine: Engine<Trx>,
  state: AttemptState,
  attempt: Attempt,
  fax: Fax,
  input: SignalInput,
  now: Date,
  trx: Trx,
): Promise<boolean> {
  mergeReport(attempt, input.report);
  attempt.state = state;
  attempt.updatedAt = now;
  if (state === "submitting") {
    attempt.submittingAt = now;
    if (engine.delivery.oneCallPerDestination) attempt.lineKey = fax.to;
    // After a crash the lease runs out and the next look starts here.
    attempt.dueAt = now;
  } else if (state === "delivered" || state === "failed" || state === "canceled") {
    attempt.completedAt = now;
    delete attempt.dueAt;
  } else if (input.fence !== undefined) {
    // Only a worker that looked says when to look again; an event leaves that as it is.
    if (input.nextLookAt) attempt.dueAt = input.nextLookAt;
    else delete attempt.dueAt;
    attempt.checks += 1;
  }
  if (state === "failed") {
    attempt.failure = input.failure ?? input.report?.failure ?? { reason: "unknown", retryable: false };
  }
  attempt.version += 1;
  const saved = await engine.stores.attempts.update(
    attempt,
    input.fence === undefined ? {} : { fence: input.fence },
    trx,
  );
  if (!saved) {
    // The rows are locked, so on the way to the wire the only other cause is the index of open lines.
    if (state === "submitting") return false;
    throw new StaleRow();
  }
  await followUp(engine, attempt, fax, input, now, trx);
  return true;
}

/** What an attempt's new state means for its fax. */
async function followUp<Trx>(
  engine: Engine<Trx>,
  attempt: Attempt,
  fax: Fax,
  input: SignalInput,
  now: Date,
  trx: Trx,
): Promise<void> {
  const before = fax.status;
  const review = fax.needsReview;
  mergeIntoFax(fax, attempt);
  if (attempt.state !== "unknown" && fax.needsReview === "outcome_unknown") delete fax.needsReview;

  switch (attempt.state) {
    case "submitting":
    case "submitted":
    case "in_progress":
      fax.status = "in_progress";
      delete fax.nextAttemptAt;
      break;
    case "unknown":
      fax.status = "in_progress";
      fax.needsReview ??= "outcome_unknown";
      break;
    case "delivered":
      finish(fax, "delivered", now);
      break;
    case "canceled":
      finish(fax, "canceled", now);
      break;
    case "failed":
      await afterFailure(engine, attempt, fax, input, now, trx);
      break;
    case "prepared":
      break;
  }
  await saveFax(engine, fax, now, trx);
  if (fax.status !== before) await notify(engine, `fax.${fax.status}`, fax, now, trx);
  if (fax.needsReview && fax.needsReview !== review) {
    await notify(engine, "fax.needs_review", fax, now, trx);
  }
}

async function afterFailure<Trx>(
  engine: Engine<Trx>,
  attempt: Attempt,
  fax: Fax,
  input: SignalInput,
  now: Date,
  trx: Trx,
): Promise<void> {
  const failure = attempt.failure ?? { reason: "unknown", retryable: false };
  if (fax.cancelRequestedAt && !attempt.pages) {
    finish(fax, "canceled", now);
    return;
  }
  const attempts = await engine.stores.attempts.listByFax(fax.tenantId, fax.id, trx);
  const step = planNextAttempt({
    failure,
    attempts: attempts.map((each) => (each.id === attempt.id ? attempt : each)),
    transports: fax.requestedTransportId ? [fax.requestedTransportId] : sendingTransports(engine),
    redials: engine.transports.get(attempt.transportId)?.manifest.redials ?? "none",
    rules: engine.delivery.retry,
    now,
    expiresAt: fax.expiresAt,
    ...(input.retryAfterMs === undefined ? {} : { retryAfterMs: input.retryAfterMs }),
    random: Math.random(),
  });
  if (step.type === "give_up" || fax.needsReview === "contradiction") {
    fax.failure = failure;
    if (attempt.pages) fax.partial = { confirmedPages: attempt.pages };
    finish(fax, "failed", now);
    return;
  }
  await openAttempt(engine, fax, step.transportId, step.dueAt, now, trx);
}

function sendingTransports<Trx>(engine: Engine<Trx>): string[] {
  return [...engine.transports.values()].filter(canSend).map(({ id }) => id);
}

/** Puts the fax's next attempt into the ledger and the fax back to `queued`; the caller saves the fax. */
export async function openAttempt<Trx>(
  engine: Engine<Trx>,
  fax: Fax,
  transportId: string,
  dueAt: Date,
  now: Date,
  trx: Trx,
): Promise<void> {
  fax.attempts += 1;
  fax.status = "queued";
  fax.transportId = transportId;
  fax.nextAttemptAt = dueAt;
  delete fax.providerId;
  delete fax.completedAt;
  delete fax.failure;
  delete fax.partial;
  const attempt: Attempt = {
    tenantId: fax.tenantId,
    id: randomBytes(16).toString("hex"),
    faxId: fax.id,
    number: fax.attempts,
    transportId,
    state: "prepared",
    dueAt,
    checks: 0,
    fence: 0,
    createdAt: now,
    updatedAt: now,
    version: 1,
  };
  if (!(await engine.stores.attempts.insert(attempt, trx))) throw new StaleRow();
}

/** Puts a fact for the host into the ledger. */
export async function notify<Trx>(
  engine: Engine<Trx>,
  type: NoticeType,
  subject: { tenantId: string; id: string },
  now: Date,
  trx: Trx,
): Promise<void> {
  await engine.stores.notices.insert(
    {
      tenantId: subject.tenantId,
      id: randomBytes(16).toString("hex"),
      type,
      subjectId: subject.id,
      tries: 0,
      dueAt: now,
      fence: 0,
      createdAt: now,
    },
    trx,
  );
}

/** Gives a fax its last status; the caller saves it. */
export function finish(fax: Fax, status: "delivered" | "failed" | "canceled", now: Date): void {
  fax.status = status;
  fax.completedAt = now;
  delete fax.nextAttemptAt;
}

/** Saves a fax that was read in the same transaction. */
export async function saveFax<Trx>(engine: Engine<Trx>, fax: Fax, now: Date, trx: Trx): Promise<void> {
  fax.version += 1;
  fax.updatedAt = now;
  if (!(await engine.stores.faxes.update(fax, trx))) throw new StaleRow();
}

async function saveAttempt<Trx>(
  engine: Engine<Trx>,
  attempt: Attempt,
  input: Pick<SignalInput, "fence">,
  now: Date,
  trx: Trx,
): Promise<void> {
  attempt.version += 1;
  attempt.updatedAt = now;
  const options = input.fence === undefined ? {} : { fence: input.fence };
  if (!(await engine.stores.attempts.update(attempt, options, trx))) throw new StaleRow();
}

/** Takes over what a report adds; true when something changed. Pages only grow. */
function mergeReport(attempt: Attempt, report: StatusReport | undefined): boolean {
  if (!report) return false;
  let changed = false;
  if (report.providerId && attempt.providerId === undefined) {
    attempt.providerId = report.providerId;
    changed = true;
  }
  if (attempt.completedAt === undefined && report.providerStatus !== attempt.providerStatus) {
    attempt.providerStatus = report.providerStatus;
    changed = true;
  }
  if (report.pages !== undefined && report.pages > (attempt.pages ?? 0)) {
    attempt.pages = report.pages;
    changed = true;
  }
  if (report.cost && report.cost.amount !== attempt.cost?.amount) {
    attempt.cost = report.cost;
    changed = true;
  }
  return changed;
}

function mergeIntoFax(fax: Fax, attempt: Attempt): boolean {
  let changed = false;
  if (attempt.providerId && fax.providerId !== attempt.providerId) {
    fax.providerId = attempt.providerId;
    changed = true;
  }
  if (attempt.pages !== undefined && fax.pages !== attempt.pages) {
    fax.pages = attempt.pages;
    changed = true;
  }
  if (attempt.cost && fax.cost?.amount !== attempt.cost.amount) {
    fax.cost = attempt.cost;
    changed = true;
  }
  return changed;
}
