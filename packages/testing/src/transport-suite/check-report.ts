import { failureReasons, faxStatuses, type StatusReport } from "@faxbot/core/transport";

/** Notes what does not fit the contract in a report. */
export function checkReport(
  report: StatusReport,
  fail: (defect: string) => void,
  expected: { attemptId?: string; providerId?: string } = {},
): void {
  const { providerId, status, providerStatus, reference, pages, cost, failure, occurredAt } = report;
  if (typeof providerId !== "string" || providerId === "") fail("a report has no providerId");
  if (expected.providerId !== undefined && providerId !== expected.providerId) {
    fail("a report names another fax");
  }
  if (status !== "unmapped" && !faxStatuses.includes(status))
    fail(`a report has the unknown status ${status}`);
  if (typeof providerStatus !== "string" || providerStatus === "") {
    fail("a report does not keep the provider's own word");
  }
  if (expected.attemptId !== undefined && reference !== undefined && reference !== expected.attemptId) {
    fail("a report's reference is not our attempt id");
  }
  if (pages !== undefined && !(Number.isInteger(pages) && pages >= 0)) fail("a report's pages are no count");
  if (cost && !(/^\d+(\.\d+)?$/.test(cost.amount) && /^[A-Z]{3}$/.test(cost.currency))) {
    fail("a report's cost is not a decimal text with an ISO 4217 currency");
  }
  if (failure && !failureReasons.includes(failure.reason))
    fail(`the failure reason ${failure.reason} is unknown`);
  if (failure && status !== "failed") fail(`a report that is ${status} has a failure`);
  if (!failure && status === "failed") fail("a failed report does not say why");
  if (occurredAt !== undefined && !(occurredAt instanceof Date && !Number.isNaN(occurredAt.getTime()))) {
    fail("a report's occurredAt is no time");
  }
}
