import { describe, expect, test } from "vitest";
import { signalwireFax, signalwireFaxList } from "../src/signalwire-api.ts";
import { requestFailure, signalwireFailure, statusReport } from "../src/signalwire-status.ts";

const report = (fields: object) => statusReport(signalwireFax.parse({ sid: "a", ...fields }));

describe("a status", () => {
  test.each([
    ["queued", "queued"],
    ["processing", "in_progress"],
    ["sending", "in_progress"],
    ["receiving", "in_progress"],
    ["initiated", "in_progress"],
    ["ringing", "in_progress"],
    ["answered", "in_progress"],
    ["delivered", "delivered"],
    ["received", "delivered"],
    ["no-answer", "failed"],
    ["busy", "failed"],
    ["failed", "failed"],
    ["canceled", "canceled"],
    ["completed", "unmapped"],
    ["Delivered", "unmapped"],
    ["success", "unmapped"],
    ["constructor", "unmapped"],
    ["", "unmapped"],
    [undefined, "unmapped"],
  ])("%s is %s", (word, status) => {
    expect(report({ status: word })).toMatchObject({ status, providerStatus: word || "(none)" });
  });

  test("is told with pages, cost and time once it is final", () => {
    const fields = {
      num_pages: "3",
      price: "-0.0095",
      price_unit: "USD",
      date_updated: "2026-01-15T15:00:00Z",
    };
    expect(report({ status: "delivered", ...fields })).toEqual({
      providerId: "a",
      status: "delivered",
      providerStatus: "delivered",
      pages: 3,
      cost: { amount: "0.0095", currency: "USD" },
      occurredAt: new Date("2026-01-15T15:00:00Z"),
    });
    const sending = report({ status: "sending", ...fields, price: null });
    expect(sending).toEqual({ providerId: "a", status: "in_progress", providerStatus: "sending" });
    expect(report({ status: "failed", ...fields })).not.toHaveProperty("pages");
  });

  test.each([
    [
      { num_pages: 3, price: -0.005, price_unit: "USD" },
      { pages: 3, cost: { amount: "0.005", currency: "USD" } },
    ],
    [
      { num_pages: ["3"], price: ["0.10"], price_unit: ["EUR"] },
      { pages: 3, cost: { amount: "0.10", currency: "EUR" } },
    ],
    [{ num_pages: "three", price: "free", price_unit: "$", date_updated: "soon" }, {}],
    [
      {
        num_pages: -1,
        price: null,
        price_unit: null,
        error_code: null,
        error_message: null,
        media_url: null,
      },
      {},
    ],
    [{ num_pages: 1.5, price: "1e9", media_sid: "a/b" }, {}],
  ])("is read tolerantly: %j", (fields, expected) => {
    expect(report({ status: "delivered", ...fields })).toEqual({
      providerId: "a",
      status: "delivered",
      providerStatus: "delivered",
      ...expected,
    });
  });

  test("needs an id that can stand in a path", () => {
    for (const sid of ["", "a/b", "..", "a b", null, undefined, {}, "x".repeat(129)]) {
      expect(signalwireFax.safeParse({ sid, status: "queued" }).success).toBe(false);
    }
    expect(signalwireFax.parse({ sid: 7 }).sid).toBe("7");
    expect(
      signalwireFaxList.parse({ faxes: [{ sid: "a" }, null, { sid: "/" }] }).faxes.filter(Boolean),
    ).toHaveLength(1);
    expect(signalwireFaxList.parse({})).toEqual({ faxes: [] });
  });
});

