import { setTimeout as sleep } from "node:timers/promises";
import { type FaxSpool, isFaxError, type TransportEvent, type TransportHost } from "@faxbot/core/transport";
import type { AmiConnection } from "./ami-connection.ts";
import type { AmiMessage } from "./ami-message.ts";
import {
  idOfFile,
  type Reception,
  receivedEvent,
  receivedFamily,
  receptionOfEvent,
  receptionOfNote,
} from "./asterisk-inbound.ts";
import { filesInUse, readEntry } from "./asterisk-lookup.ts";
import type { AsteriskSettings } from "./asterisk-settings.ts";

/** How often the spool is looked through, and what counts as finished; in milliseconds. */
export interface IntakePatience {
  scanMs: number;
  /** A file that did not change for so long and is in no session is whole. */
  quietMs: number;
  /** The same where Asterisk does not say which sessions run. */
  surelyQuietMs: number;
}

/** The patience of production. No session stands still for a quarter of an hour: T.30's timers end it long before. */
export const intakePatience: IntakePatience = { scanMs: 30_000, quietMs: 60_000, surelyQuietMs: 15 * 60_000 };

/** Events that wait for the host; more of them are left to the look through the spool. */
const mostWaiting = 1_000;
const longestRetryMs = 10_000;

/**
 * Hands received faxes over, once each: as the dialplan's event tells of them, and by looking through the spool for what
 * was missed. Nothing is deleted here.
 */
export class AsteriskIntake {
  readonly #settings: AsteriskSettings;
  readonly #spool: FaxSpool;
  readonly #patience: IntakePatience;
  /** What the host durably knows, or what is no fax; of the files that lie in the spool. */
  readonly #known = new Set<string>();
  #line: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(settings: AsteriskSettings, spool: FaxSpool, patience: IntakePatience) {
    this.#settings = settings;
    this.#spool = spool;
    this.#patience = patience;
  }

  /** Takes an event of the connection; what is not about a received fax is passed over. Does not wait. */
  hear(host: TransportHost, event: AmiMessage): void {
    if (event.name !== "UserEvent" || event.get("UserEvent") !== "FaxbotReceived") return;
    const reception = receptionOfEvent(event);
    if (!reception || this.#waiting >= mostWaiting) return;
    this.#waiting += 1;
    this.#line = this.#line.then(async () => {
      await this.#handOverAtLast(host, reception);
      this.#waiting -= 1;
    });
  }

  /** Looks through the spool now and then, until the signal aborts. */
  async watch(host: TransportHost, ami: AmiConnection, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#scan(host, ami, signal).catch((error: unknown) => {
        if (signal.aborted) return;
        const fields = isFaxError(error)
          ? { errorCode: error.code }
          : { errorName: String((error as Error).name) };
        host.logger.warn(
          { transportId: "asterisk", ...fields },
          "the spool of received faxes cannot be looked through",
        );
      });
      await sleep(this.#patience.scanMs, undefined, { signal }).catch(() => {});
    }
  }

  /** A fax that is gone need not be remembered. */
  forget(id: string): void {
    this.#known.delete(id);
  }

  async #scan(host: TransportHost, ami: AmiConnection, signal: AbortSignal): Promise<void> {
    const now = host.clock.now();
    const all = await this.#spool.settled(0, now);
    const present = new Set(all.map(({ name }) => idOfFile(name)));
    for (const id of this.#known) if (!present.has(id)) this.#known.delete(id);

    const fresh = all.filter(({ name }) => !this.#known.has(idOfFile(name)));
    if (fresh.length === 0) return;
    const inUse = await filesInUse(ami, signal);
    const quietMs = inUse ? this.#patience.quietMs : this.#patience.surelyQuietMs;
    for (const { name, modifiedAt } of fresh) {
      if (signal.aborted) return;
      const id = idOfFile(name);
      if (inUse?.has(name) || now.getTime() - modifiedAt.getTime() < quietMs || this.#known.has(id)) continue;
      const note = await readEntry(ami, receivedFamily, id, signal);
      await this.#handOver(host, note === undefined ? { id } : receptionOfNote(id, note), modifiedAt);
    }
  }

  /** Tries until the host has it, or stops: then the next look through the spool finds it again. */
  async #handOverAtLast(host: TransportHost, reception: Reception): Promise<void> {
    for (let failures = 1; !host.signal.aborted; failures += 1) {
      try {
        return await this.#handOver(host, reception);
      } catch {
        host.logger.warn(
          { transportId: "asterisk", failures },
          "a received fax could not be handed over yet",
        );
        const ms = Math.min(100 * 2 ** failures, longestRetryMs);
        await sleep(ms, undefined, { signal: host.signal }).catch(() => {});
      }
    }
  }

  /** @throws what the host throws when it could not store the event */
  async #handOver(host: TransportHost, reception: Reception, occurredAt?: Date): Promise<void> {
    if (this.#known.has(reception.id)) return;
    const event: TransportEvent | undefined = await receivedEvent(reception, this.#spool, this.#settings);
    if (event) await host.emit(occurredAt && event.type === "received" ? { ...event, occurredAt } : event);
    this.#known.add(reception.id);
  }
}
