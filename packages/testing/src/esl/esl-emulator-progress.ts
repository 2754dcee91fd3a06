import { type CallCourse, q850, t30Sentence } from "../exchange/call-outcome.ts";
import type { CallTimeline } from "../exchange/call-timeline.ts";
import type { OpenedFile } from "../exchange/exchange-call.ts";
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

/** A call that goes on, with all that is known of it. */
export interface EslLiveCall {
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

/** What the server says at each turn of a call. */
export interface EslProgress {
  create(one: EslLiveCall): void;
  ring(one: EslLiveCall): void;
  answer(one: EslLiveCall): void;
  /** The fax begins. */
  begin(one: EslLiveCall): void;
  /** A page was confirmed. */
  page(one: EslLiveCall): void;
  /** The fax is over with this result code. */
  endAnswered(
    one: EslLiveCall,
    code: number,
    end: { cause: string; number: number; by: "far end" | "us" },
  ): void;
  /** The call is over without a result. @param response what the application says of it */
  endWithoutResult(one: EslLiveCall, response: string | undefined): void;
  endUnanswered(one: EslLiveCall, cause: number, sip: number): void;
  /** Hung up by a client, or by the exchange's own limit. */
  kill(one: EslLiveCall, cause: string, number: number): void;
}

/** What the signalling says when this end hangs up: before an answer, and after. */
const canceled = {
  after: {
    sip_hangup_disposition: "send_cancel",
    sip_invite_failure_status: "487",
    sip_invite_failure_phrase: "CANCEL",
  },
};
const byUs = { after: { sip_hangup_disposition: "send_bye" } };

/** @param parts.gone called when a channel is no more @param parts.ended told when a fax is over */
export function eslProgress(parts: {
  events: EslEvents;
  emit: (event: EslEvent) => void;
  ended: (call: EslCall, result: { success: boolean; text: string; pages: number }) => void;
  gone: (one: EslLiveCall) => void;
}): EslProgress {
  const { events, emit, ended, gone } = parts;

  const t38Of = ({ channel, course }: EslLiveCall): EslFaxResult["t38"] => {
    if (channel.variables.get("fax_enable_t38") !== "true") return "off";
    return course.kind === "silent" || (course.kind === "result" && course.t30 === 2)
      ? "refused"
      : "negotiated";
  };
  const resolution = ({ file }: EslLiveCall): string => {
    if (!file || file.refusal !== undefined) return "0x0";
    if (file.width === 200) return "7874x7874";
    return `8040x${{ 98: 3850, 196: 7700, 391: 15_400 }[file.resolution] ?? 3850}`;
  };
  const stations = ({ call, channel, negotiated }: EslLiveCall) => ({
    localStation: channel.variables.get("fax_ident") ?? "",
    remoteStation: negotiated ? `+${call.to.replace("+", "")}` : "",
  });

  /** @param told variables that the signalling sets: before the channel notes its own end, when the far end ended it, or after */
  const hangup = (
    one: EslLiveCall,
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
    call.state = "ended";
    gone(one);
  };

  const endUnanswered = (one: EslLiveCall, number: number, sip: number): void => {
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
    ended(one.call, { success: false, text: cause, pages: 0 });
  };

  const answer = (one: EslLiveCall): void => {
    const { channel } = one;
    Object.assign(channel, { state: "CS_CONSUME_MEDIA", answerState: "answered", answeredAt: new Date() });
    emit(events.channel("CHANNEL_ANSWER", channel));
    one.done(`+OK ${channel.uuid}\n`);
  };

  /** The application begins: the channel goes through the dialplan, and the caller's id is turned round. */
  const execute = (one: EslLiveCall): void => {
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

  const begin = (one: EslLiveCall): void => {
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

  const page = (one: EslLiveCall): void => {
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
    one: EslLiveCall,
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
    hangup(one, end.cause, end.number, end.by === "us" ? byUs : {});
    ended(call, { success: code === 0, text, pages: one.transferred });
  };

  /** The application never came to a result: nothing but the end of the channel is told. */
  const endWithoutResult = (one: EslLiveCall, response: string | undefined): void => {
    if (!one.channel.executing) execute(one);
    setVariables(one.channel, { current_application_response: response });
    one.call.result = response ?? "NORMAL_CLEARING";
    const byFarEnd = { before: { sip_hangup_disposition: "recv_bye" } };
    hangup(one, "NORMAL_CLEARING", 16, response === undefined ? byFarEnd : byUs);
    ended(one.call, { success: false, text: one.call.result, pages: 0 });
  };

  const killAnswered = (one: EslLiveCall, cause: string, number: number): void => {
    if (one.call.state === "answered") {
      execute(one);
      hangup(one, cause, number, byUs);
      ended(one.call, { success: false, text: cause, pages: 0 });
    } else endAnswered(one, 49, { cause, number, by: "us" });
  };

  return {
    create: ({ channel }) => emit(events.channel("CHANNEL_CREATE", channel)),
    ring({ channel }) {
      Object.assign(channel, { state: "CS_CONSUME_MEDIA", progressAt: new Date() });
      emit(events.channel("CHANNEL_PROGRESS", channel));
    },
    answer,
    begin,
    page,
    endAnswered,
    endWithoutResult,
    endUnanswered,
    kill(one, cause, number) {
      if (one.channel.answerState === "answered") {
        killAnswered(one, cause, number);
        return;
      }
      one.call.result = cause;
      hangup(one, cause, number, canceled);
      one.done(`-ERR ${cause}\n`);
      ended(one.call, { success: false, text: cause, pages: 0 });
    },
  };
}

function ecmOf(channel: EslChannel): "on" | "off" {
  return channel.variables.get("fax_use_ecm") === "false" ? "off" : "on";
}
