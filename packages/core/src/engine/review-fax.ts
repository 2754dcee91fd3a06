import type { ReviewVerdict } from "../faxbot.ts";
import type { Fax } from "../records/fax.ts";
import { FaxError } from "../transport/fax-error.ts";
import { lockOpenAttempt } from "./cancel-fax.ts";
import type { Engine } from "./engine.ts";
import { finish, notify, openAttempt, recordSignal, retryStale, saveFax } from "./record-signal.ts";

/** Settles a fax that needs review, see `Faxbot.review`. */
export async function reviewFax<Trx>(
  engine: Engine<Trx>,
  tenantId: string,
  id: string,
  verdict: ReviewVerdict,
  trx: Trx | undefined,
): Promise<Fax> {
  const settle = (own: Trx) => settleReview(engine, tenantId, id, verdict, own);
  const fax = await (trx === undefined ? retryStale(() => engine.stores.transaction(settle)) : settle(trx));
  if (trx === undefined) await engine.wakeUp.notify();
  return fax;
}

async function settleReview<Trx>(
  engine: Engine<Trx>,
  tenantId: string,
  id: string,
  verdict: ReviewVerdict,
  trx: Trx,
): Promise<Fax> {
  const { stores, clock } = engine;
  const open = await lockOpenAttempt(engine, tenantId, id, trx);
  const before = await stores.faxes.get(tenantId, id, trx);
  if (!before) throw new FaxError("not_found", "there is no such fax");
  if (!before.needsReview) throw new FaxError("state_conflict", "the fax needs no review");
  const now = clock.now();

  if (open) {
    // The person's word closes what is open; no retry follows from it, since the fax is marked until the end of this.
    const delivered = verdict === "delivered" && open.state !== "prepared";
    await recordSignal(
      engine,
      {
        tenantId,
        attemptId: open.id,
        signal: delivered ? "delivered" : "failed",
        ...(delivered ? {} : { failure: { reason: "unknown", retryable: false } }),
      },
      trx,
    );
  }
  const fax = await stores.faxes.get(tenantId, id, trx);
  if (!fax) throw new FaxError("not_found", "there is no such fax");
  const status = fax.status;
  delete fax.needsReview;
  if (verdict === "send_again") {
    if (now >= fax.expiresAt) fax.expiresAt = new Date(now.getTime() + engine.delivery.expiresAfterMs);
    delete fax.cancelRequestedAt;
    await openAttempt(engine, fax, fax.transportId, now, now, trx);
  } else {
    finish(fax, verdict, now);
    if (verdict === "delivered") delete fax.failure;
    else fax.failure ??= { reason: "unknown", retryable: false };
  }
  await saveFax(engine, fax, now, trx);
  if (fax.status !== status) await notify(engine, `fax.${fax.status}`, fax, now, trx);
  return fax;
}
