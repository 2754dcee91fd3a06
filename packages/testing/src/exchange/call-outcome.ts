import type { TestOutcome } from "../test-outcome.ts";

/**
 * What becomes of a call.
 *
 * - a word of {@link callEndings};
 * - `delivered`; `stuck`: pages are sent for ever; `ringing`: rings until the caller's time-out; `silent`: answered, and
 *   then nothing at all, until the limit of the exchange; `hangs_up`: answers and hangs up before a fax begins; `cut`: the far end is gone in the middle;
 * - `{ cause }`: not answered, by the Q.850 cause; `sip` is the status that came, default the usual one;
 * - `{ t30 }`: answered, and the fax ends with this result code of spandsp after so many confirmed pages.
 */
export type CallOutcome =
  | keyof typeof callEndings
  | "delivered"
  | "stuck"
  | "ringing"
  | "silent"
  | "hangs_up"
  | "cut"
  | { cause: number; sip?: number }
  | { t30: number; pages?: number };

/** Words for the usual failures, the same as those of the test transport. */
export const callEndings = {
  busy: { cause: 17 },
  no_answer: { cause: 19 },
  no_fax_tone: { t30: 2 },
  line_error: { cause: 34 },
  transmission_error: { t30: 21 },
  partial: { t30: 21, pages: 1 },
  invalid_number: { cause: 1 },
  rejected: { cause: 21 },
  document: { t30: 41 },
} as const satisfies Record<string, { cause: number } | { t30: number; pages?: number }>;

/** How a call goes, in full. */
export type CallCourse =
  | { kind: "unanswered"; cause: number; sip: number }
  | { kind: "result"; t30: number; pages: number | undefined }
  | { kind: "delivered" | "stuck" | "ringing" | "silent" | "hangs_up" | "cut" };

/** Spells an outcome out. */
export function courseOf(outcome: CallOutcome): CallCourse {
  const ending =
    typeof outcome === "string"
      ? (callEndings as Partial<Record<string, { cause: number } | { t30: number; pages?: number }>>)[outcome]
      : outcome;
  if (ending === undefined) return { kind: outcome as "delivered" };
  if ("t30" in ending) return { kind: "result", t30: ending.t30, pages: ending.pages };
  const sip = ("sip" in ending ? (ending.sip as number | undefined) : undefined) ?? q850(ending.cause).sip;
  return { kind: "unanswered", cause: ending.cause, sip };
}

/** The outcome for one of the test transport's, where the telephone has one. */
export function callPreset(name: TestOutcome): CallOutcome | undefined {
  if (name === "delivered" || name === "stuck") return name;
  return Object.hasOwn(callEndings, name) ? (name as keyof typeof callEndings) : undefined;
}

/** A Q.850 cause in the words of both servers. */
export interface Q850Cause {
  /** `Cause-txt` of Asterisk. */
  text: string;
  /** `Hangup-Cause` of FreeSWITCH. */
  name: string;
  /** The SIP status that it comes from. */
  sip: number;
  sipPhrase: string;
}

