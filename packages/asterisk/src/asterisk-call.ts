import type { StatusReport } from "@faxbot/core/transport";
import type { AmiMessage } from "./ami-message.ts";
import { countOf, decoded, resultReport, unansweredReport } from "./asterisk-status.ts";

/** ChannelId of a call: Asterisk takes it as the channel's Uniqueid, and refuses a second channel of the same. */
export function channelOf(attemptId: string): string {
  return `faxbot-${attemptId}`;
}

/** The attempt of a channel of ours; `undefined` for everybody else's. */
export function attemptOf(channelId: string | undefined): string | undefined {
  if (channelId === undefined || channelId.length !== 39) return undefined;
  return /^faxbot-([0-9a-f]{32})$/.exec(channelId)?.[1];
}

/** Where a call is. `missed`: it is over, and its result did not come by event: Asterisk's database has to tell. */
export type CallPhase = "dialling" | "ringing" | "answered" | "ended" | "missed";

/** The most that a page takes, and what a call needs besides; the dialplan is told the same. */
const perPageSeconds = 90;
const perCallSeconds = 120;
const longestSeconds = 3_600;

/** After so many seconds from the answer a call of so many pages cannot be well any more. */
export function longestCallSeconds(pages: number): number {
  return Math.min(perCallSeconds + perPageSeconds * pages, longestSeconds);
}

/**
 * One live call, as its events tell of it. Pure: it is handed the events and the time, and asked for the report.
 *
 * The result comes by the `FaxbotSent` event of the dialplan's hangup handler; a call that was not answered has none, and
 * its `Hangup` and `OriginateResponse` come in either order.
 */
export class AsteriskCall {
  readonly attemptId: string;
  readonly channelId: string;
  /** Monotonic, in milliseconds. */
  readonly startedAt: number;
  /** When the call should long be over, monotonic, in milliseconds. */
  readonly overdueAt: number;
  /** We asked for the hang-up. */
  canceled = false;
  #phase: CallPhase;
  #wasAnswered: boolean;
  #report: StatusReport;
  /** The Originate's id; its response may have no Uniqueid on old releases. */
  readonly #originateId: string | undefined;
  readonly #graceMs: number;
  #refusal: { reason: number } | undefined;
  #cause: number | undefined;
  #graceEndsAt: number | undefined;

  /**
   * @param call `originateId`: absent for a call that was found under way; `longestMs`: until it is overdue; `graceMs`:
   * within this time late events of a call that is over come, in any order
   */
  constructor(call: {
    attemptId: string;
    originateId?: string;
    answered?: boolean;
    now: number;
    longestMs: number;
    graceMs: number;
  }) {
    this.attemptId = call.attemptId;
    this.channelId = channelOf(call.attemptId);
    this.startedAt = call.now;
    this.overdueAt = call.now + call.longestMs;
    this.#originateId = call.originateId;
    this.#graceMs = call.graceMs;
    this.#phase = call.answered ? "answered" : "dialling";
    this.#wasAnswered = call.answered ?? false;
    this.#report = this.#open(call.answered ? "in_progress" : "queued", "Originate");
  }

  /** Whether the far end took the call, as far as events told. */
  get wasAnswered(): boolean {
    return this.#wasAnswered;
  }

  get phase(): CallPhase {
    return this.#phase;
  }

  /** What is known now. */
  get report(): StatusReport {
    return this.#report;
  }

