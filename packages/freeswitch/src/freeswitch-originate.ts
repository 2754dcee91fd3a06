import { type CallStep, dialledNumber, headerTextOf, stationIdOf } from "@faxbot/core/transport";
import type { FreeSwitchSendOptions } from "./freeswitch-options.ts";
import type { FreeSwitchSettings } from "./freeswitch-settings.ts";

/** One call, ready to be made. */
export interface OutgoingCall {
  /** The channel's id, see {@link channelOf}. */
  readonly uuid: string;
  readonly attemptId: string;
  /** E.164. */
  readonly to: string;
  /** E.164. */
  readonly from?: string;
  /** Absolute path of the TIFF file, made of the spool's folder and a generated name. */
  readonly path: string;
  readonly step: CallStep;
  readonly options: FreeSwitchSendOptions;
  /** Seconds after the answer at which FreeSWITCH itself ends the call. */
  readonly longestSeconds: number;
}

const attemptPattern = /^[0-9a-f]{32}$/;
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const pathPattern = /^(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)+\.tif$/;

/**
 * The channel id of an attempt: its 32 hex digits in the form of a UUID. FreeSWITCH refuses a second channel of the same
 * id, so that an attempt can never be dialled twice at the same time.
 *
 * @returns `undefined` when the attempt id is not one of the engine's
 */
export function channelOf(attemptId: string): string | undefined {
  if (!attemptPattern.test(attemptId)) return undefined;
  return attemptId.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** The attempt id of a channel id, or `undefined` when it is no UUID. */
export function attemptOf(uuid: string): string | undefined {
  return isChannelId(uuid) ? uuid.replaceAll("-", "") : undefined;
}

/** Whether a text is a UUID as FreeSWITCH writes it: nothing else is ever put into a command. */
export function isChannelId(text: string): boolean {
  return uuidPattern.test(text) && text.length === 36;
}

/**
 * Writes the command that calls and sends. Every value is checked against a list of what may stand in it, because
 * FreeSWITCH splits this text at commas, expands `${…}` and runs functions that it finds in an application's arguments.
 *
 * @throws FaxError `request_invalid` for a number that cannot be dialled
 * @throws RangeError for any other value that was not made by this package
 */
export function originateCommand(call: OutgoingCall, settings: FreeSwitchSettings): string {
  if (!isChannelId(call.uuid) || !attemptPattern.test(call.attemptId) || !pathPattern.test(call.path)) {
    throw new RangeError("a call has an id or a path that was not generated");
  }
  const { step, options } = call;
  const number = call.from ?? settings.callerIdNumber;
  const ident = options.station_id ?? settings.stationId ?? number ?? "";
  const t38 = settings.t38 && step.t38 && options.t38 !== false;
  const variables: [name: string, value: string | number | boolean][] = [
    ["origination_uuid", call.uuid],
    ...(number ? [pair("origination_caller_id_number", `+${dialledNumber(number)}`)] : []),
    ...quoted("origination_caller_id_name", headerTextOf(settings.callerIdName ?? "")),
    ["ignore_early_media", true],
    ["originate_timeout", settings.ringSeconds],
    // The marks by which events are known as ours, also to a Faxbot that was started after the call.
    ["faxbot", 1],
    ["faxbot_attempt", call.attemptId],
    ["fax_enable_t38", t38],
    // The receiving side asks for T.38 (ITU-T T.38 annex D.2.2.4); when it does not, the call goes on in audio.
    ["fax_enable_t38_request", false],
    ["fax_use_ecm", step.ecm],
    // 14400 and 12000 bit/s are V.17's, and mod_spandsp has no other limit of speed.
    ["fax_disable_v17", step.maxRate <= 9600],
    ...quoted("fax_ident", stationIdOf(ident)),
    ...quoted("fax_header", headerTextOf(options.header_text ?? settings.headerText ?? "")),
    ["fax_verbose", false],
    // The exchange's own watchdog: it holds whatever becomes of Faxbot.
    ["execute_on_answer", `'sched_hangup +${Math.ceil(call.longestSeconds)} ALLOTTED_TIMEOUT'`],
  ];
  const list = variables.map(([name, value]) => `${name}=${value}`).join(",");
  const destination = `${settings.dialPrefix}${dialledNumber(call.to)}`;
  return `originate {${list}}sofia/gateway/${settings.gateway}/${destination} &txfax(${call.path})`;
}

function pair(name: string, value: string): [string, string] {
  return [name, value];
}

/** Quotes keep the blanks; the texts hold no quote, comma or brace any more. */
function quoted(name: string, value: string): [string, string][] {
  return value === "" ? [] : [[name, `'${value}'`]];
}
