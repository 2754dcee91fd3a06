import type { TestOutcome } from "../test-outcome.ts";

/** A failure in the words that clients have seen. */
export interface HumbleFaxFailure {
  /** Default `failure`. */
  status?: "failure" | "image failure" | "partial success" | "cancelled";
  failureReason?: string;
  /** Pages that arrived before it broke; default 0. */
  pagesSent?: number;
}

/** What becomes of a fax to one recipient. `stuck` never ends; `unmapped` gets a status word that nobody has seen. */
export type HumbleFaxOutcome =
  | keyof typeof humblefaxFailures
  | "delivered"
  | "stuck"
  | "unmapped"
  | HumbleFaxFailure;

/**
 * One failure for each that the test transport knows too. Only the reasons of `no_answer` and `no_fax_tone` are known
 * words of the vendor; the others are guesses at their kind.
 */
export const humblefaxFailures = {
  busy: { failureReason: "Receiver was busy" },
  no_answer: { failureReason: "Receiver did not pick up" },
  no_fax_tone: { failureReason: "No fax machine detected at destination" },
  line_error: { failureReason: "Call was dropped" },
  transmission_error: { failureReason: "Transmission failed" },
  partial: { status: "partial success", failureReason: "Transmission failed", pagesSent: 1 },
  invalid_number: { failureReason: "Number is invalid or disconnected" },
  rejected: { failureReason: "Call was rejected" },
  document: { status: "image failure" },
  canceled: { status: "cancelled" },
} as const satisfies Record<string, HumbleFaxFailure>;

/** Resolves an outcome to a failure; `undefined` for the outcomes that are none. */
export function humblefaxFailureOf(outcome: HumbleFaxOutcome): HumbleFaxFailure | undefined {
  if (typeof outcome === "object") return outcome;
  return outcome in humblefaxFailures
    ? humblefaxFailures[outcome as keyof typeof humblefaxFailures]
    : undefined;
}

/** The emulator's outcome for one of the test transport's, where it has one. */
export function humblefaxPreset(name: TestOutcome): HumbleFaxOutcome | undefined {
  if (name === "delivered" || name === "stuck" || name === "unmapped") return name;
  return name in humblefaxFailures ? (name as keyof typeof humblefaxFailures) : undefined;
}