const q850Causes: Readonly<Record<number, Q850Cause>> = {
  0: { text: "Unknown", name: "NONE", sip: 0, sipPhrase: "" },
  1: {
    text: "Unallocated (unassigned) number",
    name: "UNALLOCATED_NUMBER",
    sip: 404,
    sipPhrase: "Not Found",
  },
  3: { text: "No route to destination", name: "NO_ROUTE_DESTINATION", sip: 404, sipPhrase: "Not Found" },
  16: { text: "Normal Clearing", name: "NORMAL_CLEARING", sip: 0, sipPhrase: "" },
  17: { text: "User busy", name: "USER_BUSY", sip: 486, sipPhrase: "Busy Here" },
  18: { text: "No user responding", name: "NO_USER_RESPONSE", sip: 408, sipPhrase: "Request Timeout" },
  19: {
    text: "User alerting, no answer",
    name: "NO_ANSWER",
    sip: 480,
    sipPhrase: "Temporarily Unavailable",
  },
  21: { text: "Call Rejected", name: "CALL_REJECTED", sip: 603, sipPhrase: "Decline" },
  22: { text: "Number changed", name: "NUMBER_CHANGED", sip: 410, sipPhrase: "Gone" },
  27: {
    text: "Destination out of order",
    name: "DESTINATION_OUT_OF_ORDER",
    sip: 502,
    sipPhrase: "Bad Gateway",
  },
  28: {
    text: "Invalid number format",
    name: "INVALID_NUMBER_FORMAT",
    sip: 484,
    sipPhrase: "Address Incomplete",
  },
  31: {
    text: "Normal, unspecified",
    name: "NORMAL_UNSPECIFIED",
    sip: 480,
    sipPhrase: "Temporarily Unavailable",
  },
  34: {
    text: "Circuit/channel congestion",
    name: "NORMAL_CIRCUIT_CONGESTION",
    sip: 503,
    sipPhrase: "Service Unavailable",
  },
  38: { text: "Network out of order", name: "NETWORK_OUT_OF_ORDER", sip: 502, sipPhrase: "Bad Gateway" },
  41: {
    text: "Temporary failure",
    name: "NORMAL_TEMPORARY_FAILURE",
    sip: 503,
    sipPhrase: "Service Unavailable",
  },
  42: {
    text: "Switching equipment congestion",
    name: "SWITCH_CONGESTION",
    sip: 503,
    sipPhrase: "Service Unavailable",
  },
  58: {
    text: "Bearer capability not available",
    name: "BEARERCAPABILITY_NOTAVAIL",
    sip: 488,
    sipPhrase: "Not Acceptable Here",
  },
  88: {
    text: "Incompatible destination",
    name: "INCOMPATIBLE_DESTINATION",
    sip: 488,
    sipPhrase: "Not Acceptable Here",
  },
  102: {
    text: "Recover on timer expiry",
    name: "RECOVERY_ON_TIMER_EXPIRE",
    sip: 504,
    sipPhrase: "Server Time-out",
  },
  127: {
    text: "Interworking, unspecified",
    name: "INTERWORKING",
    sip: 500,
    sipPhrase: "Server Internal Error",
  },
};

/** Looks a cause up; one that is not in the table has its number for a name. */
export function q850(cause: number): Q850Cause {
  return (
    q850Causes[cause] ?? {
      text: "Unknown",
      name: `CAUSE_${cause}`,
      sip: 500,
      sipPhrase: "Server Internal Error",
    }
  );
}

const t30Sentences: Readonly<Record<number, string>> = {
  0: "OK",
  1: "The CED tone exceeded 5s",
  2: "Timed out waiting for initial communication",
  3: "Timed out waiting for the first message",
  4: "Timed out waiting for procedural interrupt",
  5: "The HDLC carrier did not stop in a timely manner",
  6: "Failed to train with any of the compatible modems",
  7: "Operator intervention failed",
  8: "Far end is not compatible",
  9: "Far end is not able to receive",
  10: "Far end is not able to transmit",
  11: "Far end cannot receive at the resolution of the image",
  12: "Far end cannot receive at the size of image",
  13: "Unexpected message received",
  14: "Received bad response to DCS or training",
  15: "Received a DCN from remote after sending a page",
  16: "Invalid ECM response received from receiver",
  17: "Received a DCN while waiting for a DIS",
  18: "Invalid response after sending a page",
  19: "Received other than DIS while waiting for DIS",
  20: "Received no response to DCS or TCF",
  21: "No response after sending a page",
  22: "Timed out waiting for receiver ready (ECM mode)",
  41: "TIFF/F file cannot be opened",
  42: "TIFF/F page not found",
  43: "TIFF/F format is not compatible",
  44: "TIFF/F page number tag missing",
  45: "Incorrect values for TIFF/F tags",
  46: "Bad TIFF/F header - incorrect values in fields",
  48: "Disconnected after permitted retries",
  49: "The call dropped prematurely",
};

/** spandsp's sentence for one of its result codes. */
export function t30Sentence(code: number): string {
  return t30Sentences[code] ?? `Result code ${code}`;
}
