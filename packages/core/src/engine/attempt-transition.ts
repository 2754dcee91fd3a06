import type { AttemptState } from "../records/attempt.ts";
import type { StatusReport } from "../transport/fax-status.ts";

/**
 * What can happen to an attempt.
 * - `intend`: the intent to call the provider is about to be made durable
 * - `accepted`, `progress`, `delivered`, `failed`, `canceled`: the provider said so, or we proved it
 * - `lost`: it was handed over and nobody can say what became of it
 */
export type AttemptSignal = "intend" | "accepted" | "progress" | "delivered" | "failed" | "canceled" | "lost";

/** What a signal does: a new state, nothing (late, repeated, reordered), or a proof against a final state. */
export type Transition = AttemptState | "ignore" | "contradiction";

/**
 * The whole life of an attempt. A state that a row does not name for a signal is `ignore`, so a late or repeated event
 * never moves anything backwards. `failed` and `canceled` after each other both mean "not delivered" and do not
 * contradict.
 */
const table: Record<AttemptState, Partial<Record<AttemptSignal, Transition>>> = {
  prepared: {
    intend: "submitting",
    failed: "failed",
    canceled: "canceled",
    // Nothing was handed over, so nothing can have arrived: the provider speaks of something else.
    delivered: "contradiction",
  },
  submitting: {
    accepted: "submitted",
    progress: "in_progress",
    delivered: "delivered",
    failed: "failed",
    canceled: "canceled",
    lost: "unknown",
  },
  submitted: {
    progress: "in_progress",
    delivered: "delivered",
    failed: "failed",
    canceled: "canceled",
    lost: "unknown",
  },
  in_progress: {
    delivered: "delivered",
    failed: "failed",
    canceled: "canceled",
    lost: "unknown",
  },
  unknown: {
    accepted: "submitted",
    progress: "in_progress",
    delivered: "delivered",
    failed: "failed",
    canceled: "canceled",
  },
  delivered: { failed: "contradiction", canceled: "contradiction" },
  failed: { delivered: "contradiction" },
  canceled: { delivered: "contradiction" },
};

/**
 * The one transition table of the engine; pure.
 *
 * @example
 * attemptTransition("submitted", "delivered"); // "delivered"
 * attemptTransition("delivered", "progress"); // "ignore"
 * attemptTransition("failed", "delivered"); // "contradiction"
 */
export function attemptTransition(state: AttemptState, signal: AttemptSignal): Transition {
  return table[state][signal] ?? "ignore";
}

/** The signal that a provider's report is. An unmapped word only proves that the provider has the fax. */
export function signalOfReport(report: StatusReport): AttemptSignal {
  switch (report.status) {
    case "in_progress":
      return "progress";
    case "delivered":
    case "failed":
    case "canceled":
      return report.status;
    case "queued":
    case "unmapped":
      return "accepted";
  }
}
