import { failureReasons } from "@faxbot/core/transport";
import { phaxioErrors } from "@faxbot/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { phaxioFax, phaxioFaxList, phaxioReply } from "../src/phaxio-api.ts";
import { phaxioFailure, statusReport } from "../src/phaxio-status.ts";

const fax = (fields: Record<string, unknown>) => phaxioFax.parse({ id: 900100, ...fields });
const attemptId = "0123456789abcdef0123456789abcdef";

describe("status words", () => {
  test.each([
    ["queued", "queued"],
    ["pendingbatch", "queued"],
    ["inprogress", "in_progress"],
    ["ringing", "in_progress"],
    ["callactive", "in_progress"],
    ["willretry", "in_progress"],
    ["success", "delivered"],
    ["failure", "failed"],
    ["partialsuccess", "failed"],
    // Never taken for an ending.
    ["Success", "unmapped"],
    ["delivered", "unmapped"],
    ["constructor", "unmapped"],
    ["__proto__", "unmapped"],
  ])("%s is %s", (word, status) => {
    expect(statusReport(fax({ status: word }))).toMatchObject({ status, providerStatus: word });
  });

  test("a fax without a status is unmapped", () => {
    for (const fields of [{}, { status: "" }, { status: null }]) {
      expect(statusReport(fax(fields))).toEqual({
        providerId: "900100",
        status: "unmapped",
        providerStatus: "(none)",
      });
    }
  });

  test("a failure by id 75 is a cancelled fax, by 76 an expired one", () => {
    for (const error of [
      { error_id: 75, error_type: "faxError" },
      { error_id: "75" },
      { recipients: [{ status: "failure", error_id: 75 }] },
    ]) {
      const report = statusReport(fax({ status: "failure", ...error }));
      expect(report).toMatchObject({ status: "canceled", providerStatus: "failure" });
      expect(report).not.toHaveProperty("failure");
    }
    expect(statusReport(fax({ status: "failure", error_id: 76, error_type: "faxError" }))).toMatchObject({
      status: "failed",
      failure: { reason: "expired", retryable: true },
    });
  });

  test("a fax that some of several got is not delivered, and not sent to all again", () => {
    const report = statusReport(
      fax({
        status: "partialsuccess",
        recipients: [{ status: "success" }, { status: "failure", error_id: 17, error_type: "lineError" }],
      }),
    );
    expect(report).toMatchObject({
      status: "failed",
      failure: { reason: "busy", retryable: false, providerCode: "lineError/17" },
    });
  });
});

describe("failures by type and id", () => {
  test.each([
    ["lineError", 17, "busy", true],
    ["lineError", 118, "busy", true],
    ["lineError", 30, "no_answer", true],
    ["faxError", 48, "no_answer", true],
    ["faxError", 132, "no_fax_tone", true],
    ["lineError", 15, "line_error", true],
    ["lineError", 107, "line_error", true],
    ["lineError", 43, "line_error", true],
    ["lineError", 34, "invalid_number", false],
    ["lineError", 123, "invalid_number", false],
    ["lineError", 32, "rejected", false],
    ["lineError", 50, "rejected", false],
    ["faxError", 20, "transmission_error", true],
    ["faxError", 131, "transmission_error", true],
    ["faxError", 7, "document", false],
    ["faxError", 31, "transmission_error", true],
    ["generalError", 46, "account", false],
    ["generalError", 125, "account", false],
    ["faxError", 79, "unknown", false],
    ["faxError", 113, "document", false],
    // The same id under two types.
    ["faxError", 133, "rejected", false],
    ["documentConversionError", 133, "document", false],
    ["documentConversionError", 4, "document", false],
    ["documentConversionError", 57, "document", true],
    ["documentConversionError", 54, "document", false],
    ["documentConversionError", 129, "document", false],
    ["fatalError", 9, "unavailable", true],
    ["generalError", 3, "unavailable", true],
    // Simulated and unknown ids go by their type.
    ["faxError", 119, "transmission_error", true],
    ["generalError", 120, "unknown", false],
    ["lineError", 121, "line_error", true],
    ["documentConversionError", 122, "document", false],
    ["fatalError", 126, "unavailable", true],
    ["lineError", 999, "line_error", true],
    ["newError", 999, "unknown", false],
    ["constructor", 999, "unknown", false],
  ])("%s/%i is %s", (error_type, error_id, reason, retryable) => {
    expect(phaxioFailure({ error_type, error_id })).toEqual({
      reason,
      retryable,
      providerCode: `${error_type}/${error_id}`,
    });
  });

  test("every id of the lists has a meaning", () => {
    for (const { errorType, errorId } of Object.values(phaxioErrors)) {
      const { reason } = phaxioFailure({ error_type: errorType, error_id: errorId });
      expect(failureReasons).toContain(reason);
      // A cancelled fax is no failure, and a simulated general error says nothing.
      expect(reason === "unknown" && ![75, 120].includes(errorId), `${errorType}/${errorId}`).toBe(false);
    }
  });

  test("the id may stand at the fax or at its recipient, and a type without one is better than nothing", () => {
    const failureOf = (fields: object) => statusReport(fax({ status: "failure", ...fields })).failure;
    const busy = { error_id: 17, error_type: "lineError" };
    const none = { error_id: null, error_type: null };
    for (const fields of [
      { ...busy, recipients: [none] },
      { ...none, recipients: [{ status: "failure", ...busy }] },
      { error_type: "faxError", recipients: [busy] },
      { ...none, recipients: { status: "failure", ...busy } },
      { error_id: "17", error_type: "lineError" },
    ]) {
      expect(failureOf(fields)).toEqual({ reason: "busy", retryable: true, providerCode: "lineError/17" });
    }
    expect(failureOf({ recipients: [{ error_type: "lineError" }] })).toEqual({
      reason: "line_error",
      retryable: true,
      providerCode: "lineError/-",
    });
    expect(failureOf({})).toEqual({ reason: "unknown", retryable: false, providerCode: "unknown/-" });
  });

  test("a text in place of the type never gets into the code", () => {
    expect(phaxioFailure({ error_type: "Jane Doe +12025550123", error_id: 17 }).providerCode).toBe(
      "unknown/17",
    );
  });
});

