import type { RetryRule } from "../faxbot-options.ts";
import type { Attempt } from "../records/attempt.ts";
import type { Failure, FailureReason } from "../transport/fax-status.ts";

const minute = 60_000;
const never: RetryRule = { retries: 0, delaysMs: [], failover: false };

/**
 * What to do after a proven failure, per reason. `unavailable` is tried until the fax expires. A busy, unanswered or
 * talking far end stays what it is over any transport, so only what may be our own side's fault fails over.
 */
export const defaultRetryRules: Readonly<Record<FailureReason, RetryRule>> = {
  busy: { retries: 5, delaysMs: [3 * minute, 5 * minute, 15 * minute, 40 * minute], failover: false },
  no_answer: { retries: 2, delaysMs: [10 * minute, 30 * minute], failover: false },
  no_fax_tone: { retries: 1, delaysMs: [15 * minute], failover: false },
  line_error: { retries: 3, delaysMs: [3 * minute, 10 * minute, 30 * minute], failover: true },
  transmission_error: { retries: 2, delaysMs: [5 * minute, 15 * minute], failover: false },
  invalid_number: never,
  rejected: never,
  document: never,
  account: { retries: 0, delaysMs: [], failover: true },
  unavailable: {
    retries: Number.POSITIVE_INFINITY,
    delaysMs: [1_000, 5_000, 15_000, minute, 3 * minute, 5 * minute],
    failover: true,
  },
  expired: never,
  unknown: never,
};

/** Reasons for which a provider that always redials by itself has done our retries already. */
const redialedByVendor: ReadonlySet<FailureReason> = new Set([
  "busy",
  "no_answer",
  "no_fax_tone",
  "line_error",
]);

/** What comes after a proven failure. */
export type NextStep = { type: "give_up" } | { type: "retry"; transportId: string; dueAt: Date };

/**
 * Decides what comes after a proven failure; pure but for `random`.
 *
 * @param input.attempts all attempts of the fax, the failed one last
 * @param input.transports ids that may be used, in order of preference; only one when the caller chose it
 * @param input.redials who dials again on the failed attempt's transport
 * @param input.retryAfterMs what the provider asked for, in milliseconds
 * @param input.random 0 to 1, spreads `unavailable` retries so that a fleet does not knock at once
 */
export function planNextAttempt(input: {
  failure: Failure;
  attempts: readonly Attempt[];
  transports: readonly string[];
  redials: "none" | "configurable" | "vendor";
  rules: Readonly<Record<FailureReason, RetryRule>>;
  now: Date;
  expiresAt: Date;
  retryAfterMs?: number;
  random: number;
}): NextStep {
  const { failure, attempts, rules, now } = input;
  const failed = attempts.at(-1);
  if (!failed) return { type: "give_up" };
  // Some pages arrived: sending all of them again is for the sender to decide.
  if ((failed.pages ?? 0) > 0) return { type: "give_up" };
  const rule = rules[failure.reason];

  if (rule.failover) {
    const tried = new Set(attempts.map((attempt) => attempt.transportId));
    const other = input.transports.find((id) => !tried.has(id));
    if (other) return { type: "retry", transportId: other, dueAt: now };
  }

  const allowed =
    input.redials === "vendor" && redialedByVendor.has(failure.reason)
      ? 0
      : failure.retryable
        ? rule.retries
        : 0;
  const used = attempts.filter((attempt) => attempt.failure?.reason === failure.reason).length;
  if (used > allowed) return { type: "give_up" };

  const planned = rule.delaysMs[Math.min(used, rule.delaysMs.length) - 1] ?? 0;
  const spread = failure.reason === "unavailable" ? planned * (0.5 + input.random) : planned;
  const dueAt = new Date(now.getTime() + Math.max(spread, input.retryAfterMs ?? 0));
  if (dueAt >= input.expiresAt) return { type: "give_up" };
  // After everything was tried once, the first choice is the best guess again.
  const transportId = rule.failover ? (input.transports[0] ?? failed.transportId) : failed.transportId;
  return { type: "retry", transportId, dueAt };
}
