import { failureReasons } from "@faxbot/core/transport";
import { sinchErrorCodes } from "@faxbot/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sinchFax, sinchSendReply } from "../src/sinch-api.ts";
import { requestFailure, sinchFailure, statusReport } from "../src/sinch-status.ts";

const fax = (fields: Record<string, unknown>) =>
  sinchFax.parse({ id: "01J0000000000000000000FAX1", ...fields });
const attemptId = "0123456789abcdef0123456789abcdef";

describe("status words", () => {
  test.each([
    ["QUEUED", "queued"],
    ["IN_PROGRESS", "in_progress"],
    ["COMPLETED", "delivered"],
    ["FAILURE", "failed"],
    // Words of blogs and older code: never taken for an ending.
    ["constructor", "unmapped"],
    ["SUCCEEDED", "unmapped"],
    ["FAILED", "unmapped"],
    ["completed", "unmapped"],
  ])("%s is %s", (word, status) => {
    expect(statusReport(fax({ status: word }))).toMatchObject({ status, providerStatus: word });
  });

  test("a fax without a status is unmapped", () => {
    for (const fields of [{}, { status: "" }, { status: null }]) {
      expect(statusReport(fax(fields))).toEqual({
        providerId: "01J0000000000000000000FAX1",
        status: "unmapped",
        providerStatus: "(none)",
      });
    }
  });

  test("a failure by id 75 is a cancelled fax, by 76 an expired one", () => {
    const canceled = fax({ status: "FAILURE", errorType: "FAX_ERROR", errorCode: 75 });
    expect(statusReport(canceled)).toMatchObject({ status: "canceled", providerStatus: "FAILURE" });
    expect(statusReport(canceled)).not.toHaveProperty("failure");
    const expired = fax({ status: "FAILURE", errorType: "FAX_ERROR", errorCode: 76 });
    expect(statusReport(expired)).toMatchObject({ status: "failed", failure: { reason: "expired" } });
  });
});

describe("failures by the pair of type and id", () => {
  test.each([
    ["CALL_ERROR", 17, "busy", true],
    ["CALL_ERROR", 30, "no_answer", true],
    ["CALL_ERROR", 16, "no_answer", true],
    ["CALL_ERROR", 15, "line_error", true],
    ["CALL_ERROR", 11, "line_error", true],
    ["CALL_ERROR", 19, "line_error", true],
    ["CALL_ERROR", 43, "line_error", true],
    ["CALL_ERROR", 34, "invalid_number", false],
    ["CALL_ERROR", 49, "invalid_number", false],
    ["CALL_ERROR", 32, "rejected", false],
    ["FAX_ERROR", 132, "no_fax_tone", true],
    ["FAX_ERROR", 48, "no_answer", true],
    ["FAX_ERROR", 20, "transmission_error", true],
    ["FAX_ERROR", 31, "transmission_error", true],
    ["FAX_ERROR", 7, "document", false],
    ["FAX_ERROR", 46, "account", false],
    ["FAX_ERROR", 79, "unknown", false],
    ["FAX_ERROR", 113, "document", false],
    // The same id under two types.
    ["FAX_ERROR", 133, "rejected", false],
    ["DOCUMENT_CONVERSION_ERROR", 133, "document", false],
    ["DOCUMENT_CONVERSION_ERROR", 4, "document", false],
    ["DOCUMENT_CONVERSION_ERROR", 57, "document", true],
    ["DOCUMENT_CONVERSION_ERROR", 128, "document", false],
    ["FATAL_ERROR", 9, "unavailable", true],
    // Simulated and unknown ids go by their type.
    ["FAX_ERROR", 119, "transmission_error", true],
    ["DOCUMENT_CONVERSION_ERROR", 122, "document", false],
    ["CALL_ERROR", 999, "line_error", true],
    ["LINE_ERROR", 999, "line_error", true],
    ["FATAL_ERROR", 999, "unavailable", true],
    ["GENERAL_ERROR", 999, "unknown", false],
    ["NEW_ERROR", 999, "unknown", false],
  ])("%s/%i is %s", (errorType, errorCode, reason, retryable) => {
    expect(sinchFailure({ errorType, errorCode })).toEqual({
      reason,
      retryable,
      providerCode: `${errorType}/${errorCode}`,
    });
  });

  test("every id that the vendor lists has a meaning of its own or of its type", () => {
    for (const [errorType, ids] of Object.entries(sinchErrorCodes)) {
      for (const errorCode of ids) {
        const { reason } = sinchFailure({ errorType, errorCode });
        expect(failureReasons).toContain(reason);
        expect(reason === "unknown", `${errorType}/${errorCode}`).toBe(errorCode === 79);
      }
    }
  });

  test("a failure without details is unknown and not repeated", () => {
    expect(statusReport(fax({ status: "FAILURE" })).failure).toEqual({
      reason: "unknown",
      retryable: false,
      providerCode: "UNKNOWN/-",
    });
  });

  test("a text in place of the type never gets into the code", () => {
    expect(sinchFailure({ errorType: "Jane Doe +12025550123", errorCode: 17 }).providerCode).toBe(
      "UNKNOWN/17",
    );
  });
});

