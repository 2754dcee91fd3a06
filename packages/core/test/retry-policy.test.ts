import { describe, expect, it } from "vitest";
import { defaultRetryRules, planNextAttempt } from "../src/engine/retry-policy.ts";
import type { Attempt } from "../src/records/attempt.ts";
import type { FailureReason } from "../src/transport/fax-status.ts";

const now = new Date("2026-01-15T15:00:00Z");
const expiresAt = new Date("2026-01-16T15:00:00Z");

function attempt(number: number, transportId: string, reason: FailureReason, pages?: number): Attempt {
  return {
    tenantId: "default",
    id: String(number).padStart(32, "0"),
    faxId: "f".repeat(32),
    number,
    transportId,
    state: "failed",
    failure: { reason, retryable: true },
    checks: 0,
    fence: 1,
    createdAt: now,
    updatedAt: now,
    version: 2,
    ...(pages === undefined ? {} : { pages }),
  };
}

function plan(
  attempts: Attempt[],
  more: Partial<Parameters<typeof planNextAttempt>[0]> = {},
): ReturnType<typeof planNextAttempt> {
  return planNextAttempt({
    failure: attempts.at(-1)?.failure ?? { reason: "unknown", retryable: false },
    attempts,
    transports: ["one"],
    redials: "none",
    rules: defaultRetryRules,
    now,
    expiresAt,
    random: 0.5,
    ...more,
  });
}

const inMinutes = (minutes: number): Date => new Date(now.getTime() + minutes * 60_000);

describe("planNextAttempt", () => {
  it("waits longer from busy to busy and gives up after five retries", () => {
    const busy = (count: number): Attempt[] =>
      Array.from({ length: count }, (_, index) => attempt(index + 1, "one", "busy"));
    const waits = [1, 2, 3, 4, 5].map((count) => plan(busy(count)));
    expect(waits).toEqual(
      [3, 5, 15, 40, 40].map((minutes) => ({ type: "retry", transportId: "one", dueAt: inMinutes(minutes) })),
    );
    expect(plan(busy(6))).toEqual({ type: "give_up" });
  });

  it("counts each reason by itself", () => {
    const attempts = [attempt(1, "one", "busy"), attempt(2, "one", "no_answer"), attempt(3, "one", "busy")];
    expect(plan(attempts)).toEqual({ type: "retry", transportId: "one", dueAt: inMinutes(5) });
  });

  it.each<FailureReason>(["invalid_number", "rejected", "document", "expired", "unknown"])(
    "never tries again after %s",
    (reason) => {
      expect(plan([attempt(1, "one", reason)], { transports: ["one", "two"] })).toEqual({ type: "give_up" });
    },
  );

  it("never sends a fax again of which pages arrived", () => {
    expect(plan([attempt(1, "one", "transmission_error", 2)])).toEqual({ type: "give_up" });
    expect(plan([attempt(1, "one", "transmission_error", 0)]).type).toBe("retry");
  });

  it("fails over at once where our own side may be the cause, and not where the far end is", () => {
    const transports = ["one", "two"];
    for (const reason of ["account", "unavailable", "line_error"] as const) {
      expect(plan([attempt(1, "one", reason)], { transports })).toEqual({
        type: "retry",
        transportId: "two",
        dueAt: now,
      });
    }
    for (const reason of ["busy", "no_answer", "no_fax_tone"] as const) {
      expect(plan([attempt(1, "one", reason)], { transports })).toMatchObject({ transportId: "one" });
    }
    expect(plan([attempt(1, "one", "account"), attempt(2, "two", "account")], { transports }).type).toBe(
      "give_up",
    );
  });

  it("tries an unavailable provider until the fax expires, spread and no earlier than it asks", () => {
    const once = [attempt(1, "one", "unavailable")];
    expect(plan(once, { random: 0 })).toMatchObject({ dueAt: new Date(now.getTime() + 500) });
    expect(plan(once, { random: 1 })).toMatchObject({ dueAt: new Date(now.getTime() + 1_500) });
    expect(plan(once, { retryAfterMs: 30_000 })).toMatchObject({ dueAt: new Date(now.getTime() + 30_000) });
    const many = Array.from({ length: 100 }, (_, index) => attempt(index + 1, "one", "unavailable"));
    expect(plan(many)).toMatchObject({ type: "retry", dueAt: inMinutes(5) });
    expect(plan(many, { expiresAt: inMinutes(1) })).toEqual({ type: "give_up" });
  });

  it("leaves line conditions to a provider that always redials by itself", () => {
    expect(plan([attempt(1, "one", "busy")], { redials: "vendor" })).toEqual({ type: "give_up" });
    expect(plan([attempt(1, "one", "transmission_error")], { redials: "vendor" }).type).toBe("retry");
  });

  it("believes a provider that says trying again is useless", () => {
    const failure = { reason: "busy" as const, retryable: false };
    expect(plan([{ ...attempt(1, "one", "busy"), failure }], { failure })).toEqual({ type: "give_up" });
  });
});
