import type { WakeUp } from "@faxbot/core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

/** What {@link describeWakeUp} tests. */
export interface WakeUpUnderTest {
  wakeUp: WakeUp;
  /** The same for another replica; leave it out when wake-ups stay in one process. */
  replica?: WakeUp;
  /** Called when all tests have run. */
  close?(): Promise<void>;
}

/**
 * Proves that a wake-up keeps the rules of the `WakeUp` port: who subscribed is called after a notification of any
 * replica, nobody is called after it has stopped, and neither side feels the other's errors.
 *
 * @example
 * describeWakeUp("local", { create: async () => ({ wakeUp: localWakeUp() }) });
 */
export function describeWakeUp(name: string, options: { create(): Promise<WakeUpUnderTest> }): void {
  describe(name, () => {
    let created: WakeUpUnderTest;
    let wakeUp: WakeUp;
    let replica: WakeUp;
    beforeAll(async () => {
      created = await options.create();
      wakeUp = created.wakeUp;
      replica = created.replica ?? created.wakeUp;
    });
    afterAll(async () => {
      await created?.close?.();
    });
    const called = (listener: ReturnType<typeof vi.fn>) =>
      vi.waitFor(() => expect(listener).toHaveBeenCalled(), { timeout: 5_000, interval: 5 });

    it("has nobody to tell", async () => {
      expect(await wakeUp.notify()).toBeUndefined();
    });

    it("wakes every subscriber, whichever replica notifies", async () => {
      const listeners = [vi.fn(), vi.fn(), vi.fn()] as const;
      const stops = [
        await wakeUp.subscribe(listeners[0]),
        await wakeUp.subscribe(listeners[1]),
        await replica.subscribe(listeners[2]),
      ];
      for (const notifier of [wakeUp, replica]) {
        for (const listener of listeners) listener.mockClear();
        await notifier.notify();
        for (const listener of listeners) await called(listener);
      }
      for (const stop of stops) await stop();
    });

    it("wakes at least once for many notifications", async () => {
      const listener = vi.fn();
      const stop = await replica.subscribe(listener);
      for (let count = 0; count < 50; count += 1) await wakeUp.notify();
      await called(listener);
      expect(listener.mock.calls.length).toBeLessThanOrEqual(50);
      await stop();
    });

    it("calls nobody who has stopped, and goes on for the others", async () => {
      const stopped = vi.fn();
      const going = vi.fn();
      const stop = await wakeUp.subscribe(stopped);
      const stopGoing = await wakeUp.subscribe(going);
      await stop();
      await stop();
      await replica.notify();
      await called(going);
      expect(stopped).not.toHaveBeenCalled();
      await stopGoing();
    });

    it("keeps a listener's error from the others and from who notifies", async () => {
      const failing = vi.fn(() => {
        throw new Error("a listener's own");
      });
      const going = vi.fn();
      const stops = [await wakeUp.subscribe(failing), await wakeUp.subscribe(going)];
      await wakeUp.notify();
      await called(failing);
      await called(going);
      for (const stop of stops) await stop();
    });
  });
}
