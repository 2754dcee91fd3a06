import type { Failure, FailureReason, FaxStatus, StatusReport } from "@faxbot/core/transport";
import { type SignalWireFax, signalwireErrorBody } from "./signalwire-api.ts";

/**
 * The words of a fax's status (API reference, "Fax"), and those of the events that a callback may be asked for.
 * `completed` is not among them: it belongs to calls and says nothing of the pages.
 */
const statuses: Readonly<Record<string, FaxStatus>> = {
  queued: "queued",
  processing: "in_progress",
  sending: "in_progress",
  receiving: "in_progress",
  initiated: "in_progress",
  ringing: "in_progress",
  answered: "in_progress",
  ringing_forwarded: "in_progress",
  ringing_queued: "in_progress",
  delivered: "delivered",
  received: "delivered",
  "no-answer": "failed",
  busy: "failed",
  failed: "failed",
  canceled: "canceled",
};

type Verdict = readonly [reason: FailureReason, retryable: boolean];

/** Words that are a reason themselves. */
const verdictsOfStatuses: Readonly<Record<string, Verdict>> = {
  busy: ["busy", true],
  "no-answer": ["no_answer", true],
};

/**
 * The texts of `error_message` (vendor's list of fax error messages), by their beginning, in lower case. The vendor
 * publishes no numbers for them but 34004, and does not say what to repeat: that column is Faxbot's.
 */
const verdictsOfMessages: ReadonlyArray<readonly [beginning: string, code: string, ...Verdict]> = [
  // before any page
  ["connection failed", "connection_failed", "line_error", true],
  ["fax transmission not established", "not_established", "no_fax_tone", true],
  ["timed out waiting for initial communication", "no_initial_communication", "no_fax_tone", true],
  // during the call
  ["the call dropped prematurely", "34004", "line_error", true],
  ["failed to train with any of the compatible modems", "training_failed", "transmission_error", true],
  ["received no response to dcs or tcf", "no_response_to_dcs", "transmission_error", true],
  ["unexpected dcn while waiting for dcs", "unexpected_dcn", "transmission_error", true],
  ["the hdlc carrier did not stop in a timely manner", "hdlc_carrier", "transmission_error", true],
  ["invalid ecm response received from receiver", "invalid_ecm_response", "transmission_error", true],
  ["disconnected after permitted retries", "retries_exhausted", "transmission_error", true],
  ["far end cannot receive at the resolution of the image", "resolution", "document", false],
  // the vendor's own trouble
  ["document generation error", "document_generation", "unavailable", true],
  ["document loading error", "document_loading", "unavailable", true],
  ["log entry lost", "log_entry_lost", "unavailable", true],
];

/** After these, pages may lie in the far end's tray already, so repeating them is left to a person unless none was sent. */
const ambiguousMessages: ReadonlyArray<readonly [beginning: string, code: string]> = [
  ["no response after sending a page", "no_response_after_page"],
  ["received a dcn from remote after sending a page", "dcn_after_page"],
  ["unexpected dcm after eom or mps", "unexpected_dcm_after_page"],
  ["unexpected dcn after eom or mps", "unexpected_dcn_after_page"],
  ["unexpected message received", "unexpected_message"],
];

/** The numbers that stand in for a text. */
const messagesOfCodes: Readonly<Record<string, string>> = { "34004": "the call dropped prematurely" };

/**
 * Turns a failed fax into a failure. `providerCode` is the vendor's number where there is one, else a word of ours for
 * the vendor's text, else the status.
 *
 * @example
 * signalwireFailure({ status: "failed", error_message: "Connection Failed" });
 * // { reason: "line_error", retryable: true, providerCode: "connection_failed" }
 */
export function signalwireFailure(
  fax: Pick<SignalWireFax, "status" | "error_code" | "error_message" | "num_pages">,
): Failure {
  const number = /^\d{1,9}$/.exec(fax.error_code ?? "")?.[0];
  const said = fax.error_message?.trim().toLowerCase() || (number && messagesOfCodes[number]) || "";
  const failure = ([reason, retryable]: Verdict, providerCode: string): Failure => ({
    reason,
    retryable,
    providerCode: number ?? providerCode,
  });
  for (const [beginning, code, ...verdict] of verdictsOfMessages) {
    if (said.startsWith(beginning)) return failure(verdict, code);
  }
  for (const [beginning, code] of ambiguousMessages) {
    if (said.startsWith(beginning)) return failure(["transmission_error", fax.num_pages === 0], code);
  }
  const word = fax.status ?? "";
  return failure(verdictsOfStatuses[word] ?? ["unknown", false], word in statuses ? word : "failed");
}

/** Turns a fax as SignalWire tells it into our report. Unknown words stay raw and `unmapped`. */
export function statusReport(fax: SignalWireFax): StatusReport {
  const word = fax.status || "(none)";
  const status = Object.hasOwn(statuses, word) ? (statuses[word] as FaxStatus) : "unmapped";
  const over = status === "delivered" || status === "failed" || status === "canceled";
  return {
    providerId: fax.sid,
    status,
    providerStatus: word.slice(0, 64),
    // On the way and after a failure it is not documented whose pages are counted.
    ...(status === "delivered" && fax.num_pages !== undefined ? { pages: fax.num_pages } : {}),
    ...(fax.price && fax.price_unit ? { cost: { amount: fax.price, currency: fax.price_unit } } : {}),
    ...(status === "failed" ? { failure: signalwireFailure(fax) } : {}),
    ...(over && fax.date_updated ? { occurredAt: fax.date_updated } : {}),
  };
}

/** What the numbers of refused requests mean for a fax (vendor's list of Compatibility API error codes). */
const verdictsOfCodes: ReadonlyMap<number, Verdict> = new Map(
  (
    [
      ["account", false, [4001, 30002, 10001, 20003, 20010, 21210, 21212, 21213, 21219]],
      ["invalid_number", false, [21211, 21217]],
      ["document", false, [12300, 21402, 21612, 21620]],
      ["rejected", false, [10000, 11200, 11217, 12100, 20009, 20404, 21601, 21603, 21626]],
      ["unavailable", true, [20001, 20429, 20504, 21611]],
    ] as const
  ).flatMap(([reason, retryable, codes]) =>
    codes.map((code): [number, Verdict] => [code, [reason, retryable]]),
  ),
);

/** Turns a refused request's status and error body into a failure; only the number is read from the body. */
export function requestFailure(status: number, body: unknown): Failure {
  const code = signalwireErrorBody.safeParse(body).data;
  const [reason, retryable] = (code === undefined ? undefined : verdictsOfCodes.get(code)) ?? [
    "rejected",
    false,
  ];
  return { reason, retryable, providerCode: String(code ?? status) };
}
