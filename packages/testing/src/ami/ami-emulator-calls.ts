import { type CallOutcome, courseOf } from "../exchange/call-outcome.ts";
import type { CallStep, CallTimelines } from "../exchange/call-timeline.ts";
import { openFaxFile, spandsp0Rules } from "../exchange/exchange-call.ts";
import type { OutcomeByNumber } from "../outcome-by-number.ts";
import { timerSet } from "../timer-set.ts";
import type { AmiDialplan } from "./ami-dialplan.ts";
import type { AmiChannel, AmiEvent } from "./ami-emulator-events.ts";
import type { AmiCall } from "./ami-emulator-options.ts";
import { type AmiLiveCall, amiProgress } from "./ami-emulator-progress.ts";

/** A call that was asked for, checked. */
export interface AmiDial {
  actionId: string | undefined;
  /** As it was given, e.g. `PJSIP/12025550150@trunk`. */
  dialString: string;
  endpoint: string;
  /** Digits. */
  to: string;
  uniqueId: string;
  context: string;
  exten: string;
  callerNumber: string;
  callerName: string;
  variables: Record<string, string>;
  /** Milliseconds that it may ring. */
  timeoutMs: number;
}

/** The calls that the emulator makes, and what it says of them. */
export interface AmiCalls {
  readonly faxes: readonly AmiCall[];
  /** Channels that are up, with how they look in lists. */
  live(): { call: AmiCall; channel: AmiChannel }[];
  /** @param ended called when there is nothing more to expect of the dial: true when it was answered */
  dial(dial: AmiDial, ended?: (answered: boolean) => void): void;
  /** @param name Uniqueid or channel @returns whether there was such a channel */
  hangUp(name: string): boolean;
  finish(id: string, outcome?: CallOutcome): void;
  /** Nothing ends by itself any more. */
  readonly settled: boolean;
  /** All channels are gone, and nobody is told. */
  forget(): void;
  reset(): void;
}

const stateOrder = ["dialing", "ringing", "answered", "transferring", "ended"];

