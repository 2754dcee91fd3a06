import { type CallOutcome, courseOf } from "../exchange/call-outcome.ts";
import type { CallStep, CallTimelines } from "../exchange/call-timeline.ts";
import { openFaxFile, spandsp3Rules } from "../exchange/exchange-call.ts";
import type { OutcomeByNumber } from "../outcome-by-number.ts";
import { timerSet } from "../timer-set.ts";
import type { EslChannel, EslEvents } from "./esl-emulator-events.ts";
import type { EslCall } from "./esl-emulator-options.ts";
import { type EslLiveCall, eslProgress } from "./esl-emulator-progress.ts";
import type { EslEvent } from "./esl-message.ts";
import type { EslDial } from "./esl-originate.ts";

/** The calls that the emulator makes, and what it says of them. */
export interface EslCalls {
  readonly faxes: readonly EslCall[];
  live(): { call: EslCall; channel: EslChannel }[];
  /**
   * @param done called with the answer of `originate`: `+OK <uuid>` once the far end answered, `-ERR <cause>` otherwise
   */
  dial(dial: EslDial, uuid: string, done: (answer: string) => void): void;
  /** @returns whether there was such a channel */
  kill(uuid: string, cause: string): boolean;
  finish(id: string, outcome?: CallOutcome): void;
  readonly settled: boolean;
  forget(): void;
  reset(): void;
}

const stateOrder = ["dialing", "ringing", "answered", "transferring", "ended"];