describe("a failure", () => {
  test.each([
    ["Connection Failed", "line_error", true, "connection_failed"],
    ["Fax transmission not established", "no_fax_tone", true, "not_established"],
    ["Timed out waiting for initial communication", "no_fax_tone", true, "no_initial_communication"],
    ["The call dropped prematurely", "line_error", true, "34004"],
    ["Failed to train with any of the compatible modems", "transmission_error", true, "training_failed"],
    ["Received no response to DCS or TCF", "transmission_error", true, "no_response_to_dcs"],
    ["Unexpected DCN while waiting for DCS DIS", "transmission_error", true, "unexpected_dcn"],
    ["The HDLC carrier did not stop in a timely manner", "transmission_error", true, "hdlc_carrier"],
    ["Invalid ECM response received from receiver", "transmission_error", true, "invalid_ecm_response"],
    ["Disconnected after permitted retries", "transmission_error", true, "retries_exhausted"],
    ["Far end cannot receive at the resolution of the image", "document", false, "resolution"],
    ["Document generation error", "unavailable", true, "document_generation"],
    ["Document loading error", "unavailable", true, "document_loading"],
    ["Log entry lost", "unavailable", true, "log_entry_lost"],
    ["Something that is new to +12025550123", "unknown", false, "failed"],
    [undefined, "unknown", false, "failed"],
  ])("with %j is %s", (message, reason, retryable, providerCode) => {
    for (const text of new Set([message, message?.toUpperCase(), message && ` ${message.toLowerCase()}.`])) {
      expect(
        signalwireFailure({ status: "failed", error_code: undefined, error_message: text, num_pages: 2 }),
      ).toEqual({
        reason,
        retryable,
        providerCode,
      });
    }
  });

  test.each([
    "No response after sending a page",
    "Received a DCN from remote after sending a page",
    "Unexpected DCM after EOM or MPS sequence",
    "Unexpected message received",
  ])("with %j is retried only when no page was counted", (message) => {
    const of = (pages: number | undefined) =>
      signalwireFailure({
        status: "failed",
        error_code: undefined,
        error_message: message,
        num_pages: pages,
      });
    expect([of(0), of(1), of(undefined)].map(({ reason, retryable }) => [reason, retryable])).toEqual([
      ["transmission_error", true],
      ["transmission_error", false],
      ["transmission_error", false],
    ]);
  });

  test("of the line is in the status", () => {
    expect(report({ status: "busy" }).failure).toEqual({
      reason: "busy",
      retryable: true,
      providerCode: "busy",
    });
    expect(report({ status: "no-answer" }).failure).toEqual({
      reason: "no_answer",
      retryable: true,
      providerCode: "no-answer",
    });
  });

  test("keeps a number, and no text, as its code", () => {
    expect(report({ status: "failed", error_code: 34004 }).failure).toEqual({
      reason: "line_error",
      retryable: true,
      providerCode: "34004",
    });
    expect(
      report({ status: "failed", error_code: "99999", error_message: "Connection Failed" }).failure,
    ).toEqual({
      reason: "line_error",
      retryable: true,
      providerCode: "99999",
    });
    expect(report({ status: "failed", error_code: "call +12025550123" }).failure?.providerCode).toBe(
      "failed",
    );
  });
});

describe("a refused request", () => {
  test.each([
    [4001, "account", false],
    [10000, "rejected", false],
    [10001, "account", false],
    [11200, "rejected", false],
    [11217, "rejected", false],
    [12100, "rejected", false],
    [12300, "document", false],
    [20001, "unavailable", true],
    [20003, "account", false],
    [20009, "rejected", false],
    [20010, "account", false],
    [20404, "rejected", false],
    [20429, "unavailable", true],
    [20504, "unavailable", true],
    [21210, "account", false],
    [21211, "invalid_number", false],
    [21212, "account", false],
    [21213, "account", false],
    [21217, "invalid_number", false],
    [21219, "account", false],
    [21402, "document", false],
    [21601, "rejected", false],
    [21603, "rejected", false],
    [21611, "unavailable", true],
    [21612, "document", false],
    [21620, "document", false],
    [21626, "rejected", false],
    [30002, "account", false],
    [77777, "rejected", false],
  ])("with %i is %s", (code, reason, retryable) => {
    const message = "to +12025550123";
    for (const body of [
      { code, message, more_info: "x", status: 422 },
      { code: String(code) },
      { errors: [{ code, message }] },
      { errors: ["text", { code: String(code) }] },
      { errors: { code } },
    ]) {
      expect(requestFailure(422, body)).toEqual({ reason, retryable, providerCode: String(code) });
    }
  });

  test.each([undefined, null, "text", {}, { errors: ["text"] }, { errors: [] }, { code: "x" }, []])(
    "without a number is what its status says: %j",
    (body) => {
      expect(requestFailure(400, body)).toEqual({
        reason: "rejected",
        retryable: false,
        providerCode: "400",
      });
    },
  );
});
