import { isFaxError } from "../transport/fax-error.ts";
import type { Logger } from "../transport/fax-transport.ts";

/** How long aborted work may take to end. */
const graceMs = 2_000;

/** Something that is claimed, worked on and prolonged meanwhile. */
export interface Claimed {
  tenantId: string;
  id: string;
  fence: number;
}

/** One kind of work that a worker claims from the stores. */
export interface Lane<Item extends Claimed> {
  name: string;
  /** Most items at once. */
  concurrency: number;
  /** How long a claim holds without a sign of life, in milliseconds. */
  leaseMs: number;
  claim(limit: number): Promise<Item[]>;
  /** Prolongs a claim; false when it was lost. */
  renew?(item: Item): Promise<boolean>;
  work(item: Item, signal: AbortSignal): Promise<void>;
}

/** A lane at work. */
export interface RunningLane {
  /** Claims as much as fits. @returns true when there may be more at once */
  fill(): Promise<boolean>;
  /** Waits until nothing is worked on; after `timeoutMs` aborts what still is, and waits a little for that. */
  drain(timeoutMs: number): Promise<void>;
}

/** Makes a lane run. `onIdle` is called whenever an item is done, since there is room again. */
export function runLane<Item extends Claimed>(
  lane: Lane<Item>,
  logger: Logger,
  onIdle: () => void,
): RunningLane {
  const active = new Map<Promise<void>, { id: string; controller: AbortController }>();

  const start = (item: Item): void => {
    const controller = new AbortController();
    const heartbeat = lane.renew
      ? setInterval(() => {
          // A claim that cannot be prolonged may be somebody else's by now: stop touching the outside world.
          lane.renew?.(item).then(
            (held) => held || controller.abort(new Error("the claim was lost")),
            () => {},
          );
        }, lane.leaseMs / 3)
      : undefined;
    const job = lane
      .work(item, controller.signal)
      .catch((error: unknown) => {
        logger.error(
          {
            lane: lane.name,
            id: item.id,
            ...(isFaxError(error)
              ? { errorCode: error.code }
              : { errorName: error instanceof Error ? error.name : typeof error }),
          },
          "work broke off; it is taken up again when its claim runs out",
        );
      })
      .finally(() => {
        clearInterval(heartbeat);
        active.delete(job);
        onIdle();
      });
    active.set(job, { id: item.id, controller });
  };

  return {
    async fill() {
      const room = lane.concurrency - active.size;
      if (room <= 0) return false;
      const items = await lane.claim(room);
      for (const item of items) {
        // A claim that ran out while its work hangs in this very process: one worker at a time is enough.
        if (![...active.values()].some((job) => job.id === item.id)) start(item);
      }
      return items.length === room && items.length > 0;
    },
    async drain(timeoutMs) {
      if (await settles(active, timeoutMs)) return;
      for (const { controller } of active.values()) controller.abort(new Error("the engine stops"));
      // Foreign code may ignore its signal, or be a listener that waits for this very stop: its claim runs out.
      await settles(active, graceMs);
    },
  };
}

/** Waits until nothing is active any more, at most `ms`. @returns whether that came true */
async function settles(active: ReadonlyMap<Promise<void>, unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const done = (async () => {
    while (active.size > 0) await Promise.all(active.keys());
    return true;
  })();
  const settled = await Promise.race([done, late]);
  clearTimeout(timer);
  return settled;
}
