import type { Attempt } from "../records/attempt.ts";
import type { Fax } from "../records/fax.ts";
import type { FaxDocument } from "../transport/fax-document.ts";
import { type FaxError, isFaxError } from "../transport/fax-error.ts";
import type { Failure, StatusReport } from "../transport/fax-status.ts";
import type { FaxTransportV1, SendJob } from "../transport/fax-transport.ts";
import { signalOfReport } from "./attempt-transition.ts";
import { callbackUrl } from "./callback-url.ts";
import type { Engine } from "./engine.ts";
import { offerDocument } from "./pulled-document.ts";
import { recordEvent } from "./record-event.ts";
import { recordSignal, type SignalInput } from "./record-signal.ts";
import { openStoredDocument } from "./stored-document.ts";

/** How long a fax waits when its destination has another call open, or all lines are taken. */
const lineBusyWaitMs = 2_000;
const longestCheckGapMs = 15 * 60_000;
const longestReconcileGapMs = 6 * 3_600_000;

/**
 * Moves one claimed attempt on by one step: hands it to the provider, asks how it stands, or finds out what became of
 * it after a crash. Ends with the claim given back. Throws only when the stores fail; then the lease runs out.
 *
 * @param signal aborts when the claim was lost or the engine stops
 */
export async function workAttempt<Trx>(
  engine: Engine<Trx>,
  attempt: Attempt,
  signal: AbortSignal,
): Promise<void> {
  await engine.faultPoint("attempt.claimed");
  const fax = await engine.stores.faxes.get(attempt.tenantId, attempt.faxId);
  const transport = engine.transports.get(attempt.transportId);
  if (!fax) return;
  if (attempt.state === "prepared") return prepare(engine, attempt, fax, transport, signal);
  if (!transport) {
    // The host took the transport away while a fax was on it: only a person can tell.
    await conclude(engine, attempt, { signal: "lost" });
    return;
  }
  if (attempt.providerId && transport.getStatus) return check(engine, attempt, fax, transport, signal);
  return reconcile(engine, attempt, fax, transport, signal);
}

/** Records a signal under the claim and gives it back. */
async function conclude<Trx>(
  engine: Engine<Trx>,
  attempt: Attempt,
  fact: Omit<SignalInput, "tenantId" | "attemptId" | "fence" | "release">,
): Promise<void> {
  const outcome = await recordSignal(engine, {
    tenantId: attempt.tenantId,
    attemptId: attempt.id,
    fence: attempt.fence,
    release: true,
    ...fact,
  });
  if (outcome.type !== "lost_claim") return;
  engine.logger.warn({ attemptId: attempt.id }, "a claim was lost before its result was recorded");
  if (fact.report) {
    // Who lost its claim writes no attempt, but what the provider said stays a fact: it goes the way of its events.
    await recordEvent(
      engine,
      { tenantId: attempt.tenantId, transportId: attempt.transportId, attemptId: attempt.id },
      { type: "status", key: `answer:${attempt.id}:${attempt.fence}`, report: fact.report },
    );
  }
}

/** Leaves the state as it is and looks again later, or (without `at`) only when an event or a person moves it on. */
async function postpone<Trx>(engine: Engine<Trx>, attempt: Attempt, at: Date | undefined): Promise<void> {
  const { stores, clock } = engine;
  await stores.transaction(async (trx) => {
    const current = await stores.attempts.get(attempt.tenantId, attempt.id, trx);
    if (!current || current.fence !== attempt.fence) return;
    if (current.state === attempt.state) {
      if (at) current.dueAt = at;
      else delete current.dueAt;
      current.checks += 1;
      current.version += 1;
      current.updatedAt = clock.now();
      await stores.attempts.update(current, { fence: attempt.fence }, trx);
    }
    await stores.attempts.release({ tenantId: attempt.tenantId, id: attempt.id, fence: attempt.fence }, trx);
  });
}

