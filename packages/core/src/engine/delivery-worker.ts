import { randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { ClaimRequest } from "../ports/stores.ts";
import { isFaxError } from "../transport/fax-error.ts";
import type { Engine } from "./engine.ts";
import { type RunningLane, runLane } from "./lane.ts";
import { workAttempt } from "./work-attempt.ts";
import { workEvent } from "./work-event.ts";
import { type Listeners, workNotice } from "./work-notice.ts";

/** The loop that claims due work and does it. */
export interface DeliveryWorker {
  start(): Promise<void>;
  stop(timeoutMs: number): Promise<void>;
}

/**
 * Makes the worker of one process: three lanes (attempts, events, notices) that claim from the stores whenever they are
 * woken, and every `pollMs` all the same, so that a lost wake-up costs time only.
 */
export function createDeliveryWorker<Trx>(engine: Engine<Trx>, listeners: Listeners): DeliveryWorker {
  const { stores, clock, logger, delivery } = engine;
  const owner = randomUUID();
  const request = (limit: number): ClaimRequest => ({
    owner,
    leaseMs: delivery.leaseMs,
    limit,
    now: clock.now(),
  });
  const leaseUntil = (): Date => new Date(clock.now().getTime() + delivery.leaseMs);

  let running = false;
  let wake: () => void = () => {};
  let woken = false;
  const nudge = (): void => {
    woken = true;
    wake();
  };
  const lanes: RunningLane[] = [
    runLane(
      {
        name: "attempts",
        concurrency: delivery.concurrency,
        leaseMs: delivery.leaseMs,
        claim: (limit) => stores.attempts.claimDue(request(limit)),
        renew: (attempt) => stores.attempts.renew(attempt, leaseUntil()),
        work: (attempt, signal) => workAttempt(engine, attempt, signal),
      },
      logger,
      nudge,
    ),
    runLane(
      {
        name: "events",
        concurrency: delivery.concurrency,
        leaseMs: delivery.leaseMs,
        claim: (limit) => stores.events.claimDue(request(limit)),
        renew: (event) => stores.events.renew(event, leaseUntil()),
        work: (event, signal) => workEvent(engine, event, signal),
      },
      logger,
      nudge,
    ),
    runLane(
      {
        name: "notices",
        concurrency: delivery.concurrency,
        leaseMs: delivery.leaseMs,
        claim: (limit) => stores.notices.claimDue(request(limit)),
        work: (notice, signal) => workNotice(engine, listeners, notice, signal),
      },
      logger,
      nudge,
    ),
  ];

  /** Ends when woken or after `ms`. */
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      if (woken || !running) {
        resolve();
        return;
      }
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const loop = async (): Promise<void> => {
    while (running) {
      woken = false;
      let more = false;
      try {
        for (const lane of lanes) {
          if (running && (await lane.fill())) more = true;
        }
      } catch (error) {
        logger.error(
          { errorCode: isFaxError(error) ? error.code : "unknown" },
          "work could not be claimed; trying again",
        );
        woken = false;
        more = false;
      }
      if (more) await setImmediate();
      else await pause(delivery.pollMs);
    }
  };

  let ended: Promise<void> = Promise.resolve();
  let unsubscribe: () => Promise<void> = async () => {};
  return {
    async start() {
      unsubscribe = await engine.wakeUp.subscribe(nudge);
      running = true;
      ended = loop();
    },
    async stop(timeoutMs) {
      running = false;
      nudge();
      await ended;
      await unsubscribe();
      await Promise.all(lanes.map((lane) => lane.drain(timeoutMs)));
    },
  };
}
