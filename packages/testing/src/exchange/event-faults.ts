import type { SocketEventFault } from "./socket-fault.ts";

/** Lets events through, or does to them what was asked for. */
export interface EventFaults {
  add(fault: SocketEventFault): void;
  /** @param names what the event is called @param send sends it */
  pass(names: readonly string[], send: () => void): void;
  clear(): void;
}

/** Makes the part of an emulator that loses, doubles and delays events. */
export function eventFaults(): EventFaults {
  const faults: { fault: SocketEventFault; left: number }[] = [];
  const timers = new Set<NodeJS.Timeout>();
  let overtaken: (() => void)[] = [];
  return {
    add: (fault) => void faults.push({ fault, left: fault.times ?? 1 }),
    pass(names, send) {
      const entry = faults.find(({ fault }) => fault.event === undefined || names.includes(fault.event));
      if (entry) {
        entry.left -= 1;
        if (entry.left <= 0) faults.splice(faults.indexOf(entry), 1);
      }
      const fault = entry?.fault;
      if (fault?.kind === "drop") return;
      if (fault?.kind === "reorder") return void overtaken.push(send);
      if (fault?.kind === "delay") {
        const timer = setTimeout(() => {
          timers.delete(timer);
          send();
        }, fault.ms);
        timers.add(timer);
        return;
      }
      send();
      if (fault?.kind === "duplicate") send();
      const late = overtaken;
      overtaken = [];
      for (const each of late) each();
    },
    clear() {
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
      faults.length = 0;
      overtaken = [];
    },
  };
}
