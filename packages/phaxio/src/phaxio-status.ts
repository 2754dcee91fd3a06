import type { Failure, FailureReason, FaxStatus, StatusReport } from "@faxbot/core/transport";
import type { PhaxioFax } from "./phaxio-api.ts";

/** The tag that carries our attempt id; Phaxio echoes tags in replies, lists and webhooks, and can search by them. */
export const attemptTag = "faxbot_attempt";

/**
 * The vendor's words for a fax and, as far as they differ, for a recipient (documents, "Statuses"). We send to one
 * recipient; a fax of several (sent by somebody else with this account) of whom some have it is not delivered.
 */
const statuses: ReadonlyMap<string, FaxStatus> = new Map([
  ["queued", "queued"],
  ["pendingbatch", "queued"],
  ["inprogress", "in_progress"],
  ["ringing", "in_progress"],
  ["callactive", "in_progress"],
  ["willretry", "in_progress"],
  ["success", "delivered"],
  ["failure", "failed"],
  ["partialsuccess", "failed"],
]);

type Verdict = readonly [reason: FailureReason, retryable: boolean];

/** An id that means something else under this type (vendor list): only the pair tells. */
const verdictsOfPairs: ReadonlyMap<string, Verdict> = new Map([
  ["documentConversionError/133", ["document", false]],
]);

/**
 * What each error id means. The meanings are from the vendor's list; ids in the second half of a row are from a third
 * party's copy of an older one. The vendor does not say what to repeat: that column is Faxbot's.
 */
const verdictsOfIds: ReadonlyMap<number, Verdict> = new Map(
  (
    [
      ["busy", true, [17, 35, 90, 118]],
      ["no_answer", true, [14, 16, 26, 30, 48, 87, 112, 39, 94]],
      ["no_fax_tone", true, [132]],
      // congestion
      ["line_error", true, [15, 74, 98, 101, 102, 111, 124]],
      // dropped calls; an integrator counts 107 and 109 as dead numbers, the list does not
      ["line_error", true, [11, 19, 64, 89, 93, 96, 103, 104, 106, 107, 108, 109, 114]],
      // trouble of connection, telephony or carrier
      ["line_error", true, [40, 43, 44, 88, 100, 110, 36, 37, 42, 56, 58, 59, 61, 62, 78, 81, 83, 97, 99]],
      // not in service, inactive, changed
      ["invalid_number", false, [34, 49, 73, 115, 47, 91, 116, 123]],
      // incompatible destination
      ["rejected", false, [32, 71, 92, 95]],
      // call rejected, no route; number not permitted
      ["rejected", false, [50, 52, 133, 85]],
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
      // conversion failed; deleted or inaccessible
      ["document", false, [4, 113, 51]],
      // conversion or storage hiccups
      ["document", true, [57, 69]],
      // content URL unreachable or invalid; type unknown
      ["document", false, [54, 55, 128, 129, 130]],
      // balance
      ["account", false, [46, 5, 86, 105, 125]],
      // given up after `cancel_timeout`
      ["expired", true, [76]],
      // "cannot be canceled any more": an answer to a cancel, no reason
      ["unknown", false, [79]],
      // the provider's own trouble
      ["unavailable", true, [3, 9, 23, 24]],
    ] as const
  ).flatMap(([reason, retryable, ids]) => ids.map((id): [number, Verdict] => [id, [reason, retryable]])),
);

/** For ids that no list has, and for simulated ones (119 to 122, 126). */
const verdictsOfTypes: ReadonlyMap<string, Verdict> = new Map([
  ["lineError", ["line_error", true]],
  ["faxError", ["transmission_error", true]],
  ["documentConversionError", ["document", false]],
  ["fatalError", ["unavailable", true]],
  ["generalError", ["unknown", false]],
]);

/** A fax that its sender canceled, by the API or in the console. There is no status word for it. */
const canceledId = 75;

type PhaxioError = Pick<PhaxioFax, "error_type" | "error_id">;

/**
 * Turns an error's type and id into a failure. `providerCode` is the pair, e.g. `lineError/17`.
 *
 * @example
 * phaxioFailure({ error_type: "lineError", error_id: 17 }); // { reason: "busy", retryable: true, providerCode: "lineError/17" }
 */
export function phaxioFailure(error: PhaxioError): Failure {
  const { error_id: id } = error;
  // What is kept as a code must not be able to carry a text of the provider.
  const type = /^[A-Za-z_]{1,40}$/.test(error.error_type ?? "") ? (error.error_type as string) : "unknown";
  const pair = `${type}/${id ?? "-"}`;
  const [reason, retryable] = verdictsOfPairs.get(pair) ??
    (id === undefined ? undefined : verdictsOfIds.get(id)) ??
    verdictsOfTypes.get(type) ?? ["unknown", false];
  return { reason, retryable, providerCode: pair };
}

/** Errors stand at the fax, at its recipient, or at both. */
function errorOf(fax: PhaxioFax): PhaxioError {
  const told = [fax, ...(fax.recipients ?? [])].filter((each) => each !== undefined);
  return (
    told.find((each) => each.error_id !== undefined) ??
    told.find((each) => each.error_type !== undefined) ?? { error_id: undefined, error_type: undefined }
  );
}

/** Turns a fax as Phaxio tells it into our report. Unknown words stay raw and `unmapped`. */
export function statusReport(fax: PhaxioFax): StatusReport {
  const word = fax.status || "(none)";
  const error = errorOf(fax);
  let status: StatusReport["status"] = statuses.get(word) ?? "unmapped";
  if (word === "failure" && error.error_id === canceledId) status = "canceled";
  const final = status === "delivered" || status === "failed" || status === "canceled";
  const failure = phaxioFailure(error);
  // Somebody has it already: sending to all of them again would be once too often.
  if (word === "partialsuccess") failure.retryable = false;
  const reference = fax.tags?.[attemptTag];
  return {
    providerId: fax.id,
    status,
    providerStatus: word.slice(0, 64),
    ...(typeof reference === "string" && /^[0-9a-f]{32}$/.test(reference) ? { reference } : {}),
    // Pages of the document; how many of a failed fax arrived is not told.
    ...(status === "delivered" && fax.num_pages !== undefined ? { pages: fax.num_pages } : {}),
    // Charged before dialling and credited back for what failed: before the end it is no fact.
    ...(final && fax.cost !== undefined ? { cost: dollars(fax.cost) } : {}),
    ...(status === "failed" ? { failure } : {}),
    ...(final && fax.completed_at ? { occurredAt: fax.completed_at } : {}),
  };
}

function dollars(cents: number): { amount: string; currency: string } {
  const digits = String(cents).padStart(3, "0");
  return { amount: `${digits.slice(0, -2)}.${digits.slice(-2)}`, currency: "USD" };
}