async function prepare<Trx>(
  engine: Engine<Trx>,
  attempt: Attempt,
  fax: Fax,
  transport: FaxTransportV1 | undefined,
  signal: AbortSignal,
): Promise<void> {
  const now = engine.clock.now();
  if (fax.cancelRequestedAt) return conclude(engine, attempt, { signal: "canceled" });
  // Somebody has proof against an earlier attempt: dialling again could send it twice.
  if (fax.needsReview) return postpone(engine, attempt, undefined);
  if (now >= fax.expiresAt) return conclude(engine, attempt, failed({ reason: "expired", retryable: false }));
  if (!transport) return conclude(engine, attempt, failed({ reason: "unavailable", retryable: true }));

  if (transport.hasLine?.() === false) return waitForLine(engine, attempt);

  let document: FaxDocument;
  let documentUrl: string | undefined;
  let earlier: Failure[];
  try {
    earlier = await earlierFailures(engine, attempt);
    document = await prepareDocument(engine, fax, transport);
    documentUrl = await offerDocument(engine, transport, fax, document);
    await engine.call(transport, attempt.tenantId, signal).limiter.acquire(signal);
  } catch (error) {
    if (signal.aborted) return postpone(engine, attempt, now);
    if (isFaxError(error) && !error.retryable) {
      const reason = error.code === "config_invalid" ? "account" : "document";
      return conclude(engine, attempt, failed({ reason, retryable: false, providerCode: error.code }));
    }
    engine.logger.error({ attemptId: attempt.id, ...errorFields(error) }, "a document could not be prepared");
    return postpone(engine, attempt, later(now, backOff(attempt.checks, 5_000, longestCheckGapMs)));
  }
  return submit(
    engine,
    attempt,
    fax,
    transport,
    { document, earlierFailures: earlier, ...(documentUrl ? { documentUrl } : {}) },
    signal,
  );
}

/** Another call has to end first. */
function waitForLine<Trx>(engine: Engine<Trx>, attempt: Attempt): Promise<void> {
  return postpone(engine, attempt, later(engine.clock.now(), lineBusyWaitMs * (0.5 + Math.random())));
}

/** How the earlier attempts of the fax over the same transport failed. */
async function earlierFailures<Trx>(engine: Engine<Trx>, attempt: Attempt): Promise<Failure[]> {
  if (attempt.number === 1) return [];
  const attempts = await engine.stores.attempts.listByFax(attempt.tenantId, attempt.faxId);
  return attempts
    .filter(({ transportId, number }) => transportId === attempt.transportId && number < attempt.number)
    .sort((a, b) => a.number - b.number)
    .flatMap(({ failure }) => (failure ? [failure] : []));
}

function failed(failure: Failure): { signal: "failed"; failure: Failure } {
  return { signal: "failed", failure };
}

async function prepareDocument<Trx>(
  engine: Engine<Trx>,
  fax: Fax,
  transport: FaxTransportV1,
): Promise<FaxDocument> {
  const stored = openStoredDocument(engine.blobs, fax.document);
  if (!engine.documents) return stored;
  return engine.documents.prepare(stored, {
    accepts: transport.manifest.accepts,
    ...(fax.cover ? { cover: fax.cover } : {}),
  });
}

async function submit<Trx>(
  engine: Engine<Trx>,
  attempt: Attempt,
  fax: Fax,
  transport: FaxTransportV1,
  content: Pick<SendJob, "document" | "documentUrl" | "earlierFailures">,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return postpone(engine, attempt, engine.clock.now());
  await engine.faultPoint("attempt.before-intent");
  const startedAt = performance.now();
  const intent = await recordSignal(engine, {
    tenantId: attempt.tenantId,
    attemptId: attempt.id,
    fence: attempt.fence,
    signal: "intend",
  });
  if (intent.type === "line_busy") return waitForLine(engine, attempt);
  // Anything but a recorded intent means that somebody else decided meanwhile: the wire is not touched.
  if (intent.type !== "applied") return;
  await engine.faultPoint("attempt.after-intent");

  const job: SendJob = {
    faxId: fax.id,
    attemptId: attempt.id,
    to: fax.to,
    ...content,
    options: fax.options,
    ...(fax.from ? { from: fax.from } : {}),
    ...callbackUrl(engine.publicUrl, transport, attempt),
  };
  const call = engine.call(transport, attempt.tenantId, signal);
  let fact: Omit<SignalInput, "tenantId" | "attemptId" | "fence" | "release">;
  await engine.faultPoint("attempt.before-wire");
  if (signal.aborted || performance.now() - startedAt > engine.delivery.leaseMs / 2) {
    // This process stood still since the intent. Somebody else may be about to prove that nothing was sent, so nothing
    // must be sent any more.
    return conclude(engine, attempt, failed({ reason: "unavailable", retryable: true }));
  }
  try {
    const report = await transport.send(job, call);
    fact = reported(engine, { ...attempt, checks: 0 }, report);
  } catch (error) {
    const failure = provenFailure(error);
    if (failure && isFaxError(error)) {
      if (error.code === "transport_rate_limited") call.limiter.block(error.retryAfterMs ?? 5_000);
      fact = {
        signal: "failed",
        failure,
        ...(error.retryAfterMs ? { retryAfterMs: error.retryAfterMs } : {}),
      };
    } else {
      const settleMs = Math.max(transport.manifest.lookup.settleMs, 1_000);
      fact = { signal: "lost", ...nextLook(engine, transport, settleMs) };
    }
    engine.logger.warn(
      { attemptId: attempt.id, transportId: transport.id, signal: fact.signal, ...errorFields(error) },
      "a fax could not be handed over",
    );
  }
  await engine.faultPoint("attempt.after-wire");
  await engine.faultPoint("attempt.before-result");
  await conclude(engine, attempt, fact);
  await engine.faultPoint("attempt.after-result");
}

