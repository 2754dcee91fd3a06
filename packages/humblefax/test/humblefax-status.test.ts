import { describe, expect, test } from "vitest";
import { humblefaxSentFax } from "../src/humblefax-api.ts";
import { requestFailure, statusReport } from "../src/humblefax-status.ts";

const read = (fax: object) => statusReport(humblefaxSentFax.parse({ id: 100554730, ...fax }));
const attemptId = "0123456789abcdef0123456789abcdef";

describe("a sent fax", () => {
  test.each([
    ["scheduled", "queued"],
    ["in progress", "in_progress"],
    ["success", "delivered"],
    ["failure", "failed"],
    ["image failure", "failed"],
    ["partial success", "failed"],
    ["cancelled", "canceled"],
    ["Success", "delivered"],
    ["on holiday", "unmapped"],
    ["constructor", "unmapped"],
  ])("%s is %s", (status, expected) => {
    expect(read({ status })).toMatchObject({
      status: expected,
      providerStatus: status,
      providerId: "100554730",
    });
    expect(read({ status: [status] }).status, "as a list").toBe(expected);
  });

  test("without a status is its recipient's, else unmapped", () => {
    expect(read({ recipients: [{ status: "success" }] }).status).toBe("delivered");
    expect(read({})).toEqual({ providerId: "100554730", status: "unmapped", providerStatus: "(none)" });
  });

  test("is read whole, with numbers as texts", () => {
    const fax = {
      id: "100554730",
      status: "success",
      uuid: attemptId,
      numPages: "3",
      recipients: [{ attempts: [{ calls: [{ timeStop: "1700000060" }, { timeStop: 1700000120 }] }] }],
    };
    expect(read(fax)).toEqual({
      providerId: "100554730",
      status: "delivered",
      providerStatus: "success",
      reference: attemptId,
      pages: 3,
      occurredAt: new Date(1_700_000_120_000),
    });
  });

  test.each([
    { numPages: "many", uuid: false, recipients: "none" },
    { numPages: null, uuid: null, recipients: [null, 7] },
    { numPages: -1, uuid: "not ours", recipients: [{ attempts: {} }] },
  ])("keeps its status whatever else is broken: %j", (more) => {
    expect(read({ status: "success", ...more })).toEqual({
      providerId: "100554730",
      status: "delivered",
      providerStatus: "success",
    });
  });

  test.each([
    ["Receiver did not pick up", "no_answer", true],
    ["No fax machine detected at destination", "no_fax_tone", true],
    ["Line busy", "busy", true],
    ["The number is invalid", "invalid_number", false],
    ["Number disconnected", "invalid_number", false],
    ["Jane Doe was not at home", "unknown", false],
  ])("that failed for %j: %s", (failureReason, reason, retryable) => {
    const places = [
      { failureReason },
      { recipients: [{ failureReason }] },
      { recipients: [{ attempts: [{ failureReason }] }] },
      { recipients: [{ attempts: [{ calls: [{ failureReason }] }] }] },
    ];
    for (const place of places) {
      const report = read({ status: "failure", ...place });
      expect(report.failure).toMatchObject({ reason, retryable });
      expect(JSON.stringify(report)).not.toContain("Jane");
    }
  });

  test("that failed goes by its last attempt", () => {
    const attempts = [{ failureReason: "busy" }, { failureReason: "Receiver did not pick up" }];
    expect(read({ status: "failure", recipients: [{ attempts }] }).failure?.reason).toBe("no_answer");
  });

  test("that could not be rendered, or went in part, is never tried again", () => {
    expect(read({ status: "image failure" }).failure).toEqual({
      reason: "document",
      retryable: false,
      providerCode: "image_failure",
    });
    const attempts = [{ numPagesSent: "1" }, { numPagesSent: 2 }];
    expect(read({ status: "partial success", numPages: 3, recipients: [{ attempts }] })).toMatchObject({
      status: "failed",
      pages: 2,
      failure: { retryable: false },
    });
  });
});

test("a refused request's status says why", () => {
  expect(requestFailure(413).reason).toBe("document");
  expect(requestFailure(400)).toEqual({ reason: "rejected", retryable: false, providerCode: "400" });
});
