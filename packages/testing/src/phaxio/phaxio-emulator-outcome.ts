import type { TestOutcome } from "../test-outcome.ts";

/** The vendor's five types of error. */
export const phaxioErrorTypes = [
  "documentConversionError",
  "lineError",
  "faxError",
  "fatalError",
  "generalError",
] as const;

/** One of {@link phaxioErrorTypes}. */
export type PhaxioErrorType = (typeof phaxioErrorTypes)[number];

/** A failure in the vendor's words. */
export interface PhaxioFailure {
  errorType: string;
  errorId: number;
  errorMessage?: string;
}

/**
 * What becomes of a fax to one recipient. `stuck` never ends; `unmapped` gets a status word that is not documented; a
 * number is one of {@link phaxioErrors}.
 */
export type PhaxioOutcome =
  | keyof typeof phaxioFailures
  | "delivered"
  | "stuck"
  | "unmapped"
  | number
  | PhaxioFailure;

const rows: readonly [type: PhaxioErrorType, message: string, ids: readonly number[]][] = [
  ["lineError", "Far end is busy", [17, 35, 90, 118]],
  ["lineError", "No answer", [30, 87, 94, 112, 16, 39]],
  ["faxError", "No fax reply", [48, 26, 14]],
  ["faxError", "No fax tone", [132]],
  ["lineError", "Network congestion", [15, 74, 98, 101, 102, 111, 124]],
  ["lineError", "Call dropped", [11, 64, 89, 93, 96, 103, 104, 106, 107, 108, 109, 114, 19]],
  [
    "lineError",
    "Connection failed",
    [43, 88, 100, 110, 36, 37, 56, 58, 59, 61, 62, 81, 83, 97, 99, 40, 42, 44, 78],
  ],
  ["lineError", "Number is not operational", [34, 47, 49, 91, 116, 123, 73, 115]],
  ["lineError", "Incompatible destination", [32, 71, 92, 95]],
  ["lineError", "Call rejected", [50, 85, 52]],
  ["faxError", "Number is not permitted", [133]],
  [
    "faxError",
    "Transmission failed",
    [
      6, 8, 10, 12, 13, 18, 20, 21, 22, 28, 29, 38, 41, 53, 60, 63, 65, 66, 67, 70, 72, 77, 80, 82, 84, 117,
      131,
    ],
  ],
  ["faxError", "Far end cannot receive this page size or resolution", [7, 25]],
  ["faxError", "Machines are incompatible", [31, 33, 45, 68]],
  ["generalError", "Insufficient funds", [46, 5, 86, 105, 125]],
  ["faxError", "Canceled by user", [75]],
  ["faxError", "Canceled by timeout", [76]],
  ["faxError", "File was deleted or is inaccessible", [113]],
  ["documentConversionError", "Document could not be converted or stored", [4, 51, 57, 69]],
  ["documentConversionError", "Content URL could not be read", [54, 55]],
  ["documentConversionError", "File type is unknown or unsupported", [128, 129, 130]],
  ["fatalError", "Provider failure", [9, 23, 24]],
  ["generalError", "Provider failure", [3]],
  ["faxError", "Simulated fax error", [119]],
  ["generalError", "Simulated general error", [120]],
  ["lineError", "Simulated line error", [121]],
  ["documentConversionError", "Simulated document error", [122]],
  ["fatalError", "Simulated fatal error", [126]],
];

/**
 * The known error ids. The texts are ours; which type the vendor gives each id is not fully published, and some ids
 * are known only from third parties.
 */
export const phaxioErrors: Readonly<Record<number, Required<PhaxioFailure>>> = Object.fromEntries(
  rows.flatMap(([errorType, errorMessage, ids]) =>
    ids.map((errorId) => [errorId, { errorType, errorId, errorMessage }]),
  ),
);

/** One id for every failure that the test transport knows too, and for a cancelled fax. */
export const phaxioFailures = {
  busy: 17,
  no_answer: 30,
  no_fax_tone: 132,
  line_error: 43,
  transmission_error: 20,
  partial: 20,
  invalid_number: 34,
  rejected: 50,
  document: 4,
  account: 46,
  canceled: 75,
} as const satisfies Record<string, number>;

/** The ids of `test_fail`. */
export const phaxioTestFailures: Readonly<Record<PhaxioErrorType, number>> = {
  faxError: 119,
  generalError: 120,
  lineError: 121,
  documentConversionError: 122,
  fatalError: 126,
};

/** Resolves an outcome to a failure; `undefined` for the outcomes that are none. */
export function phaxioFailureOf(outcome: PhaxioOutcome): Required<PhaxioFailure> | undefined {
  if (typeof outcome === "object") return { errorMessage: `Error ${outcome.errorId}`, ...outcome };
  const id = typeof outcome === "number" ? outcome : phaxioFailures[outcome as keyof typeof phaxioFailures];
  if (id === undefined) return undefined;
  return phaxioErrors[id] ?? { errorType: "generalError", errorId: id, errorMessage: `Error ${id}` };
}

/** The emulator's outcome for one of the test transport's, where it has one. */
export function phaxioPreset(name: TestOutcome): PhaxioOutcome | undefined {
  if (name === "delivered" || name === "stuck" || name === "unmapped") return name;
  return name in phaxioFailures ? (name as keyof typeof phaxioFailures) : undefined;
}