describe("the fax object as the service was seen to send it", () => {
  test("the vendor's example of an answer", () => {
    const [first] = sinchSendReply.parse({
      id: "01J0000000000000000000FAX1",
      direction: "OUTBOUND",
      to: "+15005550006",
      status: "IN_PROGRESS",
      headerTimeZone: "America/New_York",
      headerPageNumbers: true,
      retryDelaySeconds: 60,
      maxRetries: 3,
      imageConversionMethod: "HALFTONE",
      contentUrl: ["https://ex.test/a.pdf"],
      callbackUrl: "https://***:***@hooks.ex.test/x",
      callbackUrlContentType: "multipart/form-data",
      projectId: "p",
      serviceId: "s",
      createTime: "2026-01-15T15:00:00.123Z",
    });
    expect(first).toMatchObject({ id: "01J0000000000000000000FAX1", status: "IN_PROGRESS" });
  });

  test("several recipients give a list", () => {
    expect(sinchSendReply.parse({ faxes: [{ id: "a" }, { id: "b" }] }).map((each) => each.id)).toEqual([
      "a",
      "b",
    ]);
    for (const reply of [{}, { faxes: [] }, { faxes: [{}] }, { id: "" }, { id: "../x" }, [], null, "x"]) {
      expect(sinchSendReply.safeParse(reply).success, JSON.stringify(reply)).toBe(false);
    }
  });

  test("numbers as texts, prices as numbers, late fields", () => {
    const report = statusReport(
      fax({
        status: "COMPLETED",
        numberOfPages: "3",
        pagesSentSuccessfully: "3",
        price: { currencyCode: "USD", amount: 0.21 },
        hasFile: "true",
        completedTime: "2026-01-15T15:01:30Z",
        labels: { faxbot_attempt: attemptId, other: 7 },
      }),
    );
    expect(report).toEqual({
      providerId: "01J0000000000000000000FAX1",
      status: "delivered",
      providerStatus: "COMPLETED",
      reference: attemptId,
      pages: 3,
      cost: { amount: "0.21", currency: "USD" },
      occurredAt: new Date("2026-01-15T15:01:30Z"),
    });
  });

  test("pages of a failed fax are those that arrived", () => {
    const failed = { status: "FAILURE", errorType: "FAX_ERROR", errorCode: 20, numberOfPages: 5 };
    expect(statusReport(fax({ ...failed, pagesSentSuccessfully: 2 })).pages).toBe(2);
    expect(statusReport(fax(failed))).not.toHaveProperty("pages");
    expect(statusReport(fax({ status: "COMPLETED", numberOfPages: 5 })).pages).toBe(5);
  });

  test("whatever the other fields hold, a fax with an id can be reported", () => {
    const names = [
      "status",
      "numberOfPages",
      "pagesSentSuccessfully",
      "price",
      "labels",
      "errorType",
      "errorCode",
      "completedTime",
      "hasFile",
      "direction",
      "to",
    ];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), fc.jsonValue()), (fields) => {
        const report = statusReport(fax(fields));
        expect(report.providerId).toBe("01J0000000000000000000FAX1");
        if (report.pages !== undefined) expect(Number.isInteger(report.pages)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("refused requests", () => {
  const prose = (field: string) => ({
    code: "422",
    error: "Invalid parameters",
    message: "…",
    details: { fieldViolations: [{ field, description: "…" }] },
  });
  const schema = (field: string) => ({
    code: 422,
    status: "INVALID_ARGUMENT",
    message: "…",
    details: [
      { type: "ErrorInfo", reason: "X", domain: "fax.api.sinch.com", metaData: {} },
      { type: "BadRequest", fieldViolations: [{ field, description: "…" }] },
    ],
  });
  test.each([
    [422, prose("to"), "invalid_number"],
    [422, schema("to"), "invalid_number"],
    [422, prose("file"), "document"],
    [422, schema("contentUrl"), "document"],
    [422, prose("serviceId"), "rejected"],
    [400, undefined, "rejected"],
    [400, "<html>", "rejected"],
    [402, prose("to"), "account"],
    [413, undefined, "document"],
  ])("%i", (status, body, reason) => {
    expect(requestFailure(status, body)).toEqual({ reason, retryable: false, providerCode: String(status) });
  });
});
