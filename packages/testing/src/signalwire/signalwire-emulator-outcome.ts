import type { TestOutcome } from "../test-outcome.ts";

/** A failure in the vendor's words. Numeric codes are hardly published. */
export interface SignalWireFailure {
  /** Default `failed`. */
  status?: "failed" | "busy" | "no-answer" | "canceled";
  errorMessage?: string;
  errorCode?: string;
  /** Pages that arrived before it broke; default 0. */
  pagesSent?: number;
}

/** What becomes of a fax. `stuck` never ends; `unmapped` gets a status word that is not documented. */
export type SignalWireOutcome =
  | keyof typeof signalwireFailures
  | "delivered"
  | "stuck"
  | "unmapped"
  | SignalWireFailure;

/** The published error messages of transmissions (vendor docs, fax errors). */
export const signalwireErrorMessages = [
  "Connection Failed",
  "Fax transmission not established",
  "Timed out waiting for initial communication",
  "The call dropped prematurely",
  "Failed to train with any of the compatible modems",
  "Received no response to DCS or TCF",
  "Unexpected DCN while waiting for DCS DIS",
  "The HDLC carrier did not stop in a timely manner",
  "Invalid ECM response received from receiver",
  "Disconnected after permitted retries",
  "No response after sending a page",
  "Received a DCN from remote after sending a page",
  "Unexpected DCM after EOM or MPS sequence",
  "Unexpected message received",
  "Far end cannot receive at the resolution of the image",
  "Document generation error",
  "Document loading error",
  "Log entry lost",
] as const;

/**
 * One failure for each that the test transport knows too, where this vendor can tell it: the wrong number and the
 * rejected call look the same, and a balance that does not suffice is an answer to the request.
 */
export const signalwireFailures = {
  busy: { status: "busy" },
  no_answer: { status: "no-answer" },
  no_fax_tone: { errorMessage: "Timed out waiting for initial communication" },
  line_error: { errorMessage: "The call dropped prematurely", errorCode: "34004" },
  transmission_error: { errorMessage: "Received no response to DCS or TCF" },
  partial: { errorMessage: "No response after sending a page", pagesSent: 1 },
  invalid_number: { errorMessage: "Connection Failed" },
  rejected: { errorMessage: "Connection Failed" },
  document: { errorMessage: "Document generation error" },
  canceled: { status: "canceled" },
} as const satisfies Record<string, SignalWireFailure>;

/** Resolves an outcome to a failure; `undefined` for the outcomes that are none. */
export function signalwireFailureOf(outcome: SignalWireOutcome): SignalWireFailure | undefined {
  if (typeof outcome === "object") return outcome;
  return outcome in signalwireFailures
    ? signalwireFailures[outcome as keyof typeof signalwireFailures]
    : undefined;
}

/** The emulator's outcome for one of the test transport's, where it has one. */
export function signalwirePreset(name: TestOutcome): SignalWireOutcome | undefined {
  if (name === "delivered" || name === "stuck" || name === "unmapped") return name;
  return name in signalwireFailures ? (name as keyof typeof signalwireFailures) : undefined;
}