/**
 * The only errors that prove the provider did not take the fax. Whatever else is thrown, also by foreign code, leaves
 * the outcome unknown.
 */
function provenFailure(error: unknown): Failure | undefined {
  if (!isFaxError(error)) return undefined;
  switch (error.code) {
    case "transport_unauthorized":
      return { reason: "account", retryable: false };
    case "transport_rejected":
      return error.failure ?? { reason: "rejected", retryable: false };
    case "transport_rate_limited":
    case "transport_unavailable":
      return { reason: "unavailable", retryable: true };
    default:
      return undefined;
  }
}

/** Asks the provider how a fax stands; asks it to cancel first when that was wanted. */
async function check<Trx>(
  engine: Engine<Trx>,
  attempt: Attempt,
  fax: Fax,
  transport: FaxTransportV1,
  signal: AbortSignal,
): Promise<void> {
  const call = engine.call(transport, attempt.tenantId, signal);
  const providerId = attempt.providerId as string;
  const canceling = fax.cancelRequestedAt !== undefined && transport.cancel !== undefined;
  const points = canceling ? "cancel" : "check";
  let report: StatusReport | undefined;
  await engine.faultPoint(`${points}.before-wire`);
  try {
    await call.limiter.acquire(signal);
    if (canceling && transport.cancel) {
      try {
        report = await transport.cancel(providerId, call);
      } catch (error) {
        // "Too late" is no answer to how the fax stands; ask that.
        if (!isFaxError(error, "transport_rejected") && !isFaxError(error, "not_found")) throw error;
      }
    }
    report ??= await transport.getStatus?.(providerId, call);
  } catch (error) {
    return afterFailedCheck(engine, attempt, transport, error, signal);
  }
  await engine.faultPoint(`${points}.after-wire`);
  if (!report) return postpone(engine, attempt, undefined);
  await engine.faultPoint(`${points}.before-result`);
  await conclude(engine, attempt, reported(engine, attempt, report));
  await engine.faultPoint(`${points}.after-result`);
}

async function afterFailedCheck<Trx>(
  engine: Engine<Trx>,
  attempt: Attempt,
  transport: FaxTransportV1,
  error: unknown,
  signal: AbortSignal,
): Promise<void> {
  const now = engine.clock.now();
  if (signal.aborted) return postpone(engine, attempt, now);
  const gap = backOff(attempt.checks, engine.delivery.statusPollMs, longestCheckGapMs);
  const at = later(now, Math.max(gap, isFaxError(error) ? (error.retryAfterMs ?? 0) : 0));
  if (isFaxError(error, "transport_rate_limited")) {
    engine.call(transport, attempt.tenantId, signal).limiter.block(error.retryAfterMs ?? 5_000);
  }
  engine.logger.warn(
    { attemptId: attempt.id, transportId: transport.id, ...errorFields(error) },
    "a status could not be read",
  );
  if (isFaxError(error, "not_found") || isStale(engine, attempt)) {
    return conclude(engine, attempt, { signal: "lost", nextLookAt: at });
  }
  return postpone(engine, attempt, at);
}

