import {
  type Failure,
  type FailureReason,
  q850Failure,
  type StatusReport,
  t30CodeOf,
  t30Failure,
} from "@faxbot/core/transport";

/** What the dialplan says of a fax session that is over, in its event or in Asterisk's database. */
export interface FaxResult {
  /** `SUCCESS` or `FAILED`. The documentation's word FAILURE is never said. */
  status: string;
  /** The session's sentence, mostly one of T.30. */
  statusText: string;
  /** What `FAXOPT(error)` says: a word of res_fax, or the sentence again. `HANGUP` even after success. */
  error: string;
  /** Pages that the far end confirmed. */
  pages?: number;
  occurredAt?: Date;
}

type Verdict = readonly [reason: FailureReason, retryable: boolean];

/** What res_fax says when T.30 did not come to an end of its own (its `res_fax.c`), as word and as sentence. */
const verdicts: ReadonlyMap<string, Verdict> = new Map([
  // No fax session: the far end hung up, or no resource was left.
  ["INIT_ERROR", ["line_error", true]],
  ["T38_NEG_ERROR", ["line_error", true]],
  ["FILE_ERROR", ["document", false]],
  ["INVALID_ARGUMENTS", ["document", false]],
  ["MEMORY_ERROR", ["line_error", true]],
  ["TIMEOUT", ["line_error", true]],
  ["HANGUP", ["line_error", true]],
  ["CHANNEL_PROBLEMS", ["line_error", true]],
  ["UNKNOWN", ["unknown", true]],
  // The dialplan's own: Asterisk's database took no note, so nothing was sent.
  ["ASTDB_ERROR", ["unavailable", true]],
]);

const wordsOfSentences: ReadonlyMap<string, string> = new Map([
  ["error starting fax session", "INIT_ERROR"],
  ["error negotiating t.38", "T38_NEG_ERROR"],
  ["error reading file", "FILE_ERROR"],
  ["invalid arguments", "INVALID_ARGUMENTS"],
  ["error allocating memory", "MEMORY_ERROR"],
  ["channel problems", "CHANNEL_PROBLEMS"],
]);

/**
 * Turns the result of a fax session that did not succeed into a failure. The T.30 sentence tells most; the words of
 * res_fax come next.
 *
 * @example
 * sessionFailure({ statusText: "The call dropped prematurely", error: "" }); // { reason: "line_error", retryable: true, providerCode: "T.30/49" }
 */
function sessionFailure({ statusText, error }: Pick<FaxResult, "statusText" | "error">): Failure {
  const code = t30CodeOf(statusText) ?? t30CodeOf(error);
  if (code !== undefined && code !== 0) return t30Failure(code);
  for (const told of [error, statusText]) {
    const word = wordsOfSentences.get(told.toLowerCase()) ?? told.toUpperCase().replaceAll(" ", "_");
    const verdict = verdicts.get(word);
    if (verdict) return { reason: verdict[0], retryable: verdict[1], providerCode: `FAXOPT/${word}` };
  }
  return { reason: "unknown", retryable: true, providerCode: "FAXOPT/other" };
}

/**
 * Turns a finished session into our report. Success is decided by the status word alone; a word that is not known is
 * `unmapped`.
 *
 * @param canceled we asked Asterisk to hang up; who cancels too late has delivered
 */
export function resultReport(
  call: { providerId: string; reference: string },
  result: FaxResult,
  canceled: boolean,
): StatusReport {
  const known = {
    providerId: call.providerId,
    reference: call.reference,
    providerStatus: statusWord(result.status),
    ...(result.pages === undefined ? {} : { pages: result.pages }),
    ...(result.occurredAt === undefined ? {} : { occurredAt: result.occurredAt }),
  };
  if (result.status === "SUCCESS") return { ...known, status: "delivered" };
  if (result.status !== "FAILED") return { ...known, status: "unmapped" };
  if (canceled) return { ...known, status: "canceled" };
  return { ...known, status: "failed", failure: sessionFailure(result) };
}

/** Words of Asterisk's end in records: what is kept must not be able to carry a text of the far end. */
function statusWord(word: string): string {
  return /^[A-Za-z_]{1,32}$/.test(word) ? word : "(other)";
}

/** What `OriginateResponse` gives as reason when a call was not answered (control frames of `frame.h`). */
const noAnswerReason = 3;
const busyReason = 5;
const congestionReason = 8;

/**
 * Turns a call that was not answered into our report. The cause of the hang-up says why (`DialStatus` calls a rejected
 * call unanswered); without a cause the reason of the Originate has to do, and one that says nothing means that there
 * never was a channel: the trunk is not there. Without both, the events were missed.
 */
export function unansweredReport(
  call: { providerId: string; reference: string },
  { cause, reason, canceled }: { cause?: number | undefined; reason?: number | undefined; canceled: boolean },
): StatusReport {
  const known = { providerId: call.providerId, reference: call.reference, pages: 0 };
  if (canceled) return { ...known, status: "canceled", providerStatus: "Hangup" };
  if (cause !== undefined) {
    return { ...known, status: "failed", providerStatus: `Hangup/${cause}`, failure: q850Failure(cause) };
  }
  const failure: Failure =
    reason === noAnswerReason
      ? q850Failure(19)
      : reason === busyReason
        ? q850Failure(17)
        : reason === congestionReason
          ? q850Failure(34)
          : reason === undefined
            ? { reason: "line_error", retryable: true, providerCode: "AMI/missed" }
            : { reason: "account", retryable: false, providerCode: "AMI/no_channel" };
  return { ...known, status: "failed", providerStatus: "OriginateResponse", failure };
}

/** What Asterisk's database says about a call. */
export type CallNote = { answered: true; result?: undefined } | { answered: true; result: FaxResult };

/**
 * Reads an entry of the family `faxbot`, as the dialplan writes it: `ANSWERED|<seconds>` before anything is sent, and
 * `<status>|<pages>|<rate>|<URI-encoded sentence>|<seconds>|<URI-encoded error>` afterwards.
 */
export function readNote(value: string): CallNote {
  const [status = "", pages = "", , statusText = "", epoch = "", error = ""] = value.split("|");
  if (status === "ANSWERED") return { answered: true };
  const seconds = /^\d{9,11}$/.test(epoch) ? Number(epoch) : undefined;
  return {
    answered: true,
    result: {
      status,
      statusText: decoded(statusText),
      error: decoded(error),
      ...countOf(pages),
      ...(seconds === undefined ? {} : { occurredAt: new Date(seconds * 1_000) }),
    },
  };
}

/** Reads a number of pages; what is none says nothing. */
export function countOf(text: string | undefined): { pages?: number } {
  return text !== undefined && /^\d{1,5}$/.test(text) ? { pages: Number(text) } : {};
}

/** Undoes `URIENCODE()`; a text that was not made by it stays as it is. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
