import { setTimeout as sleep } from "node:timers/promises";
import type { TransportEvent, TransportHost } from "@faxbot/core/transport";

interface Entry {
  readonly event: TransportEvent;
  /** What may be done once the event is durable. */
  readonly settled: () => Promise<void>;
  /** Results outlive a host that is away; news of the way there does not. */
  readonly keep: boolean;
}

const firstPauseMs = 250;
const longestPauseMs = 30_000;
/** Far more than all lines of an exchange can end while a store is down. */
const mostKept = 10_000;

/**
 * Events on their way to the host, in order. What the host could not store is offered again, and what came while there
 * was no host waits for the next one.
 */
export class EventOutbox {
  #entries: Entry[] = [];
  #added = (): void => {};

  /** @param options.keep whether the event waits for a host when there is none */
  add(event: TransportEvent, options: { keep: boolean; settled?: () => Promise<void> }): void {
    this.#entries.push({ event, keep: options.keep, settled: options.settled ?? (async () => {}) });
    if (this.#entries.length > mostKept) this.#entries.shift();
    this.#added();
  }

  /** Hands events over until the signal aborts. */
  async deliver(host: TransportHost, signal: AbortSignal): Promise<void> {
    let pause = firstPauseMs;
    const stop = (): void => this.#added();
    signal.addEventListener("abort", stop);
    try {
      while (!signal.aborted) {
        const [entry] = this.#entries;
        if (!entry) {
          await new Promise<void>((resolve) => {
            this.#added = resolve;
            if (signal.aborted) resolve();
          });
          continue;
        }
        try {
          await host.emit(entry.event);
          pause = firstPauseMs;
        } catch {
          host.logger.warn(
            { transportId: "freeswitch" },
            "the host could not store an event; it is offered again",
          );
          await sleep(pause * (0.5 + Math.random()), undefined, { signal }).catch(() => {});
          pause = Math.min(pause * 2, longestPauseMs);
          continue;
        }
        this.#entries = this.#entries.filter((each) => each !== entry);
        // A file that cannot be removed now is found again later.
        await entry.settled().catch(() => {});
      }
    } finally {
      signal.removeEventListener("abort", stop);
      this.#added = () => {};
    }
  }

  /** Lets go of what does not matter any more without a host. */
  dropPassing(): void {
    this.#entries = this.#entries.filter(({ keep }) => keep);
  }
}
