import {
  type Failure,
  type FailureReason,
  type FaxStatus,
  lenientTime,
  lenientWholeNumber,
  type StatusReport,
} from "@faxbot/core/transport";
import type { HumbleFaxSentFax } from "./humblefax-api.ts";

/** The vendor's words for a sent fax (clients of the API). */
const statuses: Readonly<Record<string, FaxStatus>> = {
  scheduled: "queued",
  "in progress": "in_progress",
  success: "delivered",
  failure: "failed",
  "image failure": "failed",
  "partial success": "failed",
  cancelled: "canceled",
};

/**
 * What the vendor's reasons mean. The first two are known word for word; no list is published, so the others go by what
 * they must say in one way or another. What to try again is Faxbot's choice.
 */
const reasons: readonly (readonly [
  pattern: RegExp,
  reason: FailureReason,
  retryable: boolean,
  code: string,
])[] = [
  [/^receiver did not pick up$/i, "no_answer", true, "receiver_did_not_pick_up"],
  [/^no fax machine detected at destination$/i, "no_fax_tone", true, "no_fax_machine_detected"],
  [/\bbusy\b/i, "busy", true, "busy"],
  [/\b(no answer|not answer|pick up)/i, "no_answer", true, "no_answer"],
  [/\bno fax\b|\bvoice\b|\bfax tone\b/i, "no_fax_tone", true, "no_fax_tone"],
  [/\b(invalid|disconnected|not in service|unassigned)\b/i, "invalid_number", false, "invalid_number"],
];

/** Turns a fax as HumbleFax tells it into our report. Unknown words stay raw and `unmapped`. */
export function statusReport(fax: HumbleFaxSentFax): StatusReport {
  // We send to one recipient, so its status is the fax's, should the fax have none itself.
  const word = fax.status || fax.recipients?.[0]?.status || "(none)";
  const known = word.trim().toLowerCase();
  const status = Object.hasOwn(statuses, known) ? (statuses[known] as FaxStatus) : "unmapped";
  const final = status === "delivered" || status === "failed" || status === "canceled";
  const pages = pagesOf(fax, status);
  const occurredAt = final ? lastCallEnd(fax) : undefined;
  return {
    providerId: fax.id,
    status,
    providerStatus: word.slice(0, 64),
    ...(fax.uuid !== undefined && /^[0-9a-f]{32}$/.test(fax.uuid) ? { reference: fax.uuid } : {}),
    ...(pages === undefined ? {} : { pages }),
    ...(status === "failed" ? { failure: failureOf(fax, known) } : {}),
    ...(occurredAt ? { occurredAt } : {}),
  };
}

function failureOf(fax: HumbleFaxSentFax, word: string): Failure {
  // The document could not be rendered and nothing was dialled.
  if (word === "image failure")
    return { reason: "document", retryable: false, providerCode: "image_failure" };
  // Pages arrived: sending all of them again is for a person to decide.
  if (word === "partial success") {
    return { reason: "transmission_error", retryable: false, providerCode: "partial_success" };
  }
  // The last one told is the last attempt's.
  for (const text of valuesOf(fax, "failureReason").reverse()) {
    if (typeof text !== "string") continue;
    const found = reasons.find(([pattern]) => pattern.test(text.trim()));
    if (found) return { reason: found[1], retryable: found[2], providerCode: found[3] };
  }
  return { reason: "unknown", retryable: false, providerCode: "failure" };
}

/** Pages that the far end confirmed: all of a delivered fax, else the most that one attempt sent. */
function pagesOf(fax: HumbleFaxSentFax, status: StatusReport["status"]): number | undefined {
  if (status === "delivered") return fax.numPages;
  if (status !== "failed") return undefined;
  const sent = valuesOf(fax, "numPagesSent").map((value) => lenientWholeNumber.parse(value) ?? -1);
  const most = Math.max(-1, ...sent);
  return most < 0 ? undefined : most;
}

function lastCallEnd(fax: HumbleFaxSentFax): Date | undefined {
  const ends = valuesOf(fax, "timeStop").map((value) => lenientTime.parse(value)?.getTime() ?? 0);
  const last = Math.max(0, ...ends);
  return last === 0 ? undefined : new Date(last);
}

const deepest = 8;
const mostValues = 1_000;

/** All values under a key, wherever they stand, in order. */
function valuesOf(tree: unknown, key: string): unknown[] {
  const found: unknown[] = [];
  const visit = (node: unknown, depth: number): void => {
    if (typeof node !== "object" || node === null || depth > deepest) return;
    for (const [name, value] of Object.entries(node)) {
      if (found.length >= mostValues) return;
      if (name === key && value !== null && typeof value !== "object") found.push(value);
      else visit(value, depth + 1);
    }
  };
  visit(tree, 0);
  return found;
}

/** Turns a refused request's status into a failure. The error's text is free, so nothing is read from it. */
export function requestFailure(status: number): Failure {
  const reason: FailureReason =
    status === 413 || status === 415 ? "document" : status === 402 ? "account" : "rejected";
  return { reason, retryable: false, providerCode: String(status) };
}
