import { setTimeout as sleep } from "node:timers/promises";
import type { FaxSpool, StatusReport, TransportHost } from "@faxbot/core/transport";
import type { AmiMessage } from "./ami-message.ts";
import { AsteriskCall, attemptOf, longestCallSeconds } from "./asterisk-call.ts";
import type { CallTrace } from "./asterisk-lookup.ts";
import { resultReport } from "./asterisk-status.ts";

/** A call and what is still to be done about it. */
export interface LiveCall {
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

/** How long calls may take. */
export interface CallTimes {
  ringSeconds: number;
  /** What a second of a call's longest time is, in milliseconds. */
  secondMs: number;
  /** Late events of a call that is over come within this time, in milliseconds. */
  graceMs: number;
  /** An Originate that was taken has its channel by then, in milliseconds. */
  settleMs: number;
}

/** Ended calls that are remembered, until the host has worked their events. */
const mostEnded = 2_000;
const longestRetryMs = 10_000;
/** Asterisk's own limit of a call comes first. */
const marginSeconds = 30;

/** The calls of one process: what their events say of them, and what the host is told. Knows no connection. */
export class LiveCalls {
  /** The host of `run`, while it runs. */
  host: TransportHost | undefined;
  readonly #calls = new Map<string, LiveCall>();
  readonly #ended = new Map<string, StatusReport>();
  readonly #spoolOut: FaxSpool;
  readonly #times: CallTimes;

  constructor(spoolOut: FaxSpool, times: CallTimes) {
    this.#spoolOut = spoolOut;
    this.#times = times;
  }

  /** Every call that is not closed. */
  all(): LiveCall[] {
    return [...this.#calls.values()];
  }

  get(attemptId: string): LiveCall | undefined {
    return this.#calls.get(attemptId);
  }

  /** The report of a call that is closed, while it is remembered. */
  endOf(attemptId: string): StatusReport | undefined {
    return this.#ended.get(attemptId);
  }

  /** How many are under way. */
  count(): number {
    const now = performance.now();
    let count = 0;
    for (const { call } of this.#calls.values()) {
      // Without `run` nobody hears of a call's end.
      if (call.phase !== "ended" && (this.host || now < call.overdueAt)) count += 1;
    }
    return count;
  }

  /** Notes a call before it is made, so that no event is missed. */
  begin(call: { attemptId: string; originateId: string; pages: number; submittedAt: Date }): void {
    const now = performance.now();
    if (!this.host) {
      for (const { call: other } of this.all()) if (now > other.overdueAt) this.forget(other.attemptId);
    }
    const { attemptId, originateId, submittedAt } = call;
    this.#calls.set(attemptId, { ...this.#make({ attemptId, originateId }, call.pages), submittedAt });
  }

  /** Takes a call over that was found under way. */
  adopt(attemptId: string, answered: boolean): LiveCall {
    const adopted = this.#make({ attemptId, answered }, Number.POSITIVE_INFINITY);
    this.#calls.set(attemptId, adopted);
    return adopted;
  }

  #make(of: { attemptId: string; originateId?: string; answered?: boolean }, pages: number): LiveCall {
    const { ringSeconds, secondMs, graceMs } = this.#times;
    const longestMs = (ringSeconds + longestCallSeconds(pages) + marginSeconds) * secondMs;
    const call = new AsteriskCall({ ...of, now: performance.now(), longestMs, graceMs });
    const lookAt = Number.POSITIVE_INFINITY;
    return { call, lookAt, said: "queued", telling: false, hangUpLater: false, hungUp: false };
  }

  /** Forgets a call that was proven not to be made. */
  forget(attemptId: string): void {
    this.#calls.delete(attemptId);
  }

  /** Takes an event. @returns the call that it is about */
  hear(event: AmiMessage): LiveCall | undefined {
    const live = this.#calledBy(event);
    if (!live?.call.isAbout(event)) return undefined;
    if (live.call.apply(event, performance.now())) this.tell(live);
    return live;
  }

  #calledBy(event: AmiMessage): LiveCall | undefined {
    const channel = event.get("Uniqueid") ?? event.get("DestUniqueid") ?? "";
    const attemptId = attemptOf(channel);
    if (attemptId !== undefined) return this.#calls.get(attemptId);
    // Old releases say `<null>` for the channel of a call that failed at once.
    if (event.name !== "OriginateResponse" || !/^(<|$)/.test(channel)) return undefined;
    return this.all().find(({ call }) => call.isAbout(event));
  }

