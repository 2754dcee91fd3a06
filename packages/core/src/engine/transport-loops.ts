import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Lease } from "../ports/stores.ts";
import { isFaxError } from "../transport/fax-error.ts";
import type { FaxTransportV1 } from "../transport/fax-transport.ts";
import type { Engine } from "./engine.ts";
import { recordEvent } from "./record-event.ts";

const firstGapMs = 1_000;
const longestGapMs = 5 * 60_000;
/** A loop that held this long was healthy, so the back-off starts anew. */
const healthyAfterMs = 60_000;

/** Keeps the transports' own loops (connections, polls) running while started. */
export interface TransportLoops {
  start(): void;
  stop(): Promise<void>;
}

/** Makes the loops of one process; a transport that asks for it runs on one replica at a time, under a lease. */
export function createTransportLoops<Trx>(engine: Engine<Trx>, tenantId: string): TransportLoops {
  let controller = new AbortController();
  let running: Promise<void>[] = [];
  const owner = randomUUID();
  const { leaseMs } = engine.delivery;

  const keepRunning = async (transport: FaxTransportV1, stop: AbortSignal): Promise<void> => {
    let gap = firstGapMs;
    while (!stop.aborted) {
      const startedAt = performance.now();
      try {
        if (transport.manifest.singleton) await runUnderLease(transport, stop);
        else await runOnce(transport, stop);
      } catch (error) {
        if (stop.aborted) return;
        engine.logger.warn(
          {
            transportId: transport.id,
            ...(isFaxError(error)
              ? { errorCode: error.code }
              : { errorName: error instanceof Error ? error.name : typeof error }),
          },
          "a transport's loop broke off and is started again",
        );
      }
      if (performance.now() - startedAt > healthyAfterMs) gap = firstGapMs;
      // Jitter, so that a fleet does not reconnect in step.
      await sleep(gap * (0.5 + Math.random()), undefined, { signal: stop }).catch(() => {});
      gap = Math.min(gap * 2, longestGapMs);
    }
  };

  const runOnce = async (transport: FaxTransportV1, signal: AbortSignal): Promise<void> => {
    await transport.run?.({
      ...engine.call(transport, tenantId, signal),
      emit: async (event) => {
        await recordEvent(engine, { tenantId, transportId: transport.id }, event);
        await engine.wakeUp.notify();
      },
    });
  };

  const runUnderLease = async (transport: FaxTransportV1, stop: AbortSignal): Promise<void> => {
    const { leases } = engine.stores;
    const name = `run:${tenantId}:${transport.id}`;
    let lease: Lease | undefined;
    while (!lease && !stop.aborted) {
      lease = await leases.acquire({ name, owner, leaseMs, now: engine.clock.now() });
      if (!lease) await sleep(leaseMs / 2, undefined, { signal: stop }).catch(() => {});
    }
    if (!lease) return;
    const held = lease;
    const lost = new AbortController();
    const heartbeat = setInterval(() => {
      leases.renew(held, new Date(engine.clock.now().getTime() + leaseMs)).then(
        (kept) => kept || lost.abort(new Error("the lease was lost")),
        () => {},
      );
    }, leaseMs / 3);
    try {
      await runOnce(transport, AbortSignal.any([stop, lost.signal]));
    } finally {
      clearInterval(heartbeat);
      await leases.release(held, {});
    }
  };

  return {
    start() {
      controller = new AbortController();
      const { signal } = controller;
      running = [...engine.transports.values()]
        .filter(({ manifest }) => manifest.capabilities.includes("run"))
        .map((transport) => keepRunning(transport, signal));
    },
    async stop() {
      controller.abort();
      await Promise.all(running);
    },
  };
}
