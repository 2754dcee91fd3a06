import type { Failure, FailureReason, FaxStatus, StatusReport } from "@faxbot/core/transport";
import { type SinchFax, sinchErrorBody } from "./sinch-api.ts";

/** The label that carries our attempt id; Sinch echoes labels in replies, lists and webhooks. */
export const attemptLabel = "faxbot_attempt";

/** The vendor's four words (API reference). `SUCCEEDED` and the like, as blogs have them, do not exist. */
const statuses: ReadonlyMap<string, FaxStatus> = new Map([
  ["QUEUED", "queued"],
  ["IN_PROGRESS", "in_progress"],
  ["COMPLETED", "delivered"],
  ["FAILURE", "failed"],
]);

type Verdict = readonly [reason: FailureReason, retryable: boolean];

/** Ids that mean something else under each type (vendor list): only the pair tells. */
const verdictsOfPairs: Readonly<Record<string, Verdict>> = {
  "DOCUMENT_CONVERSION_ERROR/133": ["document", false],
  "FAX_ERROR/133": ["rejected", false],
};

/**
 * What each error id means. Sinch took the ids over from Phaxio; the meanings are from the two vendors' lists, ids in
 * the second half of a row also from a third party's copy of an older one. Neither vendor says what to repeat: that
 * column is Faxbot's.
 */
const verdictsOfIds: ReadonlyMap<number, Verdict> = new Map(
  (
    [
      ["busy", true, [17, 35, 90, 118]],
      ["no_answer", true, [14, 16, 26, 30, 48, 39, 87, 94, 112]],
      ["no_fax_tone", true, [132]],
      // congestion; dropped calls; trouble of carriers and telephony
      ["line_error", true, [15, 74, 98, 101, 102, 111, 124]],
      ["line_error", true, [11, 19, 64, 89, 93, 96, 103, 104, 106, 107, 108, 109, 114]],
      ["line_error", true, [40, 43, 44, 36, 37, 42, 56, 58, 59, 61, 62, 78, 81, 83, 88, 97, 99, 100, 110]],
      // not in service, inactive, changed
      ["invalid_number", false, [34, 49, 47, 73, 91, 115, 116, 123]],
      // incompatible destination; call rejected, no route
      ["rejected", false, [32, 71, 92, 95]],
      ["rejected", false, [50, 52, 85]],
      // broke during the call
      [
        "transmission_error",
        true,
        [6, 8, 10, 12, 13, 18, 20, 21, 22, 28, 29, 38, 41, 53, 60, 63, 77, 80, 82, 84, 117, 131],
      ],
      ["transmission_error", true, [65, 66, 67, 70, 72]],
      // the machines do not understand each other: worth trying again, not often
      ["transmission_error", true, [31, 68, 33, 45]],
      // the far end cannot take this size or resolution
      ["document", false, [7, 25]],
      ["document", false, [4, 113, 51]],
      // conversion or storage hiccups
      ["document", true, [57, 69]],
      // content URL unreachable or invalid; type unknown
      ["document", false, [54, 55, 128, 129, 130]],
      // balance
      ["account", false, [46, 5, 86, 105, 125]],
      // given up after the time that the vendor allowed
      ["expired", true, [76]],
      // "cannot be canceled any more": an answer to a cancel, no reason
      ["unknown", false, [79]],
      // the provider's own trouble
      ["unavailable", true, [3, 9, 23, 24]],
    ] as const
  ).flatMap(([reason, retryable, ids]) => ids.map((id): [number, Verdict] => [id, [reason, retryable]])),
);

/** For ids that no list has, simulated ones (119 to 122, 126) among them. `LINE_ERROR` is in the Node SDK only. */
const verdictsOfTypes: Readonly<Record<string, Verdict>> = {
  CALL_ERROR: ["line_error", true],
  LINE_ERROR: ["line_error", true],
  FAX_ERROR: ["transmission_error", true],
  DOCUMENT_CONVERSION_ERROR: ["document", false],
  FATAL_ERROR: ["unavailable", true],
  GENERAL_ERROR: ["unknown", false],
};

/** A fax that its sender canceled, in the dashboard for example: the API itself cannot. */
const canceledPair = "FAX_ERROR/75";

/**
 * Turns a failed fax's pair of error type and id into a failure. `providerCode` is the pair, e.g. `CALL_ERROR/17`.
 *
 * @example
 * sinchFailure({ errorType: "CALL_ERROR", errorCode: 17 }); // { reason: "busy", retryable: true, providerCode: "CALL_ERROR/17" }
 */
export function sinchFailure(fax: Pick<SinchFax, "errorType" | "errorCode">): Failure {
  const { errorCode } = fax;
  // What is kept as a code must not be able to carry a text of the provider.
  const type = /^[A-Z_]{1,40}$/.test(fax.errorType ?? "") ? (fax.errorType as string) : "UNKNOWN";
  const pair = `${type}/${errorCode ?? "-"}`;
  const [reason, retryable] = verdictsOfPairs[pair] ??
    (errorCode === undefined ? undefined : verdictsOfIds.get(errorCode)) ??
    verdictsOfTypes[type] ?? ["unknown", false];
  return { reason, retryable, providerCode: pair };
}

/** Turns a fax as Sinch tells it into our report. Unknown words stay raw and `unmapped`. */
export function statusReport(fax: SinchFax): StatusReport {
  const word = fax.status || "(none)";
  let status: StatusReport["status"] = statuses.get(word) ?? "unmapped";
  if (status === "failed" && sinchFailure(fax).providerCode === canceledPair) status = "canceled";
  const pages = fax.pagesSentSuccessfully ?? (status === "delivered" ? fax.numberOfPages : undefined);
  const reference = fax.labels?.[attemptLabel];
  return {
    providerId: fax.id,
    status,
    providerStatus: word.slice(0, 64),
    ...(typeof reference === "string" && /^[0-9a-f]{32}$/.test(reference) ? { reference } : {}),
    ...(pages === undefined ? {} : { pages }),
    ...(fax.price ? { cost: { amount: fax.price.amount, currency: fax.price.currencyCode } } : {}),
    ...(status === "failed" ? { failure: sinchFailure(fax) } : {}),
    ...(fax.completedTime ? { occurredAt: fax.completedTime } : {}),
  };
}

const fieldsOfDocument = new Set(["file", "files", "contentUrl", "coverPageId", "coverPageData"]);

/** Turns a refused request's status and error body into a failure; only names of fields are read from the body. */
export function requestFailure(status: number, body: unknown): Failure {
  const failure = (reason: FailureReason): Failure => ({
    reason,
    retryable: false,
    providerCode: String(status),
  });
  if (status === 402) return failure("account");
  if (status === 413 || status === 415) return failure("document");
  const parsed = sinchErrorBody.safeParse(body);
  const fields = new Set(parsed.data?.details?.map((violation) => violation?.field));
  if (fields.has("to")) return failure("invalid_number");
  for (const field of fields)
    if (field !== undefined && fieldsOfDocument.has(field)) return failure("document");
  return failure("rejected");
}