  /** Draws the conclusions that time brings. @returns whether some call has to be looked up */
  expire(): boolean {
    const now = performance.now();
    let due = false;
    for (const live of this.#calls.values()) {
      if (live.call.expire(now)) {
        if (live.call.phase === "missed") live.lookAt = now;
        else this.tell(live);
      }
      due ||= live.lookAt <= now;
    }
    return due;
  }

  /** Whether a call that has no channel will not get one any more. */
  isSettled({ call, hungUp }: LiveCall): boolean {
    return hungUp || performance.now() - call.startedAt > this.#times.settleMs;
  }

  /**
   * Draws the conclusion of what Asterisk knows of a call.
   *
   * @param since from when on the absence of a note proves something
   */
  conclude(live: LiveCall, trace: CallTrace, since: Date | undefined): void {
    const { call, submittedAt } = live;
    live.lookAt = Number.POSITIVE_INFINITY;
    if (call.phase === "ended") return;
    switch (trace.state) {
      case "result":
        call.end(
          resultReport(
            { providerId: call.channelId, reference: call.attemptId },
            trace.result,
            call.canceled,
          ),
        );
        this.tell(live);
        break;
      case "open":
        if (trace.answered && call.seen()) this.tell(live);
        break;
      case "gone":
        // A channel that was made just after the channels were listed is not there yet.
        if (this.isSettled(live)) this.lose(live);
        else live.lookAt = call.startedAt + this.#times.settleMs;
        break;
      case "absent":
        if (!this.isSettled(live)) live.lookAt = call.startedAt + this.#times.settleMs;
        else if (
          !call.wasAnswered &&
          since !== undefined &&
          submittedAt !== undefined &&
          since <= submittedAt
        ) {
          call.endUnanswered();
          this.tell(live);
        } else this.lose(live);
    }
  }

  /** Nobody can say what became of it: the engine finds that out by asking, and tells a person. */
  lose({ call }: LiveCall): void {
    this.forget(call.attemptId);
    void this.removeDocument(call.attemptId);
    this.host?.logger.warn({ transportId: "asterisk" }, "nobody can say what became of a call");
  }

  /** Tells the host how a call stands, the end until it is durable. */
  tell(live: LiveCall): void {
    const { report } = live.call;
    if (report.status !== live.said) live.unsaid = report;
    const { host } = this;
    if (!host || live.telling || !live.unsaid) return;
    live.telling = true;
    void this.#tellAll(host, live).finally(() => {
      live.telling = false;
      // Another `run` may have begun while the last word of this one was still on its way.
      if (live.unsaid && this.host !== host) this.tell(live);
    });
  }

  async #tellAll(host: TransportHost, live: LiveCall): Promise<void> {
    const { call } = live;
    for (let failures = 0; live.unsaid && !host.signal.aborted; ) {
      const report = live.unsaid;
      const key = `${call.channelId}:${report.status === "in_progress" ? "in_progress" : "end"}`;
      try {
        await host.emit({ type: "status", key, report });
      } catch {
        failures += 1;
        const ms = Math.min(100 * 2 ** failures, longestRetryMs);
        await sleep(ms, undefined, { signal: host.signal }).catch(() => {});
        continue;
      }
      if (live.unsaid !== report) continue;
      delete live.unsaid;
      live.said = report.status;
      if (call.phase === "ended") this.close(live);
    }
  }

  /** Somebody durably knows how it ended. */
  close({ call }: LiveCall): void {
    this.forget(call.attemptId);
    this.#ended.set(call.attemptId, call.report);
    if (this.#ended.size > mostEnded) {
      const [oldest] = this.#ended.keys();
      if (oldest !== undefined) this.#ended.delete(oldest);
    }
    void this.removeDocument(call.attemptId);
  }

  /** Removes a document that is sent or never will be; what cannot be removed now is swept later. */
  async removeDocument(attemptId: string): Promise<void> {
    await this.#spoolOut.remove(`${attemptId}.tif`).catch(() => {});
  }
}
