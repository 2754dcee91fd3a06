import { type CallCourse, type CallOutcome, courseOf, q850, t30Sentence } from "../exchange/call-outcome.ts";
import type { CallStep, CallTimeline, CallTimelines } from "../exchange/call-timeline.ts";
import { type OpenedFile, openFaxFile, spandsp0Rules } from "../exchange/exchange-call.ts";
import type { OutcomeByNumber } from "../outcome-by-number.ts";
import { timerSet } from "../timer-set.ts";
import type { AmiDialplan, AmiFaxResult } from "./ami-dialplan.ts";
import { type AmiChannel, type AmiEvent, channelEvent, originateResponse } from "./ami-emulator-events.ts";
import type { AmiCall } from "./ami-emulator-options.ts";
import type { AmiHeader } from "./ami-message.ts";

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

interface LiveCall {
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
  const live = new Map<string, LiveCall>();
  const limits = timerSet();
  let opening = 0;

  const writeEntry = (call: AmiCall, value: string | undefined): void => {
    if (value !== undefined) database.set(`faxbot/${call.variables.FAXBOT_JOB ?? ""}`, value);
  };

  const respond = (one: LiveCall, success: boolean, reason: number): void => {
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
  const dialEnd = (one: LiveCall, status: string): void =>
    emit(channelEvent("DialEnd", one.channel, [["DialStatus", status]]));
  const hangup = (one: LiveCall, cause: number, sip: number): void => {
    const more: AmiHeader[] = [
      ["Cause", String(cause)],
      ["Cause-txt", q850(cause).text],
    ];
    if (sip > 0) more.push(["TechCause", String(sip)]);
    emit(channelEvent("Hangup", one.channel, more));
    one.timeline?.stop();
    one.unlimit();
    one.call.state = "ended";
    live.delete(one.call.id);
  };

  /** Not answered. The three events come in an order of their own for each cause, as they did from a real server. */
  const endUnanswered = (one: LiveCall, cause: number, sip: number): void => {
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

  const answer = (one: LiveCall): void => {
    one.channel.state = 6;
    emit(channelEvent("Newstate", one.channel));
    // Either order was seen.
    if (faxes.length % 2 === 1) {
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

  const faxStatus = (one: LiveCall, status: string): void =>
    emit(
      channelEvent("FAXStatus", one.channel, [
        ["Operation", "send"],
        ["Status", status],
        ["LocalStationID", one.call.variables.FAXBOT_STATION ?? ""],
        ["FileName", one.call.path],
      ]),
    );
  const setVariable = (one: LiveCall, name: string, value: string): void =>
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

  const transfer = (one: LiveCall): void => {
    // Whoever reads these believes in a failure that has not happened.
    setVariable(one, "FAXSTATUS", "FAILED");
    setVariable(one, "FAXERROR", "INIT_ERROR");
    if (one.mode === "T38") faxStatus(one, "T.38 Negotiated");
    faxStatus(one, "Allocating Resources");
    setVariable(one, "FAXSTATUS", "");
    faxStatus(one, "FAX Transmission In Progress");
  };

  const resolution = (one: LiveCall): string =>
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
  const endAnswered = (one: LiveCall, result: AmiFaxResult): void => {
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

  const resultOf = (one: LiveCall): AmiFaxResult => {
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

  const stepsOf = (one: LiveCall): CallStep[] => {
    const { course, channel } = one;
    const ring: CallStep = {
      state: "ringing",
      at: 0.3,
      run() {
        channel.state = 5;
        emit(channelEvent("DialState", channel, [["DialStatus", "RINGING"]]));
        if (course.kind !== "ringing") return;
        one.unlimit = limits.later((one.dial.timeoutMs / 1000) * secondMs, () => {
          if (one.call.state === "ringing") endUnanswered(one, 19, 480);
        });
      },
    };
    if (course.kind === "ringing") return [ring];
    if (course.kind === "unanswered") {
      const end: CallStep = {
        state: "ended",
        at: 0.6,
        run: () => endUnanswered(one, course.cause, course.sip),
      };
      return course.cause === 19 ? [ring, end] : [end];
    }
    return [ring, { state: "answered", at: 0.5, run: () => answer(one) }];
  };

  /** After the answer the dialplan opens the file, which takes a moment. */
  const openAndGoOn = (one: LiveCall, now: boolean): void => {
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
      const end: CallStep = { state: "ended", at: 0.5, run: () => endAnswered(one, resultOf(one)) };
      const cannotNegotiate = !t38 && !options.toLowerCase().includes("f");
      if (cannotNegotiate) one.course = { kind: "hangs_up" };
      const { kind } = one.course;
      const begun = file.refusal !== "missing" && kind !== "hangs_up";
      const steps: CallStep[] = [];
      if (begun) steps.push({ state: "transferring", at: 0.15, run: () => transfer(one) });
      if (kind !== "stuck" && kind !== "silent") steps.push(end);
      one.timeline = timelines.start(one.call, steps, now);
      // The exchange's own limit, without which a silent call would last for ever.
      one.unlimit = limits.later(Number(one.call.variables.FAXBOT_MAXSECS || 1200) * secondMs, () => {
        if (live.get(one.call.id) === one)
          endAnswered(one, failed(t30Sentence(49), { mode: one.mode, hangupCause: 0 }));
      });
    });
  };

  const startSteps = (one: LiveCall, now: boolean): void => {
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
      run() {
        emit(
          channelEvent("Newchannel", {
            ...one.channel,
            callerNumber: "",
            callerName: "",
            connectedNumber: "",
            connectedName: "",
          }),
        );
        emit(channelEvent("DialBegin", one.channel, [["DialString", `${one.dial.to}@${one.dial.endpoint}`]]));
      },
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
      const one: LiveCall = {
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
        timelines.start({ state: "dialing" }, [
          { state: "ended", at: 0.2, run: () => respond(one, false, 0) },
        ]);
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
          endAnswered(one, failed(t30Sentence(49), { mode: one.mode, resolution: resolution(one) }));
          return;
        }
        dialEnd(one, "NOANSWER");
        respond(one, false, 0);
        hangup(one, 0, 0);
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
        endAnswered(one, resultOf(one));
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