  /** When {@link expire} has something to do, monotonic, in milliseconds. */
  get dueAt(): number {
    if (this.#phase === "ended" || this.#phase === "missed") return Number.POSITIVE_INFINITY;
    return this.#graceEndsAt ?? this.overdueAt;
  }

  /** Whether an event is about this call, by the ids that nobody else can know. */
  isAbout(event: AmiMessage): boolean {
    const id = event.get("Uniqueid") ?? event.get("DestUniqueid");
    if (event.name === "OriginateResponse" && this.#originateId !== undefined) {
      // A second Originate with our ChannelId would be refused under the same Uniqueid.
      return event.get("ActionID") === this.#originateId;
    }
    if (id !== this.channelId) return false;
    return event.name !== "UserEvent" || event.get("Job") === this.attemptId;
  }

  /**
   * Takes an event that is about this call.
   *
   * @param now monotonic, in milliseconds
   * @returns whether the report has changed
   */
  apply(event: AmiMessage, now: number): boolean {
    if (this.#phase === "ended") return false;
    const before = this.#report;
    switch (event.name) {
      case "DialState":
        if (this.#phase === "dialling" && event.get("DialStatus") === "RINGING") {
          this.#phase = "ringing";
          this.#report = this.#open("queued", "RINGING");
        }
        break;
      case "DialEnd":
        // Its other words mislead: a rejected call is NOANSWER too.
        if (event.get("DialStatus") === "ANSWER") this.#answer("ANSWER");
        break;
      case "FAXStatus":
        this.#answer(sessionWord(event.get("Status")));
        break;
      case "OriginateResponse":
        if (event.get("Response") === "Success") this.#answer("ANSWER");
        else if (event.get("Response") === "Failure") this.#refuse(Number(event.get("Reason") ?? 0), now);
        break;
      case "Hangup":
        this.#hangUp(Number(event.get("Cause") ?? 0), now);
        break;
      case "UserEvent":
        if (event.get("UserEvent") === "FaxbotSent") this.#finish(event);
        break;
    }
    return this.#report !== before;
  }

  /**
   * Draws the conclusion when no more events come: after the grace time of a call that ended, or when it is overdue.
   *
   * @param now monotonic, in milliseconds
   * @returns whether the report has changed, or the phase became `missed`
   */
  expire(now: number): boolean {
    if (now < this.dueAt) return false;
    if (this.#refusal) {
      // No channel ever was: an unknown trunk or technology.
      this.#endUnanswered();
      return true;
    }
    this.#phase = "missed";
    return true;
  }

  /** Its channel stands and was answered, as Asterisk says when asked. @returns whether the report has changed */
  seen(): boolean {
    if (this.#phase === "answered") return false;
    const before = this.#report;
    this.#answer("Up");
    return this.#report !== before;
  }

  /** It is proven that nobody answered; the events that say why may have been missed. */
  endUnanswered(): void {
    this.#endUnanswered();
  }

  /** Says how a call ended of which the events were missed. */
  end(report: StatusReport): void {
    this.#phase = "ended";
    this.#report = report;
  }

  #open(status: "queued" | "in_progress", providerStatus: string): StatusReport {
    return { providerId: this.channelId, reference: this.attemptId, status, providerStatus };
  }

  #answer(word: string): void {
    this.#wasAnswered = true;
    if (this.#phase === "missed") return;
    const first = this.#phase !== "answered";
    this.#phase = "answered";
    if (first || this.#report.providerStatus !== word) this.#report = this.#open("in_progress", word);
  }

  #refuse(reason: number, now: number): void {
    if (this.#phase === "answered") return;
    this.#refusal = { reason: Number.isInteger(reason) ? reason : 0 };
    if (this.#cause !== undefined) this.#endUnanswered();
    else this.#graceEndsAt = now + this.#graceMs;
  }

  #hangUp(cause: number, now: number): void {
    this.#cause = Number.isInteger(cause) && cause >= 0 && cause <= 127 ? cause : 0;
    if (this.#refusal) this.#endUnanswered();
    // Whether it was answered, or how its session ended, may still be on the way.
    else this.#graceEndsAt = now + this.#graceMs;
  }

  #endUnanswered(): void {
    this.#phase = "ended";
    this.#report = unansweredReport(
      { providerId: this.channelId, reference: this.attemptId },
      { cause: this.#cause, reason: this.#refusal?.reason, canceled: this.canceled },
    );
  }

  #finish(event: AmiMessage): void {
    const status = event.get("Status");
    // A header that comes twice is somebody else's text: the database has it right.
    if (status === undefined) return;
    this.#phase = "ended";
    this.#report = resultReport(
      { providerId: this.channelId, reference: this.attemptId },
      {
        status,
        statusText: decoded(event.get("StatusText") ?? ""),
        error: decoded(event.get("Error") ?? ""),
        ...countOf(event.get("Pages")),
      },
      this.canceled,
    );
  }
}

/** The words of FAXStatus events (`res_fax.c`). Others may come; none of them is kept as it is. */
const sessionWords: ReadonlySet<string> = new Set([
  "T.38 Negotiated",
  "Allocating Resources",
  "FAX Transmission In Progress",
  "No Available Resource",
]);

function sessionWord(word: string | undefined): string {
  return word !== undefined && sessionWords.has(word) ? word : "FAXStatus";
}
