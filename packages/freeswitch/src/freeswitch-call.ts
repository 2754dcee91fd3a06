import type { Failure, StatusReport } from "@faxbot/core/transport";
import type { EslEvent } from "./esl-event.ts";
import { countOf, timeOf } from "./event-values.ts";
import { causeFailure, refusalOf, resultFailure, silentEnd } from "./freeswitch-status.ts";

/** How far a call is. */
export type CallPhase = "dialled" | "ringing" | "answered" | "ended";

/** The cause that we hang up with when a fax is canceled; on an answered call nothing else brings it. */
export const cancelCause = "ORIGINATOR_CANCEL";

interface Ending {
  readonly status: "delivered" | "failed" | "canceled";
  readonly word: string;
  readonly failure?: Failure;
}

/**
 * One call, as far as its events have told. Pure: it is fed events in whatever order they come, and asked for the
 * report. The first proof of an end stays.
 */
export class FreeSwitchCall {
  readonly uuid: string;
  readonly attemptId: string;
  #phase: CallPhase = "dialled";
  /** FreeSWITCH's own word for the phase. */
  #word = "ORIGINATE";
  #seen = false;
  #pages: number | undefined;
  #canceled = false;
  #refusal: { failure: Failure; cause: string } | undefined;
  #ending: Ending | undefined;
  #at: Date | undefined;

  constructor(uuid: string, attemptId: string) {
    this.uuid = uuid;
    this.attemptId = attemptId;
  }

  get phase(): CallPhase {
    return this.#phase;
  }

  get ended(): boolean {
    return this.#ending !== undefined;
  }

  /** True once an event proved that FreeSWITCH has the call. */
  get seen(): boolean {
    return this.#seen;
  }

  /** True when the originate failed, while the channel's own last event is still awaited. */
  get refused(): boolean {
    return this.#refusal !== undefined && !this.ended;
  }

  /** Remembers that we asked for the end. A fax that was sent all the same stays delivered. */
  cancel(): void {
    this.#canceled = true;
  }

  /**
   * Takes an event of this channel, or the answer of its originate.
   *
   * @returns whether there is news to report
   */
  take(event: EslEvent): boolean {
    if (this.ended) return false;
    const before = this.#fingerprint();
    this.#takeEvent(event);
    if (this.#fingerprint() === before) return false;
    this.#at = timeOf(event);
    return true;
  }

  /** Ends a call whose originate failed and whose channel told no more. @returns whether it ended */
  settleRefusal(): boolean {
    if (!this.#refusal || this.ended) return false;
    const { failure, cause } = this.#refusal;
    this.#fail(failure, cause);
    return true;
  }

  /** The refusal was that of a second originate with the same id: the first call is there. */
  dropRefusal(): void {
    this.#refusal = undefined;
    this.#seen = true;
  }

  report(): StatusReport {
    const report: StatusReport = {
      providerId: this.uuid,
      status: this.#ending?.status ?? (this.#phase === "answered" ? "in_progress" : "queued"),
      providerStatus: this.#ending?.word ?? this.#word,
      reference: this.attemptId,
    };
    if (this.#pages !== undefined) report.pages = this.#pages;
    if (this.#ending?.failure) report.failure = this.#ending.failure;
    if (this.#at) report.occurredAt = this.#at;
    return report;
  }

  #fingerprint(): string {
    return `${this.#phase} ${this.#pages ?? ""} ${this.#ending?.status ?? ""}`;
  }

  #takeEvent(event: EslEvent): void {
    if (event.name === "BACKGROUND_JOB") {
      this.#takeAnswer(event.body);
      return;
    }
    this.#seen = true;
    switch (event.name) {
      case "CHANNEL_PROGRESS":
      case "CHANNEL_PROGRESS_MEDIA":
        this.#advance("ringing", event.name);
        return;
      case "CHANNEL_ANSWER":
        this.#advance("answered", event.name);
        return;
      case "CHANNEL_HANGUP_COMPLETE":
        this.#hangUp(event);
        return;
      case "CUSTOM":
        this.#takeFaxEvent(event);
        return;
      default:
        return;
    }
  }

  /** `+OK` means that the far end answered, not that anything was sent. */
  #takeAnswer(answer: string): void {
    if (answer.startsWith("+OK")) {
      this.#seen = true;
      this.#advance("answered", "CHANNEL_ANSWER");
      return;
    }
    const { failure, begun, cause } = refusalOf(answer);
    if (begun) this.#refusal = { failure, cause };
    else this.#fail(failure, cause);
  }

  #takeFaxEvent(event: EslEvent): void {
    switch (event.subclass) {
      case "spandsp::txfaxnegociateresult":
        this.#advance("answered", "txfaxnegociateresult");
        return;
      case "spandsp::txfaxpageresult":
        this.#advance("answered", "txfaxpageresult");
        this.#countPages(event.field("fax-document-transferred-pages"));
        return;
      case "spandsp::txfaxresult":
        this.#advance("answered", "txfaxresult");
        this.#countPages(event.field("fax-document-transferred-pages"));
        this.#finish(event, event.field("fax-success"), event.field("fax-result-code"));
        return;
      default:
        return;
    }
  }

  #hangUp(event: EslEvent): void {
    this.#countPages(event.field("variable_fax_document_transferred_pages"));
    const success = event.field("variable_fax_success");
    const code = event.field("variable_fax_result_code");
    if (success !== undefined || code !== undefined) {
      this.#finish(event, success, code);
      return;
    }
    const cause = causeOf(event) ?? "NONE";
    const q850 = countOf(event.field("variable_hangup_cause_q850"));
    const answered = this.#phase === "answered" || (countOf(event.field("variable_answer_epoch")) ?? 0) > 0;
    // A far end's 487 brings the same cause as our cancel, but only before the answer.
    if (this.#canceled || (answered && cause === cancelCause)) {
      this.#end({ status: "canceled", word: cause });
      return;
    }
    if (!answered) {
      this.#fail(causeFailure(cause, q850), cause);
      return;
    }
    const byFarEnd = event.field("variable_sip_hangup_disposition") === "recv_bye";
    this.#fail(silentEnd(cause, q850, !byFarEnd), cause);
  }

  #finish(event: EslEvent, success: string | undefined, code: string | undefined): void {
    if (success === "1") {
      this.#end({ status: "delivered", word: "fax_success=1" });
      return;
    }
    const cause = causeOf(event);
    if (this.#canceled || cause === cancelCause) {
      this.#end({ status: "canceled", word: cancelCause });
      return;
    }
    const result = countOf(code);
    this.#fail(
      resultFailure(result, cause),
      result === undefined ? "fax_success=0" : `fax_result_code=${result}`,
    );
  }

  #fail(failure: Failure, word: string): void {
    this.#end({
      status: this.#canceled ? "canceled" : "failed",
      word,
      ...(this.#canceled ? {} : { failure }),
    });
  }

  #end(ending: Ending): void {
    this.#ending ??= ending;
    this.#phase = "ended";
  }

  #advance(phase: "ringing" | "answered", word: string): void {
    if (this.#phase === "answered" && phase === "ringing") return;
    this.#phase = phase;
    this.#word = word;
  }

  #countPages(text: string | undefined): void {
    const pages = countOf(text);
    if (pages !== undefined && pages > (this.#pages ?? -1)) this.#pages = pages;
  }
}

/** One of FreeSWITCH's own words; anything else is not passed on. */
function causeOf(event: EslEvent): string | undefined {
  const cause = event.field("Hangup-Cause");
  return cause === undefined || /^[A-Z][A-Z0-9_]{2,40}$/.test(cause) ? cause : "OTHER";
}
