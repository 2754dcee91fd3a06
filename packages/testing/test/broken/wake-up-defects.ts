import { localWakeUp, type WakeUp } from "@faxbot/core";

/** A wake-up with one thing wrong, and the test that has to notice. */
export interface WakeUpDefect {
  name: string;
  caughtBy: string;
  readonly create: () => WakeUp;
}

/** What can go wrong in a wake-up, one thing each. */
export const wakeUpDefects: readonly WakeUpDefect[] = [
  {
    name: "calls after the stop",
    caughtBy: "calls nobody who has stopped",
    create: () => {
      const sound = localWakeUp();
      return {
        notify: () => sound.notify(),
        subscribe: async (listener) => {
          await sound.subscribe(listener);
          return async () => {};
        },
      };
    },
  },
  {
    name: "errors of the listeners for whoever notifies",
    caughtBy: "keeps a listener's error from the others",
    create: () => {
      const listeners = new Set<() => void>();
      return {
        notify: () => {
          for (const listener of listeners) listener();
        },
        subscribe: async (listener) => {
          listeners.add(listener);
          return async () => void listeners.delete(listener);
        },
      };
    },
  },
  {
    name: "one call for all who listen",
    caughtBy: "wakes every subscriber",
    create: () => {
      const sound = localWakeUp();
      let taken = false;
      return {
        notify: () => sound.notify(),
        subscribe: async (listener) => {
          if (taken) return async () => {};
          taken = true;
          return sound.subscribe(listener);
        },
      };
    },
  },
];
