import { type CallCourse, q850, t30Sentence } from "../exchange/call-outcome.ts";
import type { CallTimeline } from "../exchange/call-timeline.ts";
import type { OpenedFile } from "../exchange/exchange-call.ts";
import type { AmiDialplan, AmiFaxResult } from "./ami-dialplan.ts";
import type { AmiDial } from "./ami-emulator-calls.ts";
import { type AmiChannel, type AmiEvent, channelEvent, originateResponse } from "./ami-emulator-events.ts";
import type { AmiCall } from "./ami-emulator-options.ts";
import type { AmiHeader } from "./ami-message.ts";

/** A call that goes on, with all that is known of it. */
export interface AmiLiveCall {
  call: AmiCall;
  dial: AmiDial;
  channel: AmiChannel;
  course: CallCourse;
  timeline: CallTimeline | undefined;
  /** Takes the limit of the exchange back. */
  unlimit: () => void;
  file: OpenedFile | undefined;
  mode: "T38" | "audio";
  /** Whether OriginateResponse was said. */
  responded: boolean;
  ended: ((answered: boolean) => void) | undefined;
}

/** What the server says and writes at each turn of a call. */
export interface AmiProgress {
  /** Says what came of Originate. @param reason 4 answered, 3 not in time, 0 everything else */
  respond(one: AmiLiveCall, success: boolean, reason: number): void;
  dial(one: AmiLiveCall): void;
  ring(one: AmiLiveCall): void;
  answer(one: AmiLiveCall): void;
  transfer(one: AmiLiveCall): void;
  /** How the fax ends by itself, by its course and its file. */
  resultOf(one: AmiLiveCall): AmiFaxResult;
  /** What is said when the call is cut: by a hangup, or by the exchange's own limit. */
  cutOff(one: AmiLiveCall, more?: Partial<AmiFaxResult>): AmiFaxResult;
  endAnswered(one: AmiLiveCall, result: AmiFaxResult): void;
  endUnanswered(one: AmiLiveCall, cause: number, sip: number): void;
  /** Hung up by a client before an answer. */
  cancel(one: AmiLiveCall): void;
}

