/**
 * Where a call is. `dialing`: taken, nothing heard of the far end yet; `ringing`; `answered`: the fax has not begun;
 * `transferring`: pages are on their way; `ended`.
 */
export type CallState = "dialing" | "ringing" | "answered" | "transferring" | "ended";

/** Something that happens in a call. */
export interface CallStep {
  /** The state that it brings. */
  state: CallState;
  /** When, as a part of the whole time: 0 to 1. */
  at: number;
  run(): void;
}

/** The calls' clock: lets their steps happen one by one, and stops them where it is told. */
export interface CallTimelines {
  /** Calls that reach this state stay in it until `resume`, or until somebody hangs up. May be changed. */
  pauseAt: CallState | undefined;
  /** Clears `pauseAt` and lets every call go on. */
  resume(): void;
  /** Resolves when a call enters the state (each counts once), at once when one did since the last time. */
  reached(state: CallState): Promise<void>;
  /**
   * Starts a call; its steps are in order of time and never happen before this returns.
   *
   * @param now true: one right after the other, whatever `pauseAt` says
   */
  start(call: { state: CallState }, steps: readonly CallStep[], now?: boolean): CallTimeline;
  /** Whether some call will go on by itself. */
  readonly busy: boolean;
  /** Stops every call where it is. */
  clear(): void;
}

/** The steps of one call that are still to come. */
export interface CallTimeline {
  /** Nothing further happens by itself. */
  stop(): void;
}

/** @param totalMs from a call's beginning to its end, in milliseconds; `Infinity` stops after the first step */
export function callTimelines(totalMs: () => number): CallTimelines {
  const running = new Set<CallTimeline>();
  const held = new Set<() => void>();
  const passed = new Map<CallState, number>();
  const waiting: { state: CallState; resolve(): void }[] = [];

  const note = (state: CallState): void => {
    const index = waiting.findIndex((each) => each.state === state);
    if (index >= 0) waiting.splice(index, 1)[0]?.resolve();
    else passed.set(state, (passed.get(state) ?? 0) + 1);
  };
  const timelines: CallTimelines = {
    pauseAt: undefined,
    resume() {
      timelines.pauseAt = undefined;
      for (const proceed of [...held]) proceed();
    },
    reached(state) {
      const times = passed.get(state) ?? 0;
      if (times > 0) {
        passed.set(state, times - 1);
        return Promise.resolve();
      }
      return new Promise((resolve) => waiting.push({ state, resolve }));
    },
    start(call, steps, now = false) {
      let timer: NodeJS.Timeout | undefined;
      let proceed: (() => void) | undefined;
      let next = 0;
      const timeline: CallTimeline = {
        stop() {
          clearTimeout(timer);
          if (proceed) held.delete(proceed);
          running.delete(timeline);
        },
      };
      const go = (): void => {
        const step = steps[next];
        if (!step) {
          timeline.stop();
          return;
        }
        const before = steps[next - 1]?.at ?? 0;
        const ms = now || step.at === before ? 0 : (step.at - before) * totalMs();
        if (ms !== Number.POSITIVE_INFINITY) timer = setTimeout(() => act(step), ms);
      };
      const act = (step: CallStep): void => {
        const enters = next === 0 && step.state === call.state;
        if (!now && !enters && timelines.pauseAt === call.state) {
          proceed = () => {
            if (proceed) held.delete(proceed);
            act(step);
          };
          held.add(proceed);
          return;
        }
        next += 1;
        const entered = step.state !== call.state || next === 1;
        call.state = step.state;
        step.run();
        if (entered) note(step.state);
        if (running.has(timeline)) go();
      };
      running.add(timeline);
      go();
      return timeline;
    },
    get busy() {
      return running.size > held.size && totalMs() !== Number.POSITIVE_INFINITY;
    },
    clear() {
      for (const timeline of running) timeline.stop();
      held.clear();
    },
  };
  return timelines;
}
