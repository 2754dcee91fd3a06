import type { Cost, Failure, FailureReason, FaxStatus } from "@faxbot/core/transport";
import { syntheticNumber } from "./synthetic-number.ts";

/**
 * What becomes of a fax over the test transport.
 *
 * Taken, then final: `delivered`; `busy`, `no_answer`, `no_fax_tone`, `line_error`, `transmission_error`,
 * `invalid_number`, `rejected`, `document`, `account` (failed for that reason); `partial` (failed after the first page
 * was confirmed).
 * Taken, never final: `stuck` (stays in progress), `unmapped` (a status word that no table knows).
 * Not taken, and proven so: `refused`, `unauthorized`, `rate_limited`, `unavailable`.
 * Not proven: `lost_reply` (taken, but the answer is lost), `lost_request` (not taken, and the caller cannot know),
 * `hangs` (taken, and no answer until the call is aborted).
 */
export type TestOutcome = (typeof testOutcomes)[number];

/** Every {@link TestOutcome}. */
export const testOutcomes = [
  "delivered",
  "busy",
  "no_answer",
  "no_fax_tone",
  "line_error",
  "transmission_error",
  "partial",
  "invalid_number",
  "rejected",
  "document",
  "account",
  "stuck",
  "unmapped",
  "refused",
  "unauthorized",
  "rate_limited",
  "unavailable",
  "lost_reply",
  "lost_request",
  "hangs",
] as const;

/**
 * A number for every outcome: the test transport scripts these when nothing else does, so that a demonstration or a
 * test picks an outcome by dialling it.
 */
export const testNumbers: Readonly<Record<TestOutcome, string>> = Object.fromEntries(
  testOutcomes.map((outcome, index) => [outcome, syntheticNumber(index)]),
) as Record<TestOutcome, string>;

/** How a fax ends. */
export interface TestEnding {
  status: FaxStatus | "unmapped";
  providerStatus: string;
  /** Pages confirmed by the far end. */
  pages?: number;
  failure?: Failure;
  cost?: Cost;
}

const failures: Partial<Record<TestOutcome, [FailureReason, retryable: boolean]>> = {
  busy: ["busy", true],
  no_answer: ["no_answer", true],
  no_fax_tone: ["no_fax_tone", true],
  line_error: ["line_error", true],
  transmission_error: ["transmission_error", true],
  partial: ["transmission_error", true],
  invalid_number: ["invalid_number", false],
  rejected: ["rejected", false],
  document: ["document", false],
  account: ["account", false],
};

/**
 * How a fax with this outcome ends, or `undefined` when it never does.
 *
 * @param pages how many pages the document has
 */
export function testEnding(outcome: TestOutcome, pages: number): TestEnding | undefined {
  if (outcome === "stuck") return undefined;
  if (outcome === "unmapped") return { status: "unmapped", providerStatus: "TEST_HALF_WAY" };
  const failure = failures[outcome];
  if (failure) {
    return {
      status: "failed",
      providerStatus: "FAILED",
      pages: outcome === "partial" ? 1 : 0,
      failure: { reason: failure[0], retryable: failure[1], providerCode: `TEST/${outcome}` },
    };
  }
  return { status: "delivered", providerStatus: "DELIVERED", pages, cost: { amount: "0", currency: "USD" } };
}
