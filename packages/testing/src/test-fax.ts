import type { FaxDocument, StatusReport } from "@faxbot/core/transport";
import type { TestEnding, TestOutcome } from "./test-outcome.ts";

/** A fax that the transport took: what a real provider would dial. */
export interface TestFax {
  readonly providerId: string;
  readonly faxId: string;
  readonly attemptId: string;
  readonly to: string;
  readonly from?: string;
  readonly outcome: TestOutcome;
  /** Counted in the PDF; 1 for other documents. */
  readonly pages: number;
  readonly takenAt: Date;
}

/** A fax as the transport keeps it. */
export interface TakenFax extends TestFax {
  document: FaxDocument | undefined;
  ending: TestEnding | undefined;
  finalAt: number;
  reported: string | undefined;
}

/** Whether the fax has ended by this time. */
export function isFinal(fax: TakenFax, now: Date): boolean {
  return fax.ending !== undefined && now.getTime() >= fax.finalAt;
}

/** What is said of a fax that has not ended. */
export function openReport(fax: TakenFax, status: "queued" | "in_progress"): StatusReport {
  return {
    providerId: fax.providerId,
    status,
    providerStatus: status === "queued" ? "QUEUED" : "DIALLING",
    reference: fax.attemptId,
    occurredAt: fax.takenAt,
  };
}

/** What is said of a fax at this time. */
export function currentReport(fax: TakenFax, now: Date): StatusReport {
  if (!fax.ending || !isFinal(fax, now)) return openReport(fax, "in_progress");
  return { providerId: fax.providerId, reference: fax.attemptId, ...fax.ending, occurredAt: now };
}