/** @param parts.gone called when a channel is no more */
export function amiProgress(parts: {
  dialplan: AmiDialplan;
  database: Map<string, string>;
  emit: (event: AmiEvent) => void;
  gone: (one: AmiLiveCall) => void;
}): AmiProgress {
  const { dialplan, database, emit, gone } = parts;
  let answers = 0;

  const writeEntry = (call: AmiCall, value: string | undefined): void => {
    if (value !== undefined) database.set(`faxbot/${call.variables.FAXBOT_JOB ?? ""}`, value);
  };

  const respond = (one: AmiLiveCall, success: boolean, reason: number): void => {
    one.responded = true;
    const { actionId, context, exten, callerNumber, callerName, uniqueId, dialString } = one.dial;
    const channel = success ? one.channel.channel : dialString;
    emit(
      originateResponse({
        actionId,
        success,
        channel,
        context,
        exten,
        reason,
        uniqueId,
        callerNumber,
        callerName,
      }),
    );
    one.ended?.(success);
  };
  const dialEnd = (one: AmiLiveCall, status: string): void =>
    emit(channelEvent("DialEnd", one.channel, [["DialStatus", status]]));
  const hangup = (one: AmiLiveCall, cause: number, sip: number): void => {
    const more: AmiHeader[] = [
      ["Cause", String(cause)],
      ["Cause-txt", q850(cause).text],
    ];
    if (sip > 0) more.push(["TechCause", String(sip)]);
    emit(channelEvent("Hangup", one.channel, more));
    one.call.state = "ended";
    gone(one);
  };

  /** Not answered. The three events come in an order of their own for each cause, as they did from a real server. */
  const endUnanswered = (one: AmiLiveCall, cause: number, sip: number): void => {
    one.call.result = q850(cause).name;
    if (cause === 19) {
      hangup(one, cause, sip);
      respond(one, false, 3);
      return;
    }
    if (cause === 17) {
      respond(one, false, 0);
      dialEnd(one, "BUSY");
      hangup(one, cause, sip);
      return;
    }
    // What Asterisk says here misleads: only the cause of the hangup is right.
    dialEnd(one, cause === 34 ? "CONGESTION" : "NOANSWER");
    if (cause === 21) {
      hangup(one, cause, sip);
      respond(one, false, 0);
    } else {
      respond(one, false, 0);
      hangup(one, cause, sip);
    }
  };

  const answer = (one: AmiLiveCall): void => {
    one.channel.state = 6;
    emit(channelEvent("Newstate", one.channel));
    // Either order was seen.
    answers += 1;
    if (answers % 2 === 1) {
      respond(one, true, 4);
      dialEnd(one, "ANSWER");
    } else {
      dialEnd(one, "ANSWER");
      respond(one, true, 4);
    }
    const { context, exten } = one.dial;
    Object.assign(one.channel, { context, exten, priority: 8 });
    writeEntry(one.call, dialplan.answered());
  };

  const faxStatus = (one: AmiLiveCall, status: string): void =>
    emit(
      channelEvent("FAXStatus", one.channel, [
        ["Operation", "send"],
        ["Status", status],
        ["LocalStationID", one.call.variables.FAXBOT_STATION ?? ""],
        ["FileName", one.call.path],
      ]),
    );
  const setVariable = (one: AmiLiveCall, name: string, value: string): void =>
    emit(
      channelEvent(
        "VarSet",
        one.channel,
        [
          ["Variable", name],
          ["Value", value],
        ],
        "dialplan",
      ),
    );

  const transfer = (one: AmiLiveCall): void => {
    // Whoever reads these believes in a failure that has not happened.
    setVariable(one, "FAXSTATUS", "FAILED");
    setVariable(one, "FAXERROR", "INIT_ERROR");
    if (one.mode === "T38") faxStatus(one, "T.38 Negotiated");
    faxStatus(one, "Allocating Resources");
    setVariable(one, "FAXSTATUS", "");
    faxStatus(one, "FAX Transmission In Progress");
  };

  const resolution = (one: AmiLiveCall): string =>
    one.file ? `8031x${{ 98: 3850, 196: 7700, 391: 15400 }[one.file.resolution] ?? 3850}` : "0x0";
  const failed = (text: string, more: Partial<AmiFaxResult> = {}): AmiFaxResult => ({
    status: "FAILED",
    text,
    error: text,
    pages: 0,
    rate: "14400",
    resolution: "0x0",
    mode: "audio",
    hangupCause: 16,
    remoteStation: "",
    ...more,
  });

  /** The fax is over, in whatever way: the hangup handler runs, then the channel is gone. */
  const endAnswered = (one: AmiLiveCall, result: AmiFaxResult): void => {
    const { call } = one;
    call.result = result.status === "SUCCESS" ? "SUCCESS" : result.text;
    call.confirmedPages = result.pages;
    if (result.rate !== "") {
      setVariable(one, "FAXSTATUS", result.status);
      emit(
        channelEvent("SendFAX", one.channel, [
          ["LocalStationID", call.variables.FAXBOT_STATION ?? ""],
          ["RemoteStationID", result.remoteStation],
          ["PagesTransferred", String(result.pages)],
          ["Resolution", result.resolution],
          ["TransferRate", result.rate],
          ["FileName", call.path],
        ]),
      );
    }
    writeEntry(call, dialplan.entry(result));
    const handler: AmiChannel = { ...one.channel, context: "fax-result", exten: "done", priority: 1 };
    emit(
      channelEvent("UserEvent", handler, dialplan.sentEvent(call.variables.FAXBOT_JOB ?? "", result), "user"),
    );
    hangup(one, result.hangupCause, 0);
  };

  const resultOf = (one: AmiLiveCall): AmiFaxResult => {
    const { file, mode, course, call } = one;
    if (file?.refusal === "missing") {
      return failed("error reading file", { error: "FILE_ERROR", rate: "", resolution: "", hangupCause: 0 });
    }
    const opened = { mode, resolution: resolution(one) };
    if (file?.refusal !== undefined)
      return failed(t30Sentence(file.refusal), { mode, remoteStation: call.to });
    switch (course.kind) {
      case "result": {
        const reached = course.t30 > 2;
        return failed(t30Sentence(course.t30), {
          ...(reached ? opened : {}),
          pages: Math.min(course.pages ?? 0, file?.pages ?? 0),
          remoteStation: reached ? call.to : "",
        });
      }
      case "cut":
        return failed(t30Sentence(49), { ...opened, hangupCause: 0 });
      case "hangs_up":
        return failed("error negotiating T.38", { error: "T38_NEG_ERROR", rate: "", resolution: "" });
      default:
        return {
          status: "SUCCESS",
          text: "OK",
          // The receiver hung up first; that is no error.
          error: "HANGUP",
          pages: file?.pages ?? 0,
          rate: call.variables.FAXBOT_MAXRATE || "14400",
          ...opened,
          hangupCause: 16,
          remoteStation: call.to,
        };
    }
  };

  return {
    respond,
    dial(one) {
      const unnamed = { callerNumber: "", callerName: "", connectedNumber: "", connectedName: "" };
      emit(channelEvent("Newchannel", { ...one.channel, ...unnamed }));
      const dialled = `${one.dial.to}@${one.dial.endpoint}`;
      emit(channelEvent("DialBegin", one.channel, [["DialString", dialled]]));
    },
    ring(one) {
      one.channel.state = 5;
      emit(channelEvent("DialState", one.channel, [["DialStatus", "RINGING"]]));
    },
    answer,
    transfer,
    resultOf,
    cutOff: (one, more) => failed(t30Sentence(49), { mode: one.mode, resolution: resolution(one), ...more }),
    endAnswered,
    endUnanswered,
    cancel(one) {
      dialEnd(one, "NOANSWER");
      respond(one, false, 0);
      hangup(one, 0, 0);
    },
  };
}
