import { randomUUID } from "node:crypto";
import type { EslEvent } from "./esl-message.ts";

type Header = readonly [name: string, value: string];

/** What FreeSWITCH says of a channel in every event about it. */
export interface EslChannel {
  readonly uuid: string;
  readonly direction: "outbound" | "inbound";
  readonly name: string;
  state: keyof typeof channelStates;
  callState: "DOWN" | "ACTIVE" | "HANGUP";
  answerState: "ringing" | "answered" | "hangup";
  callerName: string;
  callerNumber: string;
  calleeName: string;
  calleeNumber: string;
  readonly originalName: string;
  readonly originalNumber: string;
  readonly destination: string;
  executing: boolean;
  hangupCause: string | undefined;
  readonly createdAt: Date;
  answeredAt: Date | undefined;
  progressAt: Date | undefined;
  endedAt: Date | undefined;
  readonly variables: Map<string, string>;
}

const channelStates = {
  CS_INIT: 2,
  CS_EXECUTE: 4,
  CS_CONSUME_MEDIA: 7,
  CS_REPORTING: 11,
} as const;

/** Sets a variable: one that is there moves to the end. */
export function setVariables(
  channel: EslChannel,
  values: Readonly<Record<string, string | undefined>>,
): void {
  for (const [name, value] of Object.entries(values)) {
    channel.variables.delete(name);
    if (value !== undefined) channel.variables.set(name, value);
  }
}

/** Makes events, with what this server says of itself in each. */
export interface EslEvents {
  readonly coreId: string;
  /** An event about a channel. @param more headers after those of the channel */
  channel(name: string, channel: EslChannel, more?: readonly Header[], subclass?: string): EslEvent;
  /** The end of a command in the background. */
  job(id: string, command: string, argument: string, body: string): EslEvent;
}

/** A new server. */
export function eslEvents(): EslEvents {
  const coreId = randomUUID();
  let sequence = 400;
  const base = (name: string, file: string, from: string, line: number, subclass?: string): Header[] => {
    const now = new Date();
    sequence += 1;
    return [
      ...(subclass === undefined ? [] : ([["Event-Subclass", subclass]] as Header[])),
      ["Event-Name", name],
      ["Core-UUID", coreId],
      ["FreeSWITCH-Hostname", "emulated"],
      ["FreeSWITCH-Switchname", "emulated"],
      ["FreeSWITCH-IPv4", "192.0.2.2"],
      ["FreeSWITCH-IPv6", "fd00::2"],
      ["Event-Date-Local", stamp(now)],
      ["Event-Date-GMT", now.toUTCString()],
      ["Event-Date-Timestamp", micros(now)],
      ["Event-Calling-File", file],
      ["Event-Calling-Function", from],
      ["Event-Calling-Line-Number", String(line)],
      ["Event-Sequence", String(sequence)],
    ];
  };
  return {
    coreId,
    channel(name, channel, more = [], subclass) {
      const complete = name === "CHANNEL_HANGUP_COMPLETE";
      const cause: Header[] =
        channel.hangupCause === undefined ? [] : [["Hangup-Cause", channel.hangupCause]];
      const variables = [...channel.variables].map(([each, value]): Header => [`variable_${each}`, value]);
      return {
        headers: [
          ...base(
            name,
            subclass ? "mod_spandsp_fax.c" : "switch_core_state_machine.c",
            subclass ? "spandsp_fax_event" : "switch_core_session_run",
            626,
            subclass,
          ),
          ...(complete ? cause : []),
          ...channelHeaders(channel),
          // At the end of a channel it is said twice, which JSON cannot.
          ...cause,
          ...callerHeaders(channel),
          ...variables,
          ...more,
        ],
      };
    },
    job: (id, command, argument, body) => ({
      headers: [
        ...base("BACKGROUND_JOB", "mod_event_socket.c", "api_exec", 1569),
        ["Job-UUID", id],
        ["Job-Command", command],
        ...(argument === "" ? [] : ([["Job-Command-Arg", argument]] as Header[])),
      ],
      body,
    }),
  };
}

function channelHeaders(channel: EslChannel): Header[] {
  return [
    ["Channel-State", channel.state],
    ["Channel-Call-State", channel.callState],
    ["Channel-State-Number", String(channelStates[channel.state])],
    ["Channel-Name", channel.name],
    ["Unique-ID", channel.uuid],
    ["Call-Direction", channel.direction],
    ["Presence-Call-Direction", channel.direction],
    ["Channel-HIT-Dialplan", String(channel.executing)],
    ["Channel-Call-UUID", channel.uuid],
    ["Answer-State", channel.answerState],
  ];
}

