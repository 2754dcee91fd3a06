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
import { type AmiConnection, type AmiPatience, amiPatience, openAmi } from "./ami-connection.ts";
import type { AmiMessage } from "./ami-message.ts";
import { AsteriskCall, attemptOf, channelOf, longestCallSeconds } from "./asterisk-call.ts";
import { type CallTrace, notedSince, openChannels, traceCall } from "./asterisk-lookup.ts";
import type { AsteriskSettings } from "./asterisk-settings.ts";
import { resultReport } from "./asterisk-status.ts";
import { sweep } from "./asterisk-sweep.ts";

/** How long things may take, in milliseconds. */
export interface LinePatience extends AmiPatience {
  /** How often calls are looked after. */
  tickMs: number;
  /** Late events of a call that is over come within this time. */
  graceMs: number;
  /** An Originate that was taken has its channel by then; the manifest says the same. */
  settleMs: number;
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
  graceMs: 2_000,
  settleMs: 15_000,
  refusedMs: 60_000,
  lookAgainMs: 5_000,
  sweepMs: 6 * 3_600_000,
  cancelMs: 3_000,
};

/** A call and what is still to be done about it. */
interface Tracked {
  readonly call: AsteriskCall;
  /** By the clock that stamps faxes; absent for a call that was found under way. */
  readonly submittedAt?: Date;
  /** When to ask Asterisk what became of it, monotonic, in milliseconds. */
  lookAt: number;
  /** What the host does not durably know yet. */
  unsaid?: StatusReport;
  /** The status that it knows. */
  said: StatusReport["status"];
  telling: boolean;
  /** A cancel came before there was a channel to hang up. */
  hangUpLater: boolean;
  /** Asterisk took a cancel: there was a channel. */
  hungUp: boolean;
}

/** A look-up of calls that went on for so long after their end is given up. */
const givenUpAfterMs = 10 * 60_000;
/** A connection that held for so long was well, so the back-off starts anew. */
const steadyMs = 60_000;
/** Ended calls that are remembered, until the host has worked their events. */
const mostEnded = 2_000;

/**
 * Everything that one process knows of one Asterisk: the long connection while `run` has one, and the live calls. Holds
 * no timer and no socket unless `run` does or a method is under way.
 */
export class AsteriskLine {
  readonly #settings: AsteriskSettings;
  readonly #spoolOut: FaxSpool;
  readonly #patience: LinePatience;
  readonly #calls = new Map<string, Tracked>();
  readonly #ended = new Map<string, StatusReport>();
  #ami: AmiConnection | undefined;
  #host: TransportHost | undefined;
  #refusedUntil = 0;
  #looking = false;
  readonly #prepared = new WeakSet<AmiConnection>();

  constructor(settings: AsteriskSettings, spoolOut: FaxSpool, patience: LinePatience) {
    this.#settings = settings;
    this.#spoolOut = spoolOut;
    this.#patience = patience;
  }

