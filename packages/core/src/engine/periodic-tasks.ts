import { randomUUID } from "node:crypto";
import type { PeriodicTask } from "../inbox.ts";
import { isFaxError } from "../transport/fax-error.ts";
import type { Engine } from "./engine.ts";

const longestTickMs = 60_000;
const shortestTickMs = 250;

/** Runs periodic tasks while started. */
export interface PeriodicTaskRunner {
  start(): void;
  stop(): Promise<void>;
}

/**
 * Makes the runner of one process. Each run takes a durable lease on the task's name first, so over all replicas a
 * task runs once per period, and a crashed run is taken up when its lease ends.
 */
export function createPeriodicTaskRunner<Trx>(
  engine: Engine<Trx>,
  tasks: readonly PeriodicTask[],
): PeriodicTaskRunner {
  const { stores, clock, logger } = engine;
  const { leaseMs } = engine.delivery;
  const owner = randomUUID();
  let controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let round: Promise<void> = Promise.resolve();

  const runOne = async (task: PeriodicTask, signal: AbortSignal): Promise<boolean> => {
    const name = `task:${task.name}`;
    const lease = await stores.leases.acquire({ name, owner, leaseMs, now: clock.now() });
    if (!lease) return false;
    const heartbeat = setInterval(() => {
      stores.leases.renew(lease, new Date(clock.now().getTime() + leaseMs)).catch(() => {});
    }, leaseMs / 3);
    let more = false;
    try {
      more = (await task.run({ signal, clock, logger })) === true;
    } catch (error) {
      logger.error(
        {
          task: task.name,
          ...(isFaxError(error)
            ? { errorCode: error.code }
            : { errorName: error instanceof Error ? error.name : typeof error }),
        },
        "a periodic task failed; it runs again in its next period",
      );
    } finally {
      clearInterval(heartbeat);
    }
    const dueAt = more ? clock.now() : new Date(clock.now().getTime() + task.everyMs);
    await stores.leases.release(lease, { dueAt });
    return more;
  };

  const tickMs = Math.max(shortestTickMs, Math.min(longestTickMs, ...tasks.map((task) => task.everyMs)));
  const schedule = (ms: number): void => {
    timer = setTimeout(() => {
      round = runAll();
    }, ms);
  };
  const runAll = async (): Promise<void> => {
    const { signal } = controller;
    let more = false;
    for (const task of tasks) {
      if (signal.aborted) return;
      try {
        if (await runOne(task, signal)) more = true;
      } catch (error) {
        logger.error(
          { task: task.name, errorCode: isFaxError(error) ? error.code : "unknown" },
          "a periodic task could not take its lease",
        );
      }
    }
    if (!signal.aborted) schedule(more ? shortestTickMs : tickMs);
  };

  return {
    start() {
      controller = new AbortController();
      if (tasks.length > 0) schedule(shortestTickMs);
    },
    async stop() {
      clearTimeout(timer);
      controller.abort();
      await round;
    },
  };
}
