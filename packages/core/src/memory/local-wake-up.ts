import type { WakeUp } from "../ports/wake-up.ts";

/**
 * Wakes listeners of this process only: the right one for a single process, and harmless for several, which then find
 * each other's work by polling.
 *
 * @example
 * const faxbot = createFaxbot({ transports, stores, blobs, wakeUp: localWakeUp() });
 */
export function localWakeUp(): WakeUp {
  // Each subscription is an entry of its own, so that one listener can subscribe twice.
  const subscriptions = new Set<{ listener: () => void }>();
  return {
    notify() {
      for (const subscription of subscriptions) {
        // In a later turn: whoever notifies may still be at work, and must not feel what a listener throws.
        queueMicrotask(() => {
          if (!subscriptions.has(subscription)) return;
          try {
            subscription.listener();
          } catch {
            // A wake-up is only a hint.
          }
        });
      }
    },
    async subscribe(listener) {
      const subscription = { listener };
      subscriptions.add(subscription);
      return async () => {
        subscriptions.delete(subscription);
      };
    },
  };
}
