import { setTimeout as sleep } from "node:timers/promises";
import type { TransportLimiter } from "../transport/fax-transport.ts";
import { untilAborted } from "../transport/until-aborted.ts";

/**
 * Calls leave evenly spaced, and arrive less so. What a provider counts must stay below its limit all the same: HumbleFax
 * blocks an address for a minute after one request too many.
 */
const slackMs = 50;

/**
 * Spaces the calls to one provider evenly, for this process. A fleet that shares one account passes a limiter of its
 * own to `createFaxbot`.
 *
 * @param rate calls per second; without one only `block` holds calls back
 */
export function transportLimiter(rate: { requests_per_second?: number | undefined }): TransportLimiter {
  const gapMs = rate.requests_per_second ? 1000 / rate.requests_per_second + slackMs : 0;
  let notBefore = 0;
  // Callers stand in line behind each other, so they are served in the order they came.
  let line: Promise<void> = Promise.resolve();
  const myTurn = async (signal: AbortSignal | undefined): Promise<void> => {
    signal?.throwIfAborted();
    // A block may come while we wait, so look again afterwards.
    for (let wait = notBefore - performance.now(); wait > 0; wait = notBefore - performance.now()) {
      await sleep(wait, undefined, signal ? { signal } : {});
    }
    notBefore = performance.now() + gapMs;
  };
  return {
    acquire(signal) {
      const turn = line.then(() => myTurn(signal));
      line = turn.catch(() => {});
      // Those in front may have to wait much longer. Its place is given up when it is its turn.
      return signal ? untilAborted(turn, signal) : turn;
    },
    block(ms) {
      notBefore = Math.max(notBefore, performance.now() + ms);
    },
  };
}