/** Finds out what became of an attempt that was on its way to the provider when something broke. */
async function reconcile<Trx>(
  engine: Engine<Trx>,
  attempt: Attempt,
  fax: Fax,
  transport: FaxTransportV1,
  signal: AbortSignal,
): Promise<void> {
  if (attempt.state !== "submitting" && attempt.state !== "unknown") {
    // Accepted, but the provider cannot be asked: its webhook will tell, or the sweep of stale faxes.
    if (isStale(engine, attempt)) return conclude(engine, attempt, { signal: "lost" });
    return postpone(engine, attempt, later(engine.clock.now(), longestCheckGapMs));
  }
  if (!transport.findByReference) return conclude(engine, attempt, { signal: "lost" });

  const call = engine.call(transport, attempt.tenantId, signal);
  const { authoritative, settleMs } = transport.manifest.lookup;
  const submittedAt = attempt.submittingAt ?? attempt.createdAt;
  let report: StatusReport | undefined;
  await engine.faultPoint("check.before-wire");
  try {
    await call.limiter.acquire(signal);
    report = await transport.findByReference(attempt.id, call, { to: fax.to, submittedAt });
  } catch (error) {
    if (signal.aborted) return postpone(engine, attempt, engine.clock.now());
    engine.logger.warn(
      { attemptId: attempt.id, transportId: transport.id, ...errorFields(error) },
      "a fax could not be looked up",
    );
    return conclude(engine, attempt, { signal: "lost", ...nextReconcile(engine, attempt) });
  }
  await engine.faultPoint("check.after-wire");
  await engine.faultPoint("check.before-result");
  if (report) {
    await conclude(engine, attempt, reported(engine, { ...attempt, checks: 0 }, report));
  } else if (!authoritative) {
    await conclude(engine, attempt, { signal: "lost", ...nextReconcile(engine, attempt) });
  } else {
    // Whoever wrote the intent starts the call within its lease or not at all.
    const settledAt = later(submittedAt, settleMs + engine.delivery.leaseMs);
    if (engine.clock.now() < settledAt) return postpone(engine, attempt, settledAt);
    // The provider never took it: the one case in which a broken call may be repeated.
    await conclude(engine, attempt, failed({ reason: "unavailable", retryable: true }));
  }
  await engine.faultPoint("check.after-result");
}

/** A provider's report as a fact to record, with the time of the next look. */
function reported<Trx>(
  engine: Engine<Trx>,
  attempt: Attempt,
  report: StatusReport,
): Omit<SignalInput, "tenantId" | "attemptId" | "fence" | "release"> {
  const gap = backOff(attempt.checks, engine.delivery.statusPollMs, longestCheckGapMs);
  const nextLookAt = later(engine.clock.now(), gap);
  const signal = signalOfReport(report);
  const open = signal === "accepted" || signal === "progress";
  return { signal: open && isStale(engine, attempt) ? "lost" : signal, report, nextLookAt };
}

function nextLook<Trx>(engine: Engine<Trx>, transport: FaxTransportV1, ms: number): { nextLookAt?: Date } {
  return transport.findByReference ? { nextLookAt: later(engine.clock.now(), ms) } : {};
}

/** A fax that could not be found is looked for ever more rarely, and at last only a person can tell. */
function nextReconcile<Trx>(engine: Engine<Trx>, attempt: Attempt): { nextLookAt?: Date } {
  if (isStale(engine, attempt)) return {};
  const gap = backOff(attempt.checks, engine.delivery.statusPollMs, longestReconcileGapMs);
  return { nextLookAt: later(engine.clock.now(), gap) };
}

function isStale<Trx>(engine: Engine<Trx>, attempt: Attempt): boolean {
  const since = attempt.submittingAt?.getTime();
  return since !== undefined && engine.clock.now().getTime() - since > engine.delivery.staleAfterMs;
}

function backOff(checks: number, firstMs: number, longestMs: number): number {
  return Math.min(firstMs * 1.5 ** Math.min(checks, 40), longestMs);
}

function later(from: Date, ms: number): Date {
  return new Date(from.getTime() + ms);
}

/** An error's kind only: texts may hold what a log must not. */
function errorFields(error: unknown): { errorCode?: string; errorName?: string } {
  if (isFaxError(error)) return { errorCode: (error as FaxError).code };
  return { errorName: error instanceof Error ? error.name : typeof error };
}
