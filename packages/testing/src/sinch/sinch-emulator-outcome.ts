import type { TestOutcome } from "../test-outcome.ts";

/** A failure by the vendor's pair of words, which only together mean something. */
export interface SinchFailure {
  errorType: string;
  errorCode: number;
  errorMessage?: string;
  /** Pages that arrived before it broke; default 0. */
  pagesSent?: number;
}

/** What becomes of a fax that the emulator took. `stuck` never ends; `unmapped` gets a status word that is not documented. */
export type SinchOutcome = keyof typeof sinchFailures | "delivered" | "stuck" | "unmapped" | SinchFailure;

/** The vendor's published error codes by type (API reference, "Error messages"). */
export const sinchErrorCodes = {
  DOCUMENT_CONVERSION_ERROR: [4, 54, 55, 57, 69, 122, 128, 129, 130, 133],
  CALL_ERROR: [11, 15, 16, 17, 19, 30, 32, 34, 43, 49],
  FAX_ERROR: [
    6, 7, 8, 10, 12, 13, 14, 18, 20, 21, 22, 25, 26, 28, 29, 31, 38, 40, 41, 44, 46, 48, 53, 60, 63, 68, 75,
    76, 77, 79, 80, 82, 84, 113, 117, 119, 131, 132, 133,
  ],
} as const;

/** One pair for every failure that the test transport knows too, and for a cancelled fax. */
export const sinchFailures = {
  busy: { errorType: "CALL_ERROR", errorCode: 17, errorMessage: "The far end was busy" },
  no_answer: { errorType: "CALL_ERROR", errorCode: 30, errorMessage: "Nobody answered" },
  no_fax_tone: { errorType: "FAX_ERROR", errorCode: 132, errorMessage: "No fax tone was heard" },
  line_error: { errorType: "CALL_ERROR", errorCode: 43, errorMessage: "The line broke" },
  transmission_error: { errorType: "FAX_ERROR", errorCode: 20, errorMessage: "The transmission failed" },
  partial: { errorType: "FAX_ERROR", errorCode: 20, errorMessage: "The transmission failed", pagesSent: 1 },
  invalid_number: { errorType: "CALL_ERROR", errorCode: 34, errorMessage: "The number is not in service" },
  rejected: { errorType: "FAX_ERROR", errorCode: 133, errorMessage: "The number is not permitted" },
  document: {
    errorType: "DOCUMENT_CONVERSION_ERROR",
    errorCode: 133,
    errorMessage: "The PDF could not be normalised",
  },
  account: { errorType: "FAX_ERROR", errorCode: 46, errorMessage: "The balance does not suffice" },
  canceled: { errorType: "FAX_ERROR", errorCode: 75, errorMessage: "Canceled" },
} as const satisfies Record<string, SinchFailure>;

/** The vendor's free test number: a whole fax is emulated and always succeeds (vendor docs, "Test your integration"). */
export const sinchTestNumber = "+19898989898";

/** Failures of the line, after which the vendor dials again up to `maxRetries` times. */
const redialled = new Set(["CALL_ERROR", "FAX_ERROR"]);

/** Whether the vendor dials again by itself after this failure. */
export function isRedialled(failure: SinchFailure): boolean {
  return redialled.has(failure.errorType) && failure.pagesSent === undefined && failure.errorCode !== 75;
}

/** Resolves an outcome to a failure; `undefined` for the outcomes that are none. */
export function failureOf(outcome: SinchOutcome): SinchFailure | undefined {
  if (typeof outcome === "object") return outcome;
  return outcome in sinchFailures ? sinchFailures[outcome as keyof typeof sinchFailures] : undefined;
}

/** The emulator's outcome for one of the test transport's, where it has one. */
export function sinchPreset(name: TestOutcome): SinchOutcome | undefined {
  if (name === "delivered" || name === "stuck" || name === "unmapped") return name;
  return name in sinchFailures ? (name as keyof typeof sinchFailures) : undefined;
}
