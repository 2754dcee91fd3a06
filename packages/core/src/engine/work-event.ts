import type { ReceivedContext } from "../inbox.ts";
import type { Attempt } from "../records/attempt.ts";
import type { EventRecord, ReceivedPayload, StatusPayload } from "../records/event-record.ts";
import type { FaxDocument } from "../transport/fax-document.ts";
import { FaxError, isFaxError } from "../transport/fax-error.ts";
import type { StatusReport } from "../transport/fax-status.ts";
import { signalOfReport } from "./attempt-transition.ts";
import type { Engine } from "./engine.ts";
import { notify, recordSignal, retryStale } from "./record-signal.ts";

/** A report may overtake the answer that tells us the provider's id, so an unknown fax is looked for again, this often. */
const unknownFaxTries = 6;
/** With the gaps below about two days of trying. */
const mostTries = 16;
const longestGapMs = 6 * 3_600_000;
const noInboxWaitMs = 5 * 60_000;

/**
 * Applies one claimed event: a status moves its attempt, a received fax goes to the inbox. What fails is tried again,
 * and kept as dead after many tries.
 */
export async function workEvent<Trx>(
  engine: Engine<Trx>,
  event: EventRecord,
  signal: AbortSignal,
): Promise<void> {
  await engine.faultPoint("event.claimed");
  try {
    await engine.faultPoint("event.before-apply");
    if (event.payload.type === "status") await applyStatus(engine, event, event.payload, signal);
    else await applyReceived(engine, { ...event, payload: event.payload }, signal);
    await engine.faultPoint("event.after-apply");
  } catch (error) {
    if (signal.aborted) return;
    await tryLater(engine, event, isFaxError(error) ? error.code : "service_unavailable", signal, error);
  }
}

function claimOf(event: EventRecord): { tenantId: string; id: string; fence: number } {
  return { tenantId: event.tenantId, id: event.id, fence: event.fence };
}

async function applyStatus<Trx>(
  engine: Engine<Trx>,
  event: EventRecord,
  payload: StatusPayload,
  signal: AbortSignal,
): Promise<void> {
  const { stores, clock } = engine;
  const transport = engine.transports.get(event.transportId);
  let report: StatusReport = payload.report;
  if (transport?.manifest.webhook?.verification === "none" && transport.getStatus) {
    // Nobody proved who called, so the call is only a hint to ask.
    report = await transport.getStatus(report.providerId, engine.call(transport, event.tenantId, signal));
  }
  const attempt = await findAttempt(engine, event, payload, report);
  if (!attempt) {
    const now = clock.now();
    if (event.tries >= unknownFaxTries) {
      // A verified report about a fax that this side does not know changes nothing.
      await stores.events.settle(claimOf(event), { state: "done", lastError: "not_found", now });
    } else {
      const dueAt = new Date(now.getTime() + 1_000 * 4 ** event.tries);
      await stores.events.settle(claimOf(event), { state: "pending", dueAt, lastError: "not_found", now });
    }
    return;
  }
  const foreign = attempt.providerId !== undefined && attempt.providerId !== report.providerId;
  await retryStale(() =>
    stores.transaction(async (trx) => {
      if (!foreign) {
        await recordSignal(
          engine,
          { tenantId: attempt.tenantId, attemptId: attempt.id, signal: signalOfReport(report), report },
          trx,
        );
      }
      await stores.events.settle(claimOf(event), { state: "done", now: clock.now() }, trx);
    }),
  );
  if (foreign) {
    engine.logger.warn(
      { attemptId: attempt.id, transportId: event.transportId },
      "a report names an attempt that the provider knows by another id",
    );
  }
}

async function findAttempt<Trx>(
  engine: Engine<Trx>,
  event: EventRecord,
  payload: StatusPayload,
  report: StatusReport,
): Promise<Attempt | undefined> {
  const { attempts } = engine.stores;
  // A connection that tenants share reports under the default one; the attempt itself knows whose it is.
  for (const id of [payload.attemptId, report.reference]) {
    const attempt = id === undefined ? undefined : await attempts.find(id);
    if (attempt?.transportId === event.transportId) return attempt;
  }
  return attempts.findByProviderId(event.tenantId, event.transportId, report.providerId);
}

async function applyReceived<Trx>(
  engine: Engine<Trx>,
  event: EventRecord & { payload: ReceivedPayload },
  signal: AbortSignal,
): Promise<void> {
  const { stores, clock } = engine;
  if (!engine.inbox) {
    const dueAt = new Date(clock.now().getTime() + noInboxWaitMs);
    await stores.events.settle(claimOf(event), { state: "pending", dueAt, now: clock.now() });
    return;
  }
  const fetched: FaxDocument[] = [];
  try {
    const context = receivedContext(engine, event, signal, fetched);
    await engine.inbox.forTenant(event.tenantId).consume(event, context);
  } finally {
    for (const document of fetched) await document.dispose?.();
  }
  await stores.events.settle(claimOf(event), { state: "done", now: clock.now() });
}

function receivedContext<Trx>(
  engine: Engine<Trx>,
  event: EventRecord & { payload: ReceivedPayload },
  signal: AbortSignal,
  fetched: FaxDocument[] = [],
): ReceivedContext<Trx> {
  const { clock, logger, faultPoint } = engine;
  return {
    signal,
    clock,
    logger,
    faultPoint,
    fetchDocument: async () => {
      const transport = engine.transports.get(event.transportId);
      if (!transport?.fetchDocument) {
        throw new FaxError("unsupported", "the transport cannot fetch documents", {
          transportId: event.transportId,
        });
      }
      const call = engine.call(transport, event.tenantId, signal);
      await call.limiter.acquire(signal);
      const document = await transport.fetchDocument(event.payload.providerId, call);
      fetched.push(document);
      return document;
    },
    removeDocument: async () => {
      const transport = engine.transports.get(event.transportId);
      if (!transport?.deleteDocument || !transport.manifest.removesReceived) return;
      const call = engine.call(transport, event.tenantId, signal);
      await call.limiter.acquire(signal);
      await transport.deleteDocument(event.payload.providerId, call);
    },
    notify: (type, subjectId, trx) =>
      notify(engine, type, { tenantId: event.tenantId, id: subjectId }, clock.now(), trx),
  };
}

async function tryLater<Trx>(
  engine: Engine<Trx>,
  event: EventRecord,
  lastError: string,
  signal: AbortSignal,
  error: unknown,
): Promise<void> {
  const { stores, clock, logger } = engine;
  const now = clock.now();
  const dead = event.tries + 1 >= mostTries;
  const fields = {
    eventId: event.id,
    transportId: event.transportId,
    tries: event.tries + 1,
    errorCode: lastError,
    errorName: error instanceof Error ? error.name : typeof error,
  };
  if (!dead) {
    logger.warn(fields, "an event could not be applied and will be tried again");
    const dueAt = new Date(now.getTime() + Math.min(1_000 * 3 ** event.tries, longestGapMs));
    await stores.events.settle(claimOf(event), { state: "pending", dueAt, lastError, now });
    return;
  }
  logger.error(fields, "an event was given up; it can be replayed");
  if (event.payload.type === "received" && engine.inbox) {
    const received = { ...event, payload: event.payload };
    await engine.inbox.forTenant(event.tenantId).giveUp(received, receivedContext(engine, received, signal));
  }
  await stores.events.settle(claimOf(event), { state: "dead", lastError, now });
}