function callerHeaders(channel: EslChannel): Header[] {
  const at = (time: Date | undefined): string => (time ? micros(time) : "0");
  const outbound = channel.direction === "outbound";
  const dialplan: Header[] = [
    ["Caller-Username", channel.callerNumber],
    ["Caller-Dialplan", "XML"],
  ];
  const callee: Header[] = [
    ["Caller-Callee-ID-Name", channel.calleeName],
    ["Caller-Callee-ID-Number", channel.calleeNumber],
  ];
  return [
    ["Caller-Direction", channel.direction],
    ["Caller-Logical-Direction", channel.direction],
    ...(outbound ? [] : dialplan),
    ["Caller-Caller-ID-Name", channel.callerName],
    ["Caller-Caller-ID-Number", channel.callerNumber],
    ["Caller-Orig-Caller-ID-Name", channel.originalName],
    ["Caller-Orig-Caller-ID-Number", channel.originalNumber],
    ...(outbound ? callee : []),
    ["Caller-ANI", channel.originalNumber],
    ["Caller-Destination-Number", channel.destination],
    ["Caller-Unique-ID", channel.uuid],
    ["Caller-Source", outbound ? "src/switch_ivr_originate.c" : "mod_sofia"],
    ["Caller-Context", "default"],
    ["Caller-Channel-Name", channel.name],
    ["Caller-Profile-Index", "1"],
    ["Caller-Profile-Created-Time", at(channel.createdAt)],
    ["Caller-Channel-Created-Time", at(channel.createdAt)],
    ["Caller-Channel-Answered-Time", at(channel.answeredAt)],
    ["Caller-Channel-Progress-Time", at(channel.progressAt)],
    ["Caller-Channel-Progress-Media-Time", "0"],
    ["Caller-Channel-Hangup-Time", at(channel.endedAt)],
    ["Caller-Channel-Transfer-Time", "0"],
    ["Caller-Channel-Resurrect-Time", "0"],
    ["Caller-Channel-Bridged-Time", "0"],
    ["Caller-Channel-Last-Hold", "0"],
    ["Caller-Channel-Hold-Accum", "0"],
    ["Caller-Screen-Bit", "true"],
    ["Caller-Privacy-Hide-Name", "false"],
    ["Caller-Privacy-Hide-Number", "false"],
  ];
}

/** Microseconds since 1970. */
function micros(time: Date): string {
  return `${time.getTime()}000`;
}

function stamp(time: Date): string {
  return time.toISOString().slice(0, 19).replace("T", " ");
}

/** What the end of a fax is said in, as variables of the channel and as headers of the event. */
export interface EslFaxResult {
  success: boolean;
  code: number;
  text: string;
  transferred: number;
  total: number;
  resolution: string;
  t38: "off" | "negotiated" | "refused";
  ecm: "on" | "off";
  rate: string;
  localStation: string;
  /** Empty until the far end said it. */
  remoteStation: string;
}

/** Notes the result in the channel, and gives the event's own headers. */
export function noteFaxResult(channel: EslChannel, result: EslFaxResult): Header[] {
  const values: [name: string, value: string | undefined][] = [
    ["success", result.success ? "1" : "0"],
    ["result-code", String(result.code)],
    ["result-text", result.text],
    ["document-transferred-pages", String(result.transferred)],
    ["document-total-pages", String(result.total)],
    ["image-resolution", result.resolution],
    ["image-size", "0"],
    ["bad-rows", "0"],
    ["transfer-rate", result.rate],
    ["ecm-used", result.ecm],
    ["t38-status", result.t38],
    ["local-station-id", result.localStation],
    ["remote-station-id", result.remoteStation || undefined],
  ];
  // The variables come in an order of their own.
  const order = [0, 1, 2, 9, 10, 11, 12, 3, 4, 5, 6, 7, 8];
  for (const index of order) {
    const [name = "", value] = values[index] ?? [];
    setVariables(channel, { [`fax_${name.replaceAll("-", "_")}`]: value });
  }
  return values
    .filter(([, value]) => value !== undefined)
    .map(([name, value]): Header => [`fax-${name}`, value ?? ""]);
}

/** Notes what both ends agreed on, and gives the event's own headers. */
export function noteNegotiation(
  channel: EslChannel,
  of: Pick<EslFaxResult, "t38" | "ecm" | "rate" | "localStation" | "remoteStation">,
): Header[] {
  const sending = channel.direction === "outbound";
  setVariables(channel, {
    fax_transfer_rate: of.rate,
    ...(sending ? { fax_document_total_pages: "0" } : {}),
    fax_ecm_used: of.ecm,
    fax_t38_status: of.t38,
    fax_local_station_id: of.localStation,
    fax_remote_station_id: of.remoteStation,
  });
  return [
    ["uuid", channel.uuid],
    ["fax-transfer-rate", of.rate],
    ["fax-ecm-used", of.ecm],
    ["fax-t38-status", of.t38],
    ["fax-local-station-id", of.localStation],
    ["fax-remote-station-id", of.remoteStation],
    ...(sending ? ([["fax-document-total-pages", "0"]] as Header[]) : []),
  ];
}

/** Notes one page that was confirmed, and gives the event's own headers. */
export function notePage(
  channel: EslChannel,
  of: { transferred: number; total: number; resolution: string; height: number },
): Header[] {
  const sending = channel.direction === "outbound";
  const size = `1728x${of.height}`;
  setVariables(channel, {
    fax_image_resolution: of.resolution,
    fax_file_image_resolution: of.resolution,
    fax_image_pixel_size: size,
    fax_file_image_pixel_size: size,
    fax_image_size: "1520",
    fax_bad_rows: "0",
    fax_longest_bad_row_run: "0",
    fax_encoding: "8",
    fax_encoding_name: "T.6",
    fax_document_transferred_pages: String(of.transferred),
    ...(sending ? { fax_document_total_pages: String(of.total) } : {}),
  });
  return [
    ["uuid", channel.uuid],
    ["fax-document-transferred-pages", String(of.transferred)],
    ...(sending ? ([["fax-document-total-pages", String(of.total)]] as Header[]) : []),
    ["fax-image-resolution", of.resolution],
    ["fax-file-image-resolution", of.resolution],
    ["fax-image-size", "1520"],
    ["fax-image-pixel-size", size],
    ["fax-file-image-pixel-size", size],
    ["fax-bad-rows", "0"],
    ["fax-longest-bad-row-run", "0"],
    ["fax-encoding", "8"],
    ["fax-encoding-name", "T.6"],
  ];
}
