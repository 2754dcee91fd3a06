import { type TestOutcome, testNumbers } from "../test-outcome.ts";

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

/** Chooses outcomes by destination: the last digits, the longest match wins. */
export interface OutcomeScript {
  set(digits: string, outcomes: SinchOutcome | readonly SinchOutcome[]): void;
  choose(to: string): SinchOutcome;
  reset(): void;
}

/** Makes a script that starts with {@link testNumbers}; a list gives one outcome per fax, and its last one repeats. */
export function outcomeScript(fallback: SinchOutcome): OutcomeScript {
  const script = new Map<string, { outcomes: readonly SinchOutcome[]; used: number }>();
  const reset = (): void => {
    script.clear();
    for (const [name, number] of Object.entries(testNumbers)) {
      if (isSinchOutcome(name as TestOutcome)) {
        script.set(number, { outcomes: [name as SinchOutcome], used: 0 });
      }
    }
  };
  reset();
  return {
    reset,
    set: (digits, outcomes) => {
      script.set(digits, { outcomes: Array.isArray(outcomes) ? [...outcomes] : [outcomes], used: 0 });
    },
    choose(to) {
      if (to === sinchTestNumber) return "delivered";
      const digits = [...script.keys()]
        .filter((end) => to.endsWith(end))
        .sort((a, b) => b.length - a.length)[0];
      const entry = digits === undefined ? undefined : script.get(digits);
      if (!entry) return fallback;
      const outcome = entry.outcomes[Math.min(entry.used, entry.outcomes.length - 1)];
      entry.used += 1;
      return outcome ?? fallback;
    },
  };
}

function isSinchOutcome(name: TestOutcome): boolean {
  return name in sinchFailures || name === "delivered" || name === "stuck" || name === "unmapped";
}