/** Makes the part of the emulator that dials. */
export function amiCalls(parts: {
  script: OutcomeByNumber<CallOutcome>;
  endpoints: Readonly<Record<string, { t38: boolean }>>;
  dialplan: AmiDialplan;
  database: Map<string, string>;
  timelines: CallTimelines;
  secondMs: number;
  nextChannel: () => string;
  emit: (event: AmiEvent) => void;
}): AmiCalls {
  const { script, endpoints, dialplan, database, timelines, secondMs, emit } = parts;
  const faxes: AmiCall[] = [];
  const live = new Map<string, AmiLiveCall>();
  const limits = timerSet();
  let opening = 0;

  const progress = amiProgress({
    dialplan,
    database,
    emit,
    gone(one) {
      one.timeline?.stop();
      one.unlimit();
      live.delete(one.call.id);
    },
  });

  const stepsOf = (one: AmiLiveCall): CallStep[] => {
    const { course } = one;
    const ring: CallStep = {
      state: "ringing",
      at: 0.3,
      run() {
        progress.ring(one);
        if (course.kind !== "ringing") return;
        one.unlimit = limits.later((one.dial.timeoutMs / 1000) * secondMs, () => {
          if (one.call.state === "ringing") progress.endUnanswered(one, 19, 480);
        });
      },
    };
    if (course.kind === "ringing") return [ring];
    if (course.kind === "unanswered") {
      const end: CallStep = {
        state: "ended",
        at: 0.6,
        run: () => progress.endUnanswered(one, course.cause, course.sip),
      };
      return course.cause === 19 ? [ring, end] : [end];
    }
    return [ring, { state: "answered", at: 0.5, run: () => progress.answer(one) }];
  };

  /** After the answer the dialplan opens the file, which takes a moment. */
  const openAndGoOn = (one: AmiLiveCall, now: boolean): void => {
    opening += 1;
    void openFaxFile(one.call.path, spandsp0Rules).then((file) => {
      opening -= 1;
      if (one.call.state !== "answered" || !live.has(one.call.id)) return;
      one.file = file;
      one.call.document = file.document;
      one.call.pages = file.pages;
      const options = one.call.variables.FAXBOT_OPTS || "zfs";
      const t38 = endpoints[one.dial.endpoint]?.t38 === true && !options.includes("F");
      one.mode = t38 ? "T38" : "audio";
      const end: CallStep = {
        state: "ended",
        at: 0.5,
        run: () => progress.endAnswered(one, progress.resultOf(one)),
      };
      const cannotNegotiate = !t38 && !options.toLowerCase().includes("f");
      if (cannotNegotiate) one.course = { kind: "hangs_up" };
      const { kind } = one.course;
      const begun = file.refusal !== "missing" && kind !== "hangs_up";
      const steps: CallStep[] = [];
      if (begun) steps.push({ state: "transferring", at: 0.15, run: () => progress.transfer(one) });
      if (kind !== "stuck" && kind !== "silent") steps.push(end);
      one.timeline = timelines.start(one.call, steps, now);
      // The exchange's own limit, without which a silent call would last for ever.
      one.unlimit = limits.later(Number(one.call.variables.FAXBOT_MAXSECS || 1200) * secondMs, () => {
        if (live.get(one.call.id) !== one) return;
        progress.endAnswered(one, progress.cutOff(one, { hangupCause: 0, resolution: "0x0" }));
      });
    });
  };

  const startSteps = (one: AmiLiveCall, now: boolean): void => {
    const from = stateOrder.indexOf(one.call.state);
    const steps = stepsOf(one)
      .filter(({ state }) => stateOrder.indexOf(state) > from)
      .map((step) =>
        step.state === "answered"
          ? {
              ...step,
              run() {
                step.run();
                openAndGoOn(one, now);
              },
            }
          : step,
      );
    const first: CallStep = {
      state: "dialing",
      at: 0,
      run: () => progress.dial(one),
    };
    one.timeline = timelines.start(one.call, from === 0 && !now ? [first, ...steps] : steps, now);
  };

  return {
    faxes,
    live: () => [...live.values()].map(({ call, channel }) => ({ call, channel })),
    dial(dial, ended) {
      const { callerNumber, callerName } = dial;
      const channelName = `PJSIP/${dial.endpoint}-${parts.nextChannel()}`;
      const refused = live.has(dial.uniqueId) || endpoints[dial.endpoint] === undefined;
      const outcome = refused ? "stuck" : script.choose(dial.to);
      const one: AmiLiveCall = {
        dial,
        course: courseOf(outcome),
        call: {
          id: dial.uniqueId,
          direction: "outbound",
          channel: channelName,
          endpoint: dial.endpoint,
          actionId: dial.actionId,
          to: dial.to,
          from: callerNumber || undefined,
          variables: dial.variables,
          path: dial.variables.FAXBOT_FILE ?? "",
          startedAt: new Date(),
          outcome,
          state: "dialing",
          document: undefined,
          pages: 0,
          confirmedPages: 0,
          result: undefined,
        },
        channel: {
          channel: channelName,
          state: 0,
          callerNumber,
          callerName,
          connectedNumber: callerNumber,
          connectedName: callerName,
          context: "fax-inbound",
          exten: "s",
          priority: 1,
          uniqueId: dial.uniqueId,
        },
        timeline: undefined,
        unlimit: () => {},
        file: undefined,
        mode: "audio",
        responded: false,
        ended,
      };
      if (refused) {
        // No channel comes to be, so no hangup is ever told: neither for an id in use nor for an unknown endpoint.
        limits.later(10, () => progress.respond(one, false, 0));
        return;
      }
      faxes.push(one.call);
      live.set(dial.uniqueId, one);
      startSteps(one, false);
    },
    hangUp(name) {
      const one = live.get(name) ?? [...live.values()].find(({ channel }) => channel.channel === name);
      if (!one) return false;
      one.timeline?.stop();
      setImmediate(() => {
        if (!live.has(one.call.id)) return;
        one.call.result = "hung up";
        if (one.channel.state === 6) {
          progress.endAnswered(one, progress.cutOff(one));
        } else progress.cancel(one);
      });
      return true;
    },
    finish(id, outcome = "delivered") {
      const one = live.get(id);
      if (!one) throw new RangeError(`there is no call ${id} that goes on`);
      one.timeline?.stop();
      one.call.outcome = outcome;
      one.course = courseOf(outcome);
      const { state } = one.call;
      if (state === "answered") openAndGoOn(one, true);
      else if (state === "transferring") {
        progress.endAnswered(one, progress.resultOf(one));
      } else startSteps(one, true);
    },
    get settled() {
      return !timelines.busy && opening === 0;
    },
    forget() {
      for (const { timeline, call } of live.values()) {
        timeline?.stop();
        call.state = "ended";
        call.result = "forgotten";
      }
      live.clear();
      limits.clear();
    },
    reset() {
      faxes.length = 0;
    },
  };
}