  /** Whether one more call can be made now. */
  hasLine(): boolean {
    const now = performance.now();
    let live = 0;
    for (const { call } of this.#calls.values()) {
      // Without `run` nobody hears of a call's end.
      if (call.phase !== "ended" && (this.#host || now < call.overdueAt)) live += 1;
    }
    return live < this.#settings.maxCalls;
  }

  /** Notes a call before it is made, so that no event is missed. */
  begin(call: { attemptId: string; originateId: string; pages: number; submittedAt: Date }): AsteriskCall {
    const now = performance.now();
    const made = new AsteriskCall({
      attemptId: call.attemptId,
      originateId: call.originateId,
      now,
      longestMs: this.#longestMs(call.pages),
      graceMs: this.#patience.graceMs,
    });
    this.#calls.set(call.attemptId, { ...tracked(made), submittedAt: call.submittedAt });
    return made;
  }

  /** Forgets a call that was proven not to be made. */
  forget(attemptId: string): void {
    this.#calls.delete(attemptId);
  }

  /** The last report of a call, while it is remembered; `undefined` also when events of it were missed. */
  reportOf(attemptId: string): StatusReport | undefined {
    const tracked = this.#calls.get(attemptId);
    if (!tracked) return this.#ended.get(attemptId);
    const isWatched = this.#ami !== undefined && tracked.lookAt === Number.POSITIVE_INFINITY;
    return tracked.call.phase === "ended" || isWatched ? tracked.call.report : undefined;
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
  ): Promise<StatusReport | "absent" | "gone"> {
    const trace = await traceCall(ami, attemptId, await openChannels(ami, call.signal), call.signal);
    const known = this.#calls.get(attemptId);
    if (known) {
      const proves = trace.state === "absent" && known.submittedAt !== undefined && this.#isSettled(known);
      const since = proves ? await notedSince(ami, call.clock.now(), call.signal) : undefined;
      await this.#conclude(known, trace, since);
      const { phase, report } = known.call;
      // Without `run`, who asks is told all that there is to tell.
      if (phase === "ended" && !this.#host) this.#close(known);
      if (phase === "ended" || (trace.state === "absent" && !this.#isSettled(known))) return report;
    }
    if (trace.state === "absent" || trace.state === "gone") return trace.state;
    const ids = { providerId: channelOf(attemptId), reference: attemptId };
    if (trace.state === "result") {
      await this.removeFile(attemptId);
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
  ): Promise<StatusReport | "absent" | "gone"> {
    const known = this.#calls.get(attemptId) ?? this.#adopt(attemptId, false);
    known.call.canceled = true;
    if (await hangUp(ami, known.call.channelId, call.signal)) known.hungUp = true;
    else if (!this.#isSettled(known)) known.hangUpLater = true;
    const until = performance.now() + (known.hungUp ? this.#patience.cancelMs : 0);
    for (;;) {
      const { phase, report } = known.call;
      if (phase === "ended") return report;
      if (performance.now() >= until) break;
      if (this.#ami !== ami) {
        const asked = await this.ask(ami, attemptId, call);
        if (typeof asked === "string" || known.call.phase === "ended") return asked;
      }
      await sleep(this.#ami === ami ? 20 : 200, undefined, { signal: call.signal });
    }
    return this.ask(ami, attemptId, call);
  }

  /** Removes a document that is sent or never will be. */
  async removeFile(attemptId: string): Promise<void> {
    // What cannot be removed now is swept later.
    await this.#spoolOut.remove(`${attemptId}.tif`).catch(() => {});
  }

  /** Sweeps now and then what is left over, until the signal aborts. */
  async tidy(host: TransportHost, ami: AmiConnection, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const now = host.clock.now();
      const isLive = (attemptId: string) => this.isLive(attemptId);
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

  /** Whether a call is not over yet, so that its document is still needed. */
  isLive(attemptId: string): boolean {
    return this.#calls.has(attemptId);
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
    this.#host = host;
    // What an earlier run could not tell any more.
    for (const tracked of this.#calls.values()) this.#tell(tracked);
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
      this.#host = undefined;
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
    for (const tracked of this.#calls.values()) tracked.lookAt = performance.now();
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

  async #open(signal: AbortSignal, onEvent?: (event: AmiMessage) => void): Promise<AmiConnection> {
    if (performance.now() < this.#refusedUntil) {
      throw new FaxError("transport_unauthorized", "asterisk refused user or password a moment ago", {
        transportId: "asterisk",
      });
    }
    try {
      const patience = this.#patience;
      return await openAmi(this.#settings, { signal, patience, ...(onEvent ? { onEvent } : {}) });
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
      if (!this.#calls.has(attemptId) && !this.#ended.has(attemptId)) this.#adopt(attemptId, answered);
    }
  }

  #adopt(attemptId: string, answered: boolean): Tracked {
    const now = performance.now();
    const { graceMs } = this.#patience;
    const longestMs = this.#longestMs(Number.POSITIVE_INFINITY);
    const found = tracked(new AsteriskCall({ attemptId, answered, now, longestMs, graceMs }));
    this.#calls.set(attemptId, found);
    return found;
  }

  #longestMs(pages: number): number {
    // Asterisk's own limit comes first.
    return (this.#settings.ringSeconds + longestCallSeconds(pages) + 30) * 1_000;
  }

  /** @returns whether the event was about a call of ours */
  #hear(event: AmiMessage): boolean {
    const tracked = this.#calledBy(event);
    if (!tracked?.call.isAbout(event)) return false;
    if (tracked.call.apply(event, performance.now())) this.#tell(tracked);
    if (tracked.hangUpLater && this.#ami && tracked.call.phase !== "ended") {
      tracked.hangUpLater = false;
      hangUp(this.#ami, tracked.call.channelId).catch(() => {});
    }
    return true;
  }

  #calledBy(event: AmiMessage): Tracked | undefined {
    const channel = event.get("Uniqueid") ?? event.get("DestUniqueid") ?? "";
    const attemptId = attemptOf(channel);
    if (attemptId !== undefined) return this.#calls.get(attemptId);
    // Old releases say `<null>` for the channel of a call that failed at once.
    if (event.name !== "OriginateResponse" || !/^(<|$)/.test(channel)) return undefined;
    for (const tracked of this.#calls.values()) if (tracked.call.isAbout(event)) return tracked;
    return undefined;
  }

  #tick(): void {
    const now = performance.now();
    let due = false;
    for (const tracked of this.#calls.values()) {
      if (tracked.call.expire(now)) {
        if (tracked.call.phase === "missed") tracked.lookAt = now;
        else this.#tell(tracked);
      }
      due ||= tracked.lookAt <= now;
    }
    if (due && this.#ami && !this.#looking) void this.#lookAround(this.#ami);
  }

  /** Asks what became of all calls that need it. */
  async #lookAround(ami: AmiConnection): Promise<void> {
    this.#looking = true;
    const due = [...this.#calls.values()].filter(({ lookAt }) => lookAt <= performance.now());
    try {
      const channels = await openChannels(ami);
      const since = await notedSince(ami, this.#host?.clock.now() ?? new Date());
      for (const tracked of due) {
        await this.#conclude(tracked, await traceCall(ami, tracked.call.attemptId, channels), since);
        if (tracked.call.phase === "missed" && channels.has(tracked.call.attemptId)) {
          // Overdue, and its channel still stands.
          tracked.lookAt = performance.now() + this.#patience.lookAgainMs;
          await hangUp(ami, tracked.call.channelId);
        }
      }
    } catch {
      for (const tracked of due) {
        if (performance.now() > tracked.call.overdueAt + givenUpAfterMs) this.#lose(tracked);
        else tracked.lookAt = performance.now() + this.#patience.lookAgainMs;
      }
    } finally {
      this.#looking = false;
    }
  }

  /** Draws the conclusion of what Asterisk knows of a call. */
  async #conclude(tracked: Tracked, trace: CallTrace, since: Date | undefined): Promise<void> {
    const { call, submittedAt } = tracked;
    if (call.phase === "ended") {
      tracked.lookAt = Number.POSITIVE_INFINITY;
      return;
    }
    switch (trace.state) {
      case "result": {
        const ids = { providerId: call.channelId, reference: call.attemptId };
        call.end(resultReport(ids, trace.result, call.canceled));
        this.#tell(tracked);
        break;
      }
      case "open":
        tracked.lookAt = Number.POSITIVE_INFINITY;
        if (trace.answered && call.seen()) this.#tell(tracked);
        if (tracked.hangUpLater && this.#ami) {
          tracked.hangUpLater = false;
          await hangUp(this.#ami, call.channelId);
        }
        break;
      case "gone":
        this.#lose(tracked);
        break;
      case "absent":
        if (!this.#isSettled(tracked)) {
          tracked.lookAt = call.startedAt + this.#patience.settleMs;
        } else if (since !== undefined && submittedAt !== undefined && since <= submittedAt) {
          call.endUnanswered();
          this.#tell(tracked);
        } else this.#lose(tracked);
    }
  }

  /** Whether a call that has no channel will not get one any more. */
  #isSettled({ call, hungUp }: Tracked): boolean {
    return hungUp || performance.now() - call.startedAt > this.#patience.settleMs;
  }

  /** Nobody can say what became of it: the engine finds that out by asking, and tells a person. */
  #lose(tracked: Tracked): void {
    this.#calls.delete(tracked.call.attemptId);
    void this.removeFile(tracked.call.attemptId);
    this.#host?.logger.warn({ transportId: "asterisk" }, "nobody can say what became of a call");
  }

  /** Tells the host how a call stands, the end until it is durable. */
  #tell(tracked: Tracked): void {
    const { report } = tracked.call;
    if (report.status !== tracked.said) tracked.unsaid = report;
    const host = this.#host;
    if (!host || tracked.telling || !tracked.unsaid) return;
    tracked.telling = true;
    void this.#tellAll(host, tracked).finally(() => {
      tracked.telling = false;
    });
  }

  async #tellAll(host: TransportHost, tracked: Tracked): Promise<void> {
    const { call } = tracked;
    let failures = 0;
    while (tracked.unsaid && !host.signal.aborted) {
      const report = tracked.unsaid;
      const key = `${call.channelId}:${report.status === "in_progress" ? "in_progress" : "end"}`;
      try {
        await host.emit({ type: "status", key, report });
      } catch {
        failures += 1;
        await sleep(Math.min(100 * 2 ** failures, 10_000), undefined, { signal: host.signal }).catch(
          () => {},
        );
        continue;
      }
      if (tracked.unsaid !== report) continue;
      delete tracked.unsaid;
      tracked.said = report.status;
      if (call.phase === "ended") this.#close(tracked);
    }
  }

  /** The host has the end durably. */
  #close({ call }: Tracked): void {
    this.#calls.delete(call.attemptId);
    this.#ended.set(call.attemptId, call.report);
    if (this.#ended.size > mostEnded) {
      const [oldest] = this.#ended.keys();
      if (oldest !== undefined) this.#ended.delete(oldest);
    }
    void this.removeFile(call.attemptId);
  }
}

function tracked(call: AsteriskCall): Tracked {
  const lookAt = Number.POSITIVE_INFINITY;
  return { call, lookAt, said: "queued", telling: false, hangUpLater: false, hungUp: false };
}

/**
 * Asks Asterisk to hang up.
 *
 * @returns false when there is no such channel
 * @throws FaxError as `AmiConnection.ask`, `transport_unauthorized` when the account may not
 */
export async function hangUp(ami: AmiConnection, channelId: string, signal?: AbortSignal): Promise<boolean> {
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