describe("the fax object as the service was seen to send it", () => {
  test("a recording", () => {
    const report = statusReport(
      fax({
        direction: "sent",
        num_pages: 2,
        status: "success",
        is_test: true,
        created_at: "2026-01-15T09:00:00.000-06:00",
        caller_id: null,
        from_number: null,
        completed_at: "2026-01-15T09:01:30.000-06:00",
        caller_name: null,
        cost: 14,
        tags: { faxbot_attempt: attemptId },
        to_number: null,
        error_id: null,
        error_type: null,
        error_message: null,
        barcodes: [],
        recipients: [
          {
            phone_number: "+15005550006",
            status: "success",
            retry_count: 0,
            completed_at: "2026-01-15T09:01:30.000-06:00",
            bitrate: 14400,
            resolution: 8040,
            error_type: null,
            error_id: null,
            error_message: null,
          },
        ],
      }),
    );
    expect(report).toEqual({
      providerId: "900100",
      status: "delivered",
      providerStatus: "success",
      reference: attemptId,
      pages: 2,
      cost: { amount: "0.14", currency: "USD" },
      occurredAt: new Date("2026-01-15T15:01:30Z"),
    });
  });

  test.each([
    [0, "0.00"],
    [7, "0.07"],
    [100, "1.00"],
    ["1234", "12.34"],
  ])("%s cents are %s dollars", (cost, amount) => {
    expect(statusReport(fax({ status: "success", cost })).cost).toEqual({ amount, currency: "USD" });
  });

  test("before its end a fax has no cost, no pages and no time", () => {
    const report = statusReport(
      fax({ status: "inprogress", cost: 7, num_pages: 3, completed_at: "2026-01-15T09:01:30Z" }),
    );
    expect(report).toEqual({ providerId: "900100", status: "in_progress", providerStatus: "inprogress" });
    expect(statusReport(fax({ status: "failure", num_pages: 3 }))).not.toHaveProperty("pages");
  });

  test("only what looks like our reference is one", () => {
    for (const tags of [{ faxbot_attempt: "Jane" }, { faxbot_attempt: 7 }, [], null, "x"]) {
      expect(statusReport(fax({ status: "queued", tags }))).not.toHaveProperty("reference");
    }
  });

  test("whatever the other fields hold, a fax with an id can be reported", () => {
    const names = [
      "direction",
      "status",
      "num_pages",
      "cost",
      "tags",
      "recipients",
      "error_type",
      "error_id",
      "completed_at",
      "created_at",
      "requested_at",
      "to_number",
    ];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), fc.jsonValue()), (fields) => {
        const report = statusReport(fax(fields));
        expect(report.providerId).toBe("900100");
        if (report.pages !== undefined) expect(Number.isInteger(report.pages)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe("the envelope", () => {
  const reply = phaxioReply(phaxioFax);
  const data = { id: 1 };

  test.each([false, "false"])("success: %j is a refusal, with or without data", (success) => {
    expect(reply.parse({ success, message: "…" })).toEqual({ refused: true });
    expect(reply.parse({ success, data })).toEqual({ refused: true });
  });

  test("everything else needs the data", () => {
    for (const success of [true, "true", undefined]) {
      expect(reply.parse({ success, data })).toMatchObject({ refused: false, data: { id: "1" } });
      expect(reply.safeParse({ success }).success).toBe(false);
    }
    for (const answer of [null, [], "x", { id: 1 }]) expect(reply.safeParse(answer).success).toBe(false);
  });

  test("an entry of a list that cannot be read hides no other", () => {
    expect(phaxioFaxList.parse([{ id: 1 }, { id: {} }, 7, { id: "2" }]).map((each) => each?.id)).toEqual([
      "1",
      undefined,
      undefined,
      "2",
    ]);
    expect(phaxioFaxList.parse({ id: 1 }).map((each) => each?.id)).toEqual(["1"]);
    expect(phaxioFaxList.parse(undefined)).toEqual([]);
    expect(phaxioFaxList.safeParse(null).success).toBe(false);
  });
});
