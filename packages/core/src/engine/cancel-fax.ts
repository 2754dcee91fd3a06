import type { Attempt, AttemptState } from "../records/attempt.ts";
import { openAttemptStates } from "../records/attempt.ts";
import type { Fax } from "../records/fax.ts";
import { FaxError } from "../transport/fax-error.ts";
import type { Engine } from "./engine.ts";
import { recordSignal, retryStale, saveFax } from "./record-signal.ts";

/** Marks a fax as to be canceled, see `Faxbot.cancel`. What was not handed over yet is canceled at once. */
export async function cancelFax<Trx>(
  engine: Engine<Trx>,
  tenantId: string,
  id: string,
  trx: Trx | undefined,
): Promise<Fax> {
  await engine.faultPoint("cancel.before-mark");
  const mark = (own: Trx) => markCanceled(engine, tenantId, id, own);
  const fax = await (trx === undefined ? retryStale(() => engine.stores.transaction(mark)) : mark(trx));
  await engine.faultPoint("cancel.after-mark");
  if (trx === undefined) await engine.wakeUp.notify();
  return fax;
}

async function markCanceled<Trx>(engine: Engine<Trx>, tenantId: string, id: string, trx: Trx): Promise<Fax> {
  const { stores, clock } = engine;
  const attempt = await lockOpenAttempt(engine, tenantId, id, trx);
  const fax = await stores.faxes.get(tenantId, id, trx);
  if (!fax) throw new FaxError("not_found", "there is no such fax");
  if (fax.status === "canceled") return fax;
  if (fax.status === "delivered" || fax.status === "failed") {
    throw new FaxError("state_conflict", `the fax is already ${fax.status}`);
  }
  const now = clock.now();
  if (fax.cancelRequestedAt === undefined) {
    fax.cancelRequestedAt = now;
    await saveFax(engine, fax, now, trx);
  }
  if (attempt?.state === "prepared") {
    const outcome = await recordSignal(engine, { tenantId, attemptId: attempt.id, signal: "canceled" }, trx);
    return "fax" in outcome ? outcome.fax : fax;
  }
  if (attempt?.providerId && engine.transports.get(attempt.transportId)?.cancel) {
    // The worker asks the provider, so that a crash here loses nothing.
    attempt.dueAt = now;
    attempt.version += 1;
    attempt.updatedAt = now;
    await stores.attempts.update(attempt, {}, trx);
  }
  return fax;
}

/** Attempts are locked before their fax, everywhere, so that two transactions never wait for each other. */
export async function lockOpenAttempt<Trx>(
  engine: Engine<Trx>,
  tenantId: string,
  faxId: string,
  trx: Trx,
): Promise<Attempt | undefined> {
  const open = (state: AttemptState): boolean =>
    (openAttemptStates as readonly AttemptState[]).includes(state);
  const attempts = await engine.stores.attempts.listByFax(tenantId, faxId, trx);
  const seen = attempts.find((each) => open(each.state));
  if (!seen) return undefined;
  const attempt = await engine.stores.attempts.get(tenantId, seen.id, trx);
  return attempt && open(attempt.state) ? attempt : undefined;
}
