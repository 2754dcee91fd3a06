import { setTimeout as sleep } from "node:timers/promises";
import {
  FaxError,
  type FaxSpool,
  isFaxError,
  reconnectDelay,
  type StatusReport,
  type TransportCall,
  type TransportHost,
} from "@faxbot/core/transport";
import {
  type AmiConnection,
  type AmiListener,
  type AmiPatience,
  amiPatience,
  openAmi,
} from "./ami-connection.ts";
import type { AmiMessage } from "./ami-message.ts";
import { channelOf } from "./asterisk-call.ts";
import { notedSince, openChannels, traceCall } from "./asterisk-lookup.ts";
import type { AsteriskSettings } from "./asterisk-settings.ts";
import { resultReport } from "./asterisk-status.ts";
import { sweep } from "./asterisk-sweep.ts";
import { type CallTimes, type LiveCall, LiveCalls } from "./live-calls.ts";

/** How long things may take, in milliseconds. */
export interface LinePatience extends AmiPatience, Omit<CallTimes, "ringSeconds"> {
  /** How often calls are looked after. */
  tickMs: number;
  /** After a refused login nobody tries again for so long: exchanges lock out who does. */
  refusedMs: number;
  /** Wait before a look-up that failed is tried again. */
  lookAgainMs: number;
  /** How often left-over notes and documents are swept. */
  sweepMs: number;
  /** How long a cancel waits for the call to end. */
  cancelMs: number;
}

/** The patience of production. */
export const linePatience: LinePatience = {
  ...amiPatience,
  tickMs: 250,
  secondMs: 1_000,
  graceMs: 2_000,
  // The manifest says the same.
  settleMs: 15_000,
  refusedMs: 60_000,
  lookAgainMs: 5_000,
  sweepMs: 6 * 3_600_000,
  cancelMs: 3_000,
};

/** The events that tell of calls and of received faxes. */
const events: ReadonlySet<string> = new Set([
  "OriginateResponse",
  "DialState",
  "DialEnd",
  "FAXStatus",
  "UserEvent",
  "Hangup",
]);

/** A look-up of calls that went on for so long after their end is given up. */
const givenUpAfterMs = 10 * 60_000;
/** A connection that held for so long was well, so the back-off starts anew. */
const steadyMs = 60_000;

/** What can be said of a call when Asterisk was asked: a report, or that it knows nothing, or not enough. */
export type Asked = StatusReport | "absent" | "gone";

/**
 * What one process does with one Asterisk: the long connection while `run` has one, and the questions about calls. Holds
 * no timer and no socket unless `run` does or a method is under way.
 */
export class AsteriskLine {
  readonly calls: LiveCalls;
  readonly #settings: AsteriskSettings;
  readonly #spoolOut: FaxSpool;
  readonly #patience: LinePatience;
  readonly #prepared = new WeakSet<AmiConnection>();
  #ami: AmiConnection | undefined;
  #refusedUntil = 0;
  #looking = false;

  constructor(settings: AsteriskSettings, spoolOut: FaxSpool, patience: LinePatience) {
    this.#settings = settings;
    this.#spoolOut = spoolOut;
    this.#patience = patience;
    this.calls = new LiveCalls(spoolOut, { ...patience, ringSeconds: settings.ringSeconds });
  }

  /** The last report of a call, while it is remembered; `undefined` also when events of it were missed. */
  reportOf(attemptId: string): StatusReport | undefined {
    const live = this.calls.get(attemptId);
    if (!live) return this.calls.endOf(attemptId);
    const isWatched = this.#ami !== undefined && live.lookAt === Number.POSITIVE_INFINITY;
    return live.call.phase === "ended" || isWatched ? live.call.report : undefined;
  }

