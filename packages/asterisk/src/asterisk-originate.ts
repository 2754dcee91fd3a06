import {
  type CallStep,
  callStep,
  defaultCallLadder,
  dialledNumber,
  headerTextOf,
  type SendJob,
  stationIdOf,
} from "@faxbot/core/transport";
import { type AmiFields, channelVariable } from "./ami-message.ts";
import { channelOf, longestCallSeconds } from "./asterisk-call.ts";
import type { AsteriskSendOptions } from "./asterisk-options.ts";
import type { AsteriskSettings } from "./asterisk-settings.ts";

/** One call, ready to be made. */
export interface OutgoingCall {
  readonly job: Pick<SendJob, "attemptId" | "to" | "from" | "earlierFailures">;
  readonly options: AsteriskSendOptions;
  /** Absolute path of the document as Asterisk sees it. */
  readonly file: string;
  readonly pages: number;
}

/**
 * The headers of the action that makes the call. Every value is of a closed alphabet: no comma, quote or line break can
 * be among them.
 *
 * @throws FaxError `request_invalid` for a number that cannot be dialled
 */
export function originateFields(call: OutgoingCall, settings: AsteriskSettings): AmiFields {
  const { job, options } = call;
  const from = job.from ?? settings.callerIdNumber;
  const caller = from === undefined ? undefined : `+${dialledNumber(from)}`;
  const name = settings.callerIdName;
  const step = stepOf(call, settings);
  const station = options.station_id ?? settings.stationId ?? caller ?? "";
  const header = options.header_text ?? settings.headerText ?? "";
  return [
    ["Action", "Originate"],
    ["Channel", `PJSIP/${settings.dialPrefix}${dialledNumber(job.to)}@${settings.trunk}`],
    ["Context", settings.context],
    ["Exten", "send"],
    ["Priority", "1"],
    ["Timeout", String(settings.ringSeconds * 1_000)],
    ["Async", "true"],
    ["EarlyMedia", "false"],
    ["ChannelId", channelOf(job.attemptId)],
    ...(caller === undefined ? [] : [["CallerID", name ? `"${name}" <${caller}>` : `<${caller}>`] as const]),
    channelVariable("FAXBOT_JOB", job.attemptId),
    channelVariable("FAXBOT_FILE", call.file),
    channelVariable("FAXBOT_HEADER", headerTextOf(header)),
    channelVariable("FAXBOT_STATION", stationIdOf(station)),
    channelVariable("FAXBOT_ECM", step.ecm ? "yes" : "no"),
    channelVariable("FAXBOT_MAXRATE", String(step.maxRate)),
    // z: ask for T.38 ourselves, f: go on in audio when it is refused; F: audio only; s: status events.
    channelVariable("FAXBOT_OPTS", step.t38 ? "zfs" : "Fs"),
    channelVariable("FAXBOT_MAXSECS", String(longestCallSeconds(call.pages))),
  ];
}

function stepOf({ job, options }: OutgoingCall, settings: AsteriskSettings): CallStep {
  const step = callStep(settings.callLadder ?? defaultCallLadder, job.earlierFailures);
  return { ...step, t38: step.t38 && settings.t38 && options.t38 !== false };
}
