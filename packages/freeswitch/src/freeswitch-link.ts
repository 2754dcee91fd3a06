import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "@faxbot/core/transport";
import { type EslConnection, EslFailure, openEslConnection } from "./esl-connection.ts";
import type { EslEvent } from "./esl-event.ts";
import type { FreeSwitchSettings } from "./freeswitch-settings.ts";
import type { FreeSwitchTiming } from "./freeswitch-timing.ts";

/** Plain names first: everything after CUSTOM is a subclass. The spelling "negociate" is mod_spandsp's. */
const subscription = [
  "event json CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_PROGRESS_MEDIA CHANNEL_ANSWER CHANNEL_HANGUP_COMPLETE",
  "BACKGROUND_JOB CUSTOM spandsp::txfaxnegociateresult spandsp::txfaxpageresult spandsp::txfaxresult",
  "spandsp::rxfaxresult",
].join(" ");

/** What passes one of these comes; the rest of a busy exchange's events stays there. */
const filters = [
  "filter Event-Name BACKGROUND_JOB",
  "filter variable_faxbot 1",
  "filter Event-Subclass spandsp::rxfaxresult",
];

/** A connection that held so long was a good one, so the pauses start anew. */
const healthyMs = 10_000;

/**
 * The way to one FreeSWITCH: the connection that `run` holds, when it does, else one that is made for each use.
 */
export class FreeSwitchLink {
  readonly #settings: FreeSwitchSettings;
  readonly #timing: FreeSwitchTiming;
  readonly #isAwaited: (id: string) => boolean;
  readonly #onEvent: (event: EslEvent) => void;
  /** Set while `run` holds a connection or tries to. */
  #held: HeldConnection | undefined;

  constructor(options: {
    settings: FreeSwitchSettings;
    timing: FreeSwitchTiming;
    isAwaited: (id: string) => boolean;
    onEvent: (event: EslEvent) => void;
  }) {
    this.#settings = options.settings;
    this.#timing = options.timing;
    this.#isAwaited = options.isAwaited;
    this.#onEvent = options.onEvent;
  }

  /**
   * Lends a connection that hears our events.
   *
   * @throws EslFailure; the signal's reason; what `work` throws
   */
  async use<T>(signal: AbortSignal, work: (connection: EslConnection) => Promise<T>): Promise<T> {
    if (this.#held) return work(await this.#held.connection(signal));
    const connection = await this.#open(signal);
    try {
      return await work(connection);
    } finally {
      connection.close();
    }
  }

  /**
   * Keeps a connection until the signal aborts: makes it, lets `serve` work with it, and makes it again when it broke.
   *
   * @param serve ends when the connection is gone
   */
  async hold(
    signal: AbortSignal,
    logger: Logger,
    serve: (connection: EslConnection) => Promise<void>,
  ): Promise<void> {
    const held = new HeldConnection();
    this.#held = held;
    let failures = 0;
    try {
      while (!signal.aborted) {
        held.trying();
        let since = performance.now();
        let failure: EslFailure | undefined;
        try {
          const connection = await this.#open(signal);
          since = performance.now();
          held.opened(connection);
          logger.info({ transportId: "freeswitch" }, "connected with FreeSWITCH");
          try {
            await serve(connection);
          } finally {
            connection.close();
          }
        } catch (error) {
          if (signal.aborted) return;
          // What else breaks while serving (a folder that cannot be read) must not end the line for good.
          failure =
            error instanceof EslFailure ? error : new EslFailure("unreachable", "it could not be served");
        }
        if (signal.aborted) return;
        failures = performance.now() - since > healthyMs ? 1 : failures + 1;
        held.broke(failure ?? new EslFailure("unreachable", "it hung up"));
        logger.warn(
          { transportId: "freeswitch", failure: failure?.kind ?? "closed" },
          "no connection with FreeSWITCH; it is made again",
        );
        const refused = failure?.kind === "unauthorized";
        // Whoever wants to send does not wait for the end of a pause, but never hammers a server that refused us.
        const pause = refused
          ? this.#timing.refusedMs * (0.75 + Math.random() / 2)
          : this.#timing.reconnectMs(failures);
        await held.pause(pause, signal, !refused);
      }
    } finally {
      held.broke(new EslFailure("closed", "the engine stopped"));
      if (this.#held === held) this.#held = undefined;
    }
  }

  async #open(signal: AbortSignal): Promise<EslConnection> {
    const { host, port, password } = this.#settings;
    const connection = await openEslConnection({
      host,
      port,
      password,
      timing: this.#timing,
      signal,
      isAwaited: this.#isAwaited,
      onEvent: this.#onEvent,
    });
    try {
      const reply = await connection.command(subscription);
      if (/permission denied/i.test(reply)) throw new EslFailure("unauthorized", "events are refused");
      if (!reply.startsWith("+OK")) throw new EslFailure("unreachable", "events are refused");
      for (const filter of filters) await connection.command(filter);
      return connection;
    } catch (error) {
      connection.close();
      signal.throwIfAborted();
      if (error instanceof EslFailure && error.kind === "lost") {
        throw new EslFailure("unreachable", "it broke while events were asked for", error);
      }
      throw error;
    }
  }
}

type Waiter = { resolve(connection: EslConnection): void; reject(error: Error): void };

/** The connection that `run` holds, as those see it who need it in between. */
class HeldConnection {
  #state: "trying" | "open" | "pausing" = "trying";
  #connection: EslConnection | undefined;
  #failure: EslFailure | undefined;
  #waiters: Waiter[] = [];
  #hurry = (): void => {};

  /** @throws EslFailure when the next try fails too; the signal's reason */
  async connection(signal: AbortSignal): Promise<EslConnection> {
    signal.throwIfAborted();
    if (this.#state === "open" && this.#connection?.isOpen) return this.#connection;
    if (this.#state === "pausing") {
      if (this.#failure?.kind === "unauthorized" || this.#failure?.kind === "closed") throw this.#failure;
      this.#hurry();
    }
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        signal.removeEventListener("abort", stop);
        this.#waiters = this.#waiters.filter((each) => each !== waiter);
      };
      const stop = (): void => {
        settle();
        reject(signal.reason as Error);
      };
      const waiter: Waiter = {
        resolve: (connection) => {
          settle();
          resolve(connection);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      signal.addEventListener("abort", stop, { once: true });
      this.#waiters.push(waiter);
    });
  }

  trying(): void {
    this.#state = "trying";
  }

  opened(connection: EslConnection): void {
    this.#state = "open";
    this.#connection = connection;
    for (const waiter of this.#waiters) waiter.resolve(connection);
  }

  broke(failure: EslFailure): void {
    // Those who came while a connection was breaking wait for the next try.
    const wasTrying = this.#state === "trying";
    this.#state = "pausing";
    this.#connection = undefined;
    this.#failure = failure;
    if (!wasTrying && failure.kind !== "closed") return;
    for (const waiter of this.#waiters) waiter.reject(failure);
  }

  async pause(ms: number, signal: AbortSignal, mayHurry: boolean): Promise<void> {
    if (mayHurry && this.#waiters.length > 0) return;
    const hurried = new AbortController();
    this.#hurry = mayHurry ? () => hurried.abort() : () => {};
    await sleep(ms, undefined, { signal: AbortSignal.any([signal, hurried.signal]) }).catch(() => {});
    this.#hurry = () => {};
  }
}