  /**
   * Runs work on the long connection, or on one of its own when there is none.
   *
   * @throws FaxError as `openAmi`, and what the work throws
   */
  async with<T>(call: Pick<TransportCall, "signal">, work: (ami: AmiConnection) => Promise<T>): Promise<T> {
    if (this.#ami) return work(this.#ami);
    const ami = await this.#open(call.signal);
    try {
      return await work(ami);
    } finally {
      ami.close();
    }
  }

  /** Runs work on the long connection, if there is one; what fails is left. */
  async ifConnected(work: (ami: AmiConnection) => Promise<void>): Promise<void> {
    if (this.#ami) await work(this.#ami).catch(() => {});
  }

  /**
   * Makes sure, once per connection and before the first call, that Asterisk's database says since when it has notes.
   *
   * @throws FaxError as {@link AmiConnection.ask}
   */
  async prepare(ami: AmiConnection, call: Pick<TransportCall, "signal" | "clock" | "logger">): Promise<void> {
    if (this.#prepared.has(ami)) return;
    const since = await notedSince(ami, call.clock.now(), call.signal);
    this.#prepared.add(ami);
    if (since !== undefined) return;
    call.logger.warn(
      { transportId: "asterisk" },
      "asterisk's dialplan is not Faxbot's, or its database is closed to us: results may stay unknown",
    );
  }

  /**
   * Asks Asterisk what became of a call.
   *
   * @returns a report, `"absent"` when there is neither channel nor note, or `"gone"` when nobody can tell any more
   * @throws FaxError `transport_unavailable`, `transport_unauthorized`
   */
  async ask(
    ami: AmiConnection,
    attemptId: string,
    call: Pick<TransportCall, "signal" | "clock">,
  ): Promise<Asked> {
    const { calls } = this;
    const trace = await traceCall(ami, attemptId, await openChannels(ami, call.signal), call.signal);
    const live = calls.get(attemptId);
    if (live) {
      const proves = trace.state === "absent" && live.submittedAt !== undefined && calls.isSettled(live);
      calls.conclude(live, trace, proves ? await notedSince(ami, call.clock.now(), call.signal) : undefined);
      const { phase, report } = live.call;
      // Without `run`, who asks is told all that there is to tell.
      if (phase === "ended" && !calls.host) calls.close(live);
      const isOpen = (trace.state === "absent" || trace.state === "gone") && !calls.isSettled(live);
      if (phase === "ended" || isOpen) return report;
    }
    if (trace.state === "absent" || trace.state === "gone") return trace.state;
    const ids = { providerId: channelOf(attemptId), reference: attemptId };
    if (trace.state === "result") {
      await calls.removeDocument(attemptId);
      return resultReport(ids, trace.result, false);
    }
    return trace.answered
      ? { ...ids, status: "in_progress", providerStatus: "Up" }
      : { ...ids, status: "queued", providerStatus: "Dialing" };
  }

  /**
   * Ends a call that stands or is about to, and waits a moment for what comes of it. That it was wanted is remembered
   * before anybody is asked, because the call's end looks like a failure.
   *
   * @throws FaxError as {@link hangUp} and {@link ask}
   */
  async cancel(
    ami: AmiConnection,
    attemptId: string,
    call: Pick<TransportCall, "signal" | "clock">,
  ): Promise<Asked> {
    const live = this.calls.get(attemptId) ?? this.calls.adopt(attemptId, false);
    live.call.canceled = true;
    if (await hangUp(ami, live.call.channelId, call.signal)) live.hungUp = true;
    else if (!this.calls.isSettled(live)) live.hangUpLater = true;
    const until = performance.now() + (live.hungUp ? this.#patience.cancelMs : 0);
    while (live.call.phase !== "ended" && performance.now() < until) {
      const isHeard = this.#ami === ami;
      if (!isHeard) {
        const asked = await this.ask(ami, attemptId, call);
        if (typeof asked === "string" || isOver(live)) return asked;
      }
      await sleep(isHeard ? 20 : 200, undefined, { signal: call.signal });
    }
    return isOver(live) ? live.call.report : this.ask(ami, attemptId, call);
  }

  /** Sweeps now and then what is left over, until the signal aborts. */
  async tidy(host: TransportHost, ami: AmiConnection, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const now = host.clock.now();
      const isLive = (attemptId: string) => this.calls.get(attemptId) !== undefined;
      await sweep(ami, { spoolOut: this.#spoolOut, isLive, now, signal }).catch((error: unknown) => {
        if (signal.aborted) return;
        const errorCode = isFaxError(error) ? error.code : "unknown";
        host.logger.warn(
          { transportId: "asterisk", errorCode },
          "left-over notes and documents could not be swept",
        );
      });
      await sleep(this.#patience.sweepMs, undefined, { signal }).catch(() => {});
    }
  }

  /**
   * Keeps a connection until the host's signal aborts, and tells what becomes of the calls.
   *
   * @param parts `onEvent`: takes the events that are about no call; `serve`: runs on each connection, beside it
   */
  async run(
    host: TransportHost,
    parts: {
      onEvent: (event: AmiMessage) => void;
      serve: (ami: AmiConnection, signal: AbortSignal) => Promise<void>;
    },
  ): Promise<void> {
    this.calls.host = host;
    if (!this.#settings.tls && !/^(localhost$|127\.|::1$)/.test(this.#settings.host)) {
      host.logger.warn(
        { transportId: "asterisk" },
        "asterisk is on another machine: without TLS or a tunnel its password goes over the wire as it is",
      );
    }
    // What an earlier run could not tell any more.
    for (const live of this.calls.all()) this.calls.tell(live);
    const ticker = setInterval(() => this.#tick(), this.#patience.tickMs);
    try {
      for (let failures = 0; !host.signal.aborted; ) {
        const startedAt = performance.now();
        const reason = await this.#holdConnection(host, parts);
        if (host.signal.aborted) break;
        failures = performance.now() - startedAt > steadyMs ? 1 : failures + 1;
        const refusal = isFaxError(reason, "transport_unauthorized");
        host.logger.warn(
          { transportId: "asterisk", errorCode: isFaxError(reason) ? reason.code : "unknown", failures },
          refusal ? "asterisk refuses the login" : "asterisk's connection broke off and is made again",
        );
        const delay = refusal ? this.#patience.refusedMs * (1 + Math.random() / 4) : reconnectDelay(failures);
        await sleep(delay, undefined, { signal: host.signal }).catch(() => {});
      }
    } finally {
      clearInterval(ticker);
      this.calls.host = undefined;
    }
  }

  /** @returns why it ended */
  async #holdConnection(
    host: TransportHost,
    { onEvent, serve }: Parameters<AsteriskLine["run"]>[1],
  ): Promise<unknown> {
    let ami: AmiConnection;
    try {
      ami = await this.#open(host.signal, (event) => this.#hear(event) || onEvent(event));
    } catch (error) {
      return error;
    }
    const ended = new AbortController();
    this.#ami = ami;
    // Whatever happened between two connections was not heard.
    for (const live of this.calls.all()) live.lookAt = performance.now();
    const serving = Promise.all([
      this.prepare(ami, host),
      this.#findCalls(ami),
      serve(ami, ended.signal),
    ]).catch((error: unknown) => {
      if (!ended.signal.aborted) {
        host.logger.warn(
          { transportId: "asterisk", errorName: error instanceof Error ? error.name : typeof error },
          "asterisk could not be asked",
        );
      }
    });
    const reason = await ami.closed;
    if (this.#ami === ami) this.#ami = undefined;
    ended.abort();
    await serving;
    return reason;
  }

  async #open(signal: AbortSignal, onEvent?: AmiListener["onEvent"]): Promise<AmiConnection> {
    if (performance.now() < this.#refusedUntil) {
      throw new FaxError("transport_unauthorized", "asterisk refused user or password a moment ago", {
        transportId: "asterisk",
      });
    }
    try {
      const patience = this.#patience;
      return await openAmi(this.#settings, {
        signal,
        patience,
        ...(onEvent ? { listener: { events, onEvent } } : {}),
      });
    } catch (error) {
      if (isFaxError(error, "transport_unauthorized")) {
        this.#refusedUntil = performance.now() + this.#patience.refusedMs;
      }
      throw error;
    }
  }

  /** Calls of ours that stand and that this process does not know: it was started after them. */
  async #findCalls(ami: AmiConnection): Promise<void> {
    for (const [attemptId, { answered }] of await openChannels(ami)) {
      if (!this.calls.get(attemptId) && !this.calls.endOf(attemptId)) this.calls.adopt(attemptId, answered);
    }
  }

  /** @returns whether the event was about a call of ours */
  #hear(event: AmiMessage): boolean {
    const live = this.calls.hear(event);
    if (live?.hangUpLater && this.#ami) void this.#hangUpNow(this.#ami, live).catch(() => {});
    return live !== undefined;
  }

  /** The channel is there now that a cancel did not find. */
  async #hangUpNow(ami: AmiConnection, live: LiveCall): Promise<void> {
    if (!live.hangUpLater || isOver(live)) return;
    live.hangUpLater = false;
    live.hungUp = await hangUp(ami, live.call.channelId);
  }

  #tick(): void {
    if (this.calls.expire() && this.#ami && !this.#looking) void this.#lookAround(this.#ami);
  }

  /** Asks what became of all calls that need it. */
  async #lookAround(ami: AmiConnection): Promise<void> {
    const { calls } = this;
    this.#looking = true;
    const due = calls.all().filter(({ lookAt }) => lookAt <= performance.now());
    try {
      const channels = await openChannels(ami);
      const since = await notedSince(ami, calls.host?.clock.now() ?? new Date());
      for (const live of due) {
        const { call } = live;
        calls.conclude(live, await traceCall(ami, call.attemptId, channels), since);
        if (!channels.has(call.attemptId)) continue;
        await this.#hangUpNow(ami, live);
        if (call.phase !== "missed") continue;
        // Overdue, and its channel still stands.
        live.lookAt = performance.now() + this.#patience.lookAgainMs;
        await hangUp(ami, call.channelId);
      }
    } catch {
      for (const live of due) {
        if (performance.now() > live.call.overdueAt + givenUpAfterMs) calls.lose(live);
        else live.lookAt = performance.now() + this.#patience.lookAgainMs;
      }
    } finally {
      this.#looking = false;
    }
  }
}

/** In a function of its own, because a wait may have passed since the last look. */
function isOver({ call }: LiveCall): boolean {
  return call.phase === "ended";
}

/**
 * Asks Asterisk to hang up.
 *
 * @returns false when there is no such channel
 * @throws FaxError as `AmiConnection.ask`, `transport_unauthorized` when the account may not
 */
async function hangUp(ami: AmiConnection, channelId: string, signal?: AbortSignal): Promise<boolean> {
  const answer = await ami.ask(
    [
      ["Action", "Hangup"],
      // Asterisk takes the Uniqueid for a name.
      ["Channel", channelId],
      ["Cause", "16"],
    ],
    signal ? { signal } : {},
  );
  if (answer.name === "Success") return true;
  if (answer.get("Message") === "No such channel") return false;
  throw new FaxError("transport_unauthorized", "asterisk refuses to hang up", { transportId: "asterisk" });
}
