import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AttemptSignal, attemptTransition, signalOfReport } from "../src/engine/attempt-transition.ts";
import { type AttemptState, openAttemptStates } from "../src/records/attempt.ts";

const states: AttemptState[] = [...openAttemptStates, "delivered", "failed", "canceled"];
const signals: AttemptSignal[] = [
  "intend",
  "accepted",
  "progress",
  "delivered",
  "failed",
  "canceled",
  "lost",
];
const final: AttemptState[] = ["delivered", "failed", "canceled"];

function run(state: AttemptState, list: AttemptSignal[]): { state: AttemptState; contradicted: boolean } {
  let contradicted = false;
  for (const signal of list) {
    const next = attemptTransition(state, signal);
    if (next === "contradiction") contradicted = true;
    else if (next !== "ignore") state = next;
  }
  return { state, contradicted };
}

function permutations<T>(list: T[]): T[][] {
  if (list.length < 2) return [list];
  return list.flatMap((first, index) =>
    permutations(list.toSpliced(index, 1)).map((rest) => [first, ...rest]),
  );
}

describe("attemptTransition", () => {
  it("never leaves a final state", () => {
    for (const state of final) {
      for (const signal of signals) {
        expect(["ignore", "contradiction"]).toContain(attemptTransition(state, signal));
      }
    }
  });

  it("reaches the wire only from prepared", () => {
    for (const state of states) {
      expect(attemptTransition(state, "intend")).toBe(state === "prepared" ? "submitting" : "ignore");
    }
  });

  it("never goes back to a state in which the fax could be dialled again", () => {
    fc.assert(
      fc.property(fc.constantFrom(...states), fc.array(fc.constantFrom(...signals)), (state, list) => {
        const end = run(state, list).state;
        if (state !== "prepared") expect(end).not.toBe("prepared");
      }),
    );
  });

  it("does nothing the second time", () => {
    fc.assert(
      fc.property(fc.constantFrom(...states), fc.constantFrom(...signals), (state, signal) => {
        const once = run(state, [signal]).state;
        expect(run(once, [signal]).state).toBe(once);
      }),
    );
  });

  it.each<AttemptSignal>(["delivered", "failed", "canceled"])(
    "ends in the same state whatever the order of a provider's reports that end in %s",
    (last) => {
      const reports: AttemptSignal[] = ["accepted", "accepted", "progress", "progress", last];
      for (const order of permutations(reports)) {
        expect(run("submitting", order)).toEqual({ state: last, contradicted: false });
      }
    },
  );

  it("lets proof resolve an unknown outcome, and flags proof against a final state", () => {
    expect(run("submitting", ["lost", "delivered"])).toEqual({ state: "delivered", contradicted: false });
    expect(run("submitting", ["failed", "delivered"])).toEqual({ state: "failed", contradicted: true });
    expect(run("submitting", ["delivered", "failed"])).toEqual({ state: "delivered", contradicted: true });
    expect(run("submitting", ["canceled", "failed"])).toEqual({ state: "canceled", contradicted: false });
  });

  it("takes an unmapped word for no more than that the provider has the fax", () => {
    expect(signalOfReport({ providerId: "1", status: "unmapped", providerStatus: "HALF_WAY" })).toBe(
      "accepted",
    );
  });
});
