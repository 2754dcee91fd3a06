import { type TestOutcome, testNumbers } from "./test-outcome.ts";

/** Chooses outcomes by destination: the last digits, the longest match wins. */
export interface OutcomeByNumber<Outcome> {
  /** @param outcomes one for all, or one per fax of which the last repeats */
  set(digits: string, outcomes: Outcome | readonly Outcome[]): void;
  choose(to: string): Outcome;
  /** Back to {@link testNumbers}. */
  reset(): void;
}

/**
 * Makes a script that starts with {@link testNumbers}. A leading plus sign plays no role.
 *
 * @param options.fallback for numbers that nothing names
 * @param options.preset the emulator's outcome for one of the test transport's, where it has one
 */
export function outcomeByNumber<Outcome>(options: {
  fallback: Outcome;
  preset: (name: TestOutcome) => Outcome | undefined;
}): OutcomeByNumber<Outcome> {
  const script = new Map<string, { outcomes: readonly Outcome[]; used: number }>();
  const plain = (number: string): string => number.replace(/^\+/, "");
  const set = (digits: string, outcomes: Outcome | readonly Outcome[]): void => {
    const list = Array.isArray(outcomes) ? [...(outcomes as readonly Outcome[])] : [outcomes as Outcome];
    script.set(plain(digits), { outcomes: list, used: 0 });
  };
  const reset = (): void => {
    script.clear();
    for (const [name, number] of Object.entries(testNumbers)) {
      const outcome = options.preset(name as TestOutcome);
      if (outcome !== undefined) set(number, outcome);
    }
  };
  reset();
  return {
    set,
    reset,
    choose(to) {
      const digits = [...script.keys()]
        .filter((end) => plain(to).endsWith(end))
        .sort((a, b) => b.length - a.length)[0];
      const entry = digits === undefined ? undefined : script.get(digits);
      const outcome = entry?.outcomes[Math.min(entry.used, entry.outcomes.length - 1)];
      if (entry) entry.used += 1;
      return outcome ?? options.fallback;
    },
  };
}
