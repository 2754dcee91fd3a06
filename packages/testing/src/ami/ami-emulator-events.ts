import type { AmiHeader } from "./ami-message.ts";

/** An event and the class of rights that it takes to read it. */
export interface AmiEvent {
  eventClass: "call" | "user" | "system" | "dialplan";
  headers: AmiHeader[];
}

/** What Asterisk says of a channel in nearly every event about it. */
export interface AmiChannel {
  channel: string;
  /** 0 Down, 4 Ring, 5 Ringing, 6 Up. */
  state: number;
  callerNumber: string;
  callerName: string;
  connectedNumber: string;
  connectedName: string;
  context: string;
  exten: string;
  priority: number;
  uniqueId: string;
}

const stateNames: Readonly<Record<number, string>> = { 0: "Down", 4: "Ring", 5: "Ringing", 6: "Up" };
const known = (text: string): string => (text === "" ? "<unknown>" : text);

/** The headers of a channel; `Dest` before each for the far end of a dial. */
export function channelHeaders(channel: AmiChannel, prefix: "" | "Dest" = ""): AmiHeader[] {
  const headers: AmiHeader[] = [
    ["Channel", channel.channel],
    ["ChannelState", String(channel.state)],
    ["ChannelStateDesc", stateNames[channel.state] ?? "Unknown"],
    ["CallerIDNum", known(channel.callerNumber)],
    ["CallerIDName", known(channel.callerName)],
    ["ConnectedLineNum", known(channel.connectedNumber)],
    ["ConnectedLineName", known(channel.connectedName)],
    ["Language", "en"],
    ["AccountCode", ""],
    ["Context", channel.context],
    ["Exten", channel.exten],
    ["Priority", String(channel.priority)],
    ["Uniqueid", channel.uniqueId],
    ["Linkedid", channel.uniqueId],
  ];
  return headers.map(([name, value]) => [prefix + name, value]);
}

/** An event about a channel. */
export function channelEvent(
  event: string,
  channel: AmiChannel,
  more: readonly AmiHeader[] = [],
  eventClass: AmiEvent["eventClass"] = "call",
): AmiEvent {
  const prefix = event.startsWith("Dial") ? "Dest" : "";
  return {
    eventClass,
    headers: [
      ["Event", event],
      ["Privilege", `${eventClass},all`],
      ...channelHeaders(channel, prefix),
      ...more,
    ],
  };
}

/** Said when an asynchronous Originate has come to an end, in whatever way. */
export function originateResponse(of: {
  actionId: string | undefined;
  success: boolean;
  channel: string;
  context: string;
  exten: string;
  /** 4 answered, 3 not answered in time, 0 everything else. */
  reason: number;
  uniqueId: string;
  callerNumber: string;
  callerName: string;
}): AmiEvent {
  return {
    eventClass: "call",
    headers: [
      ["Event", "OriginateResponse"],
      ["Privilege", "call,all"],
      ...(of.actionId === undefined ? [] : ([["ActionID", of.actionId]] as AmiHeader[])),
      ["Response", of.success ? "Success" : "Failure"],
      ["Channel", of.channel],
      ["Context", of.context],
      ["Exten", of.exten],
      ["Reason", String(of.reason)],
      ["Uniqueid", of.uniqueId],
      ["CallerIDNum", known(of.callerNumber)],
      ["CallerIDName", known(of.callerName)],
    ],
  };
}