/** Makes the part of the emulator that dials. */
export function eslCalls(parts: {
  script: OutcomeByNumber<CallOutcome>;
  timelines: CallTimelines;
  secondMs: number;
  events: EslEvents;
  emit: (event: EslEvent) => void;
  /** Told when a fax is over. */
  ended: (call: EslCall, result: { success: boolean; text: string; pages: number }) => void;
}): EslCalls {
  const { script, timelines, secondMs, events, emit } = parts;
  const faxes: EslCall[] = [];
  const live = new Map<string, EslLiveCall>();
  const limits = timerSet();
  let opening = 0;
  let sessions = 0;

  const progress = eslProgress({
    events,
    emit,
    ended: parts.ended,
    gone(one) {
      one.timeline?.stop();
      one.unlimit();
      live.delete(one.call.id);
    },
  });

  const finalStep = (one: EslLiveCall): (() => void) | undefined => {
    const { course, file } = one;
    const normal = { cause: "NORMAL_CLEARING", number: 16 };
    if (file?.refusal === "missing") {
      return () => progress.endWithoutResult(one, "Cannot send non-existant fax file");
    }
    if (course.kind === "hangs_up") return () => progress.endWithoutResult(one, undefined);
    if (course.kind === "stuck" || course.kind === "silent") return undefined;
    if (file?.refusal !== undefined) {
      const code = file.refusal;
      return () => progress.endAnswered(one, code, { ...normal, by: "far end" });
    }
    if (course.kind === "cut") return () => progress.endAnswered(one, 49, { ...normal, by: "far end" });
    const code = course.kind === "result" ? course.t30 : 0;
    return () => progress.endAnswered(one, code, { ...normal, by: code === 2 ? "us" : "far end" });
  };

  const openAndGoOn = (one: EslLiveCall, now: boolean): void => {
    opening += 1;
    void openFaxFile(one.call.path, spandsp3Rules).then((file) => {
      opening -= 1;
      if (one.call.state !== "answered" || !live.has(one.call.id)) return;
      one.file = file;
      one.call.document = file.document;
      one.call.pages = file.pages;
      const { course } = one;
      const end = finalStep(one);
      const begun = file.refusal !== "missing" && course.kind !== "hangs_up";
      const pages =
        file.refusal !== undefined
          ? 0
          : course.kind === "delivered"
            ? file.pages
            : course.kind === "result"
              ? Math.min(course.pages ?? 0, file.pages)
              : course.kind === "cut" || course.kind === "stuck"
                ? Math.min(1, file.pages - 1)
                : 0;
      const steps: CallStep[] = [];
      if (begun) steps.push({ state: "transferring", at: 0.1, run: () => progress.begin(one) });
      for (let index = 0; begun && index < pages; index += 1) {
        steps.push({
          state: "transferring",
          at: 0.1 + (0.3 * (index + 1)) / pages,
          run: () => progress.page(one),
        });
      }
      if (end) steps.push({ state: "ended", at: 0.5, run: end });
      one.timeline = timelines.start(one.call, steps, now);
    });
  };

  /** Clients limit a call by letting the exchange schedule its end. */
  const limitCall = (one: EslLiveCall): void => {
    const { channel } = one;
    const limit = /sched_hangup[ :]+\+?(\d+)/.exec(
      `${channel.variables.get("execute_on_answer") ?? ""} ${channel.variables.get("api_on_answer") ?? ""}`,
    );
    if (limit) {
      one.unlimit = limits.later(Number(limit[1]) * secondMs, () => {
        if (live.get(one.call.id) === one) progress.kill(one, "ALLOTTED_TIMEOUT", 602);
      });
    }
  };

  const startSteps = (one: EslLiveCall, now: boolean): void => {
    const { course, channel } = one;
    const create: CallStep = {
      state: "dialing",
      at: 0,
      run: () => progress.create(one),
    };
    const ring: CallStep = {
      state: "ringing",
      at: 0.3,
      run() {
        progress.ring(one);
        if (course.kind !== "ringing") return;
        const seconds = Number(channel.variables.get("originate_timeout") || 60);
        one.unlimit = limits.later(seconds * secondMs, () => {
          if (one.call.state === "ringing") progress.endUnanswered(one, 19, 487);
        });
      },
    };
    const steps: CallStep[] = [];
    if (course.kind === "unanswered") {
      const { cause, sip } = course;
      if (cause === 19) steps.push(ring);
      steps.push({ state: "ended", at: 0.6, run: () => progress.endUnanswered(one, cause, sip) });
    } else if (course.kind === "ringing") steps.push(ring);
    else {
      const pick: CallStep = {
        state: "answered",
        at: 0.5,
        run() {
          progress.answer(one);
          limitCall(one);
          openAndGoOn(one, now);
        },
      };
      steps.push(ring, pick);
    }
    const from = stateOrder.indexOf(one.call.state);
    const rest = steps.filter(({ state }) => stateOrder.indexOf(state) > from);
    one.timeline = timelines.start(one.call, from === 0 && !now ? [create, ...rest] : rest, now);
  };

  return {
    faxes,
    live: () => [...live.values()].map(({ call, channel }) => ({ call, channel })),
    dial(dial, uuid, done) {
      const { variables } = dial;
      sessions += 1;
      const callerNumber = variables.origination_caller_id_number ?? "0000000000";
      const callerName = variables.origination_caller_id_name ?? "";
      const outcome = script.choose(dial.to);
      const one: EslLiveCall = {
        course: courseOf(outcome),
        call: {
          id: uuid,
          direction: "outbound",
          gateway: dial.gateway,
          to: dial.to,
          from: callerNumber,
          variables,
          path: dial.argument,
          startedAt: new Date(),
          outcome,
          state: "dialing",
          document: undefined,
          pages: 0,
          confirmedPages: 0,
          result: undefined,
        },
        channel: {
          uuid,
          direction: "outbound",
          name: `sofia/fax/${dial.to}`,
          state: "CS_INIT",
          callState: "DOWN",
          answerState: "ringing",
          callerName,
          callerNumber,
          calleeName: "Outbound Call",
          calleeNumber: dial.to,
          originalName: callerName,
          originalNumber: callerNumber,
          destination: dial.to,
          executing: false,
          hangupCause: undefined,
          createdAt: new Date(),
          answeredAt: undefined,
          progressAt: undefined,
          endedAt: undefined,
          variables: new Map(
            Object.entries({
              direction: "outbound",
              is_outbound: "true",
              uuid,
              call_uuid: uuid,
              session_id: String(sessions),
              sip_gateway_name: dial.gateway,
              sip_profile_name: "gateway",
              channel_name: `sofia/fax/${dial.to}`,
              ...(variables.origination_uuid === undefined ? {} : { origination_uuid: uuid }),
              ...Object.fromEntries(
                Object.entries(variables).filter(([name]) => name !== "origination_uuid"),
              ),
              originate_early_media: "false",
              originate_endpoint: "sofia",
              sofia_profile_name: "fax",
              recovery_profile_name: "fax",
              sofia_profile_url: "sip:mod_sofia@127.0.0.1:5080",
            }),
          ),
        },
        timeline: undefined,
        unlimit: () => {},
        file: undefined,
        transferred: 0,
        negotiated: false,
        done,
      };
      faxes.push(one.call);
      live.set(uuid, one);
      startSteps(one, false);
    },
    kill(uuid, cause) {
      const one = live.get(uuid);
      if (!one) return false;
      one.timeline?.stop();
      setImmediate(() => {
        if (!live.has(uuid)) return;
        progress.kill(one, cause, 16);
      });
      return true;
    },
    finish(id, outcome = "delivered") {
      const one = live.get(id);
      if (!one) throw new RangeError(`there is no call ${id} that goes on`);
      one.timeline?.stop();
      one.call.outcome = outcome;
      one.course = courseOf(outcome);
      if (one.call.state === "answered") openAndGoOn(one, true);
      else if (one.call.state === "transferring") {
        const { course, file } = one;
        const wanted =
          course.kind === "delivered"
            ? (file?.pages ?? 0)
            : course.kind === "result"
              ? (course.pages ?? 0)
              : 0;
        while (one.transferred < wanted) progress.page(one);
        finalStep(one)?.();
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
