import { type CallCourse, type CallOutcome, courseOf, q850, t30Sentence } from "../exchange/call-outcome.ts";
import type { CallStep, CallTimeline, CallTimelines } from "../exchange/call-timeline.ts";
import { type OpenedFile, openFaxFile, spandsp3Rules } from "../exchange/exchange-call.ts";
import type { OutcomeByNumber } from "../outcome-by-number.ts";
import { timerSet } from "../timer-set.ts";
import {
  type EslChannel,
  type EslEvents,
  type EslFaxResult,
  noteFaxResult,
  noteNegotiation,
  notePage,
  setVariables,
} from "./esl-emulator-events.ts";
import type { EslCall } from "./esl-emulator-options.ts";
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

interface LiveCall {
  call: EslCall;
  channel: EslChannel;
  course: CallCourse;
  timeline: CallTimeline | undefined;
  /** Takes the limit of the exchange back. */
  unlimit: () => void;
  file: OpenedFile | undefined;
  transferred: number;
  /** Whether the far end's machine was heard. */
  negotiated: boolean;
  done: (answer: string) => void;
}

/** What the signalling says when this end hangs up: before an answer, and after. */
const canceled = {
  after: {
    sip_hangup_disposition: "send_cancel",
    sip_invite_failure_status: "487",
    sip_invite_failure_phrase: "CANCEL",
  },
};
const ended = { after: { sip_hangup_disposition: "send_bye" } };

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
  const live = new Map<string, LiveCall>();
  const limits = timerSet();
  let opening = 0;
  let sessions = 0;

  const t38Of = ({ channel, course }: LiveCall): EslFaxResult["t38"] => {
    if (channel.variables.get("fax_enable_t38") !== "true") return "off";
    return course.kind === "silent" || (course.kind === "result" && course.t30 === 2)
      ? "refused"
      : "negotiated";
  };
  const resolution = ({ file }: LiveCall): string => {
    if (!file || file.refusal !== undefined) return "0x0";
    if (file.width === 200) return "7874x7874";
    return `8040x${{ 98: 3850, 196: 7700, 391: 15_400 }[file.resolution] ?? 3850}`;
  };
  const stations = ({ call, channel, negotiated }: LiveCall) => ({
    localStation: channel.variables.get("fax_ident") ?? "",
    remoteStation: negotiated ? `+${call.to.replace("+", "")}` : "",
  });

  /** @param told variables that the signalling sets: before the channel notes its own end, when the far end ended it, or after */
  const hangup = (
    one: LiveCall,
    cause: string,
    number: number,
    told: { before?: Record<string, string>; after?: Record<string, string> },
  ): void => {
    const { channel, call } = one;
    const seconds = String(Math.round((Date.now() - channel.createdAt.getTime()) / 1000));
    Object.assign(channel, {
      state: "CS_REPORTING",
      callState: "HANGUP",
      answerState: "hangup",
      hangupCause: cause,
      endedAt: new Date(),
    });
    const { executing, callerName, callerNumber } = channel;
    setVariables(channel, {
      ...told.before,
      hangup_cause: cause,
      hangup_cause_q850: String(number),
      digits_dialed: "none",
      hold_accum_seconds: "0",
      hold_accum_ms: "0",
      ...(executing ? { last_app: "txfax", last_arg: call.path } : {}),
      caller_id: `"${callerName}" <${callerNumber}>`,
      duration: seconds,
      billsec: channel.answeredAt ? seconds : "0",
      ...told.after,
    });
    emit(events.channel("CHANNEL_HANGUP_COMPLETE", channel));
    one.timeline?.stop();
    one.unlimit();
    call.state = "ended";
    live.delete(call.id);
  };

  const endUnanswered = (one: LiveCall, number: number, sip: number): void => {
    const cause = q850(number).name;
    one.call.result = cause;
    if (number === 19) {
      // The caller's patience is over: the answer comes first, the end of the channel after it.
      one.done(`-ERR ${cause}\n`);
      hangup(one, cause, number, canceled);
    } else {
      const before = {
        sip_hangup_disposition: "recv_refuse",
        sip_invite_failure_status: String(sip),
        sip_invite_failure_phrase: q850(number).sipPhrase,
        sip_reason: `Q.850;cause=${number};text="${cause}"`,
        sip_term_status: String(sip),
        proto_specific_hangup_cause: `sip:${sip}`,
        sip_term_cause: String(number),
      };
      hangup(one, cause, number, { before });
      one.done(`-ERR ${cause}\n`);
    }
    parts.ended(one.call, { success: false, text: cause, pages: 0 });
  };

  const answer = (one: LiveCall): void => {
    const { channel } = one;
    Object.assign(channel, { state: "CS_CONSUME_MEDIA", answerState: "answered", answeredAt: new Date() });
    emit(events.channel("CHANNEL_ANSWER", channel));
    one.done(`+OK ${channel.uuid}\n`);
    const limit = /sched_hangup[ :]+\+?(\d+)/.exec(
      `${channel.variables.get("execute_on_answer") ?? ""} ${channel.variables.get("api_on_answer") ?? ""}`,
    );
    if (limit) {
      one.unlimit = limits.later(Number(limit[1]) * secondMs, () =>
        killAnswered(one, "ALLOTTED_TIMEOUT", 602),
      );
    }
  };

  /** The application begins: the channel goes through the dialplan, and the caller's id is turned round. */
  const execute = (one: LiveCall): void => {
    const { channel, call } = one;
    setVariables(channel, {
      endpoint_disposition: "ANSWER",
      pre_transfer_caller_id_name: channel.callerName,
      pre_transfer_caller_id_number: channel.callerNumber,
      channel_cid_flipped: "yes",
      call_uuid: channel.uuid,
      current_application_data: call.path,
      current_application: "txfax",
    });
    const { callerName, callerNumber, calleeName, calleeNumber } = channel;
    Object.assign(channel, {
      state: "CS_EXECUTE",
      callState: "ACTIVE",
      executing: true,
      callerName: calleeName,
      callerNumber: calleeNumber,
      calleeName: callerName,
      calleeNumber: callerNumber,
    });
  };

  const begin = (one: LiveCall): void => {
    execute(one);
    const { channel, call, course } = one;
    const t38 = t38Of(one);
    setVariables(channel, {
      ...(t38 === "negotiated" ? { has_t38: "true" } : {}),
      fax_v17_disabled: channel.variables.get("fax_disable_v17") === "true" ? "1" : "0",
      fax_ecm_requested: channel.variables.get("fax_use_ecm") === "false" ? "0" : "1",
      fax_filename: call.path,
      ...(t38 === "refused"
        ? {
            sip_hangup_disposition: "recv_refuse",
            sip_invite_failure_status: "488",
            sip_invite_failure_phrase: "Not Acceptable Here",
          }
        : {}),
    });
    if (course.kind === "silent" || (course.kind === "result" && course.t30 <= 6)) return;
    one.negotiated = true;
    const more = noteNegotiation(channel, { t38, ecm: ecmOf(channel), rate: "14400", ...stations(one) });
    emit(events.channel("CUSTOM", channel, more, "spandsp::txfaxnegociateresult"));
  };

  const page = (one: LiveCall): void => {
    one.transferred += 1;
    one.call.confirmedPages = one.transferred;
    const height = Number(/x(\d+)/.exec(resolution(one))?.[1] ?? 3850) === 3850 ? 1078 : 2156;
    const total = one.file?.pages ?? 0;
    const more = notePage(one.channel, {
      transferred: one.transferred,
      total,
      resolution: resolution(one),
      height,
    });
    emit(events.channel("CUSTOM", one.channel, more, "spandsp::txfaxpageresult"));
  };

  const endAnswered = (
    one: LiveCall,
    code: number,
    end: { cause: string; number: number; by: "far end" | "us" },
  ): void => {
    const { channel, call } = one;
    const text = t30Sentence(code);
    call.result = code === 0 ? "SUCCESS" : text;
    if (end.by === "far end") {
      Object.assign(channel, { answerState: "hangup", hangupCause: end.cause });
      setVariables(channel, {
        sip_reason: `Q.850;cause=${end.number};text="${end.cause}"`,
        sip_term_status: "200",
        proto_specific_hangup_cause: "sip:200",
        sip_term_cause: String(end.number),
        sip_hangup_disposition: "recv_bye",
      });
    } else if (code === 49) Object.assign(channel, { answerState: "hangup", hangupCause: end.cause });
    const t38 = t38Of(one);
    const more = noteFaxResult(channel, {
      success: code === 0,
      code,
      text,
      transferred: one.transferred,
      total: one.negotiated ? (one.file?.pages ?? 0) : 0,
      resolution: one.transferred > 0 ? resolution(one) : "0x0",
      t38,
      ecm: one.negotiated ? ecmOf(channel) : "off",
      rate: "14400",
      ...stations(one),
    });
    emit(events.channel("CUSTOM", channel, more, "spandsp::txfaxresult"));
    hangup(one, end.cause, end.number, end.by === "us" ? ended : {});
    parts.ended(call, { success: code === 0, text, pages: one.transferred });
  };

  /** The application never came to a result: nothing but the end of the channel is told. */
  const endWithoutResult = (one: LiveCall, response: string | undefined): void => {
    if (!one.channel.executing) execute(one);
    setVariables(one.channel, { current_application_response: response });
    one.call.result = response ?? "NORMAL_CLEARING";
    const byFarEnd = { before: { sip_hangup_disposition: "recv_bye" } };
    hangup(one, "NORMAL_CLEARING", 16, response === undefined ? byFarEnd : ended);
    parts.ended(one.call, { success: false, text: one.call.result, pages: 0 });
  };

  const killAnswered = (one: LiveCall, cause: string, number: number): void => {
    if (!live.has(one.call.id)) return;
    if (one.call.state === "answered") {
      execute(one);
      hangup(one, cause, number, ended);
      parts.ended(one.call, { success: false, text: cause, pages: 0 });
    } else endAnswered(one, 49, { cause, number, by: "us" });
  };

  const finalStep = (one: LiveCall): (() => void) | undefined => {
    const { course, file } = one;
    const normal = { cause: "NORMAL_CLEARING", number: 16 };
    if (file?.refusal === "missing") {
      return () => endWithoutResult(one, "Cannot send non-existant fax file");
    }
    if (course.kind === "hangs_up") return () => endWithoutResult(one, undefined);
    if (course.kind === "stuck" || course.kind === "silent") return undefined;
    if (file?.refusal !== undefined) {
      const code = file.refusal;
      return () => endAnswered(one, code, { ...normal, by: "far end" });
    }
    if (course.kind === "cut") return () => endAnswered(one, 49, { ...normal, by: "far end" });
    const code = course.kind === "result" ? course.t30 : 0;
    return () => endAnswered(one, code, { ...normal, by: code === 2 ? "us" : "far end" });
  };

  const openAndGoOn = (one: LiveCall, now: boolean): void => {
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
      if (begun) steps.push({ state: "transferring", at: 0.1, run: () => begin(one) });
      for (let index = 0; begun && index < pages; index += 1) {
        steps.push({ state: "transferring", at: 0.1 + (0.3 * (index + 1)) / pages, run: () => page(one) });
      }
      if (end) steps.push({ state: "ended", at: 0.5, run: end });
      one.timeline = timelines.start(one.call, steps, now);
    });
  };

  const startSteps = (one: LiveCall, now: boolean): void => {
    const { course, channel } = one;
    const create: CallStep = {
      state: "dialing",
      at: 0,
      run: () => emit(events.channel("CHANNEL_CREATE", channel)),
    };
    const ring: CallStep = {
      state: "ringing",
      at: 0.3,
      run() {
        Object.assign(channel, { state: "CS_CONSUME_MEDIA", progressAt: new Date() });
        emit(events.channel("CHANNEL_PROGRESS", channel));
        if (course.kind !== "ringing") return;
        const seconds = Number(channel.variables.get("originate_timeout") || 60);
        one.unlimit = limits.later(seconds * secondMs, () => {
          if (one.call.state === "ringing") endUnanswered(one, 19, 487);
        });
      },
    };
    const steps: CallStep[] = [];
    if (course.kind === "unanswered") {
      const { cause, sip } = course;
      if (cause === 19) steps.push(ring);
      steps.push({ state: "ended", at: 0.6, run: () => endUnanswered(one, cause, sip) });
    } else if (course.kind === "ringing") steps.push(ring);
    else {
      const pick: CallStep = {
        state: "answered",
        at: 0.5,
        run() {
          answer(one);
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
      const one: LiveCall = {
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
        if (one.channel.answerState === "answered") {
          killAnswered(one, cause, 16);
          return;
        }
        one.call.result = cause;
        hangup(one, cause, 16, canceled);
        one.done(`-ERR ${cause}\n`);
        parts.ended(one.call, { success: false, text: cause, pages: 0 });
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
        while (one.transferred < wanted) page(one);
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

function ecmOf(channel: EslChannel): "on" | "off" {
  return channel.variables.get("fax_use_ecm") === "false" ? "off" : "on";
}
