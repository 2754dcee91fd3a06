import type { AmiDialplan } from "./ami-dialplan.ts";
import { type AmiAccount, mayTake, readEventMask } from "./ami-emulator-account.ts";
import type { AmiCalls, AmiDial } from "./ami-emulator-calls.ts";
import { channelHeaders } from "./ami-emulator-events.ts";
import type { AmiOperation } from "./ami-emulator-options.ts";
import { type AmiAction, type AmiHeader, readAmiVariables, writeAmiMessage } from "./ami-message.ts";

/** What a connection is allowed and wants. */
export interface AmiSession {
  account: AmiAccount | undefined;
  wanted: ReadonlySet<string> | "all";
}

/** What the actions work on. */
export interface AmiExchange {
  accounts: readonly AmiAccount[];
  dialplan: AmiDialplan;
  database: Map<string, string>;
  calls: AmiCalls;
  startedAt: Date;
  /** Notes what somebody wanted to be run. */
  noteCommand: (text: string) => void;
  /** Milliseconds before a wrong secret is refused. */
  refusalMs: number;
}

/** What an action comes to. */
export interface AmiReply {
  text: string;
  /** The connection is closed after it. */
  close?: boolean;
  /** The login was accepted. */
  loggedIn?: boolean;
}

/** The counter of an action's name. */
export function amiOperationOf(name: string): AmiOperation | undefined {
  return operationByAction[name.toLowerCase()];
}

const operationByAction: Readonly<Record<string, AmiOperation>> = {
  login: "login",
  logoff: "logoff",
  events: "events",
  ping: "ping",
  originate: "originate",
  hangup: "hangup",
  getvar: "getvar",
  dbget: "dbGet",
  dbput: "dbPut",
  dbdel: "dbDel",
  coreshowchannels: "coreShowChannels",
  corestatus: "coreStatus",
  coresettings: "coreSettings",
  faxsessions: "faxSessions",
};

/** An error, as `astman_send_error` writes it. */
export function amiError(action: AmiAction, text: string): string {
  return writeAmiMessage([["Response", "Error"], ...echo(action), ["Message", text]]);
}

function echo({ actionId }: AmiAction): AmiHeader[] {
  return actionId === undefined ? [] : [["ActionID", actionId]];
}

/** Carries one action out. */
export async function takeAmiAction(
  action: AmiAction,
  session: AmiSession,
  exchange: AmiExchange,
): Promise<AmiReply> {
  const error = (text: string): AmiReply => ({ text: amiError(action, text) });
  const success = (...headers: AmiHeader[]): AmiReply => ({
    text: writeAmiMessage([["Response", "Success"], ...echo(action), ...headers]),
  });
  const missing = (...names: string[]): string | undefined => names.find((name) => !action.header(name));
  const { database, calls, dialplan } = exchange;

  if (action.defect !== undefined) return error(`Failed to parse message: ${action.defect}`);
  if (action.name === "") return error("Missing action in request");
  const operation = amiOperationOf(action.name);
  if (operation === "login") return logIn(action, session, exchange);
  if (operation === "logoff") {
    const text = writeAmiMessage([
      ["Response", "Goodbye"],
      ...echo(action),
      ["Message", "Thanks for all the fish."],
    ]);
    return { text, close: true };
  }
  if (!session.account) return error("Permission denied");
  if (action.name.toLowerCase() === "command") exchange.noteCommand(action.header("Command") ?? "");
  if (!mayTake(session.account, action.name)) return error("Permission denied");

  switch (operation) {
    case "ping":
      return success(["Ping", "Pong"], ["Timestamp", (Date.now() / 1000).toFixed(6)]);
    case "events": {
      if (missing("EventMask")) return error("No event mask given");
      session.wanted = readEventMask(action.header("EventMask"));
      return success(["Events", session.wanted !== "all" && session.wanted.size === 0 ? "Off" : "On"]);
    }
    case "originate":
      return originate(action, exchange, error, success);
    case "hangup": {
      const channel = action.header("Channel");
      if (!channel) return error("No channel specified");
      return calls.hangUp(channel) ? success(["Message", "Channel Hungup"]) : error("No such channel");
    }
    case "getvar": {
      const name = action.header("Variable");
      if (!name) return error("No variable specified");
      const channel = action.header("Channel");
      const found = calls.live().find(({ call }) => call.id === channel || call.channel === channel);
      if (channel && !found) return error("No such channel");
      const value = found ? found.call.variables[name] : dialplan.globals[name];
      return success(["Variable", name], ["Value", value ?? ""]);
    }
    case "dbGet":
    case "dbPut":
    case "dbDel": {
      if (missing("Family")) return error("No family specified");
      if (missing("Key")) return error("No key specified");
      const family = action.header("Family") ?? "";
      const key = action.header("Key") ?? "";
      const entry = `${family}/${key}`;
      if (operation === "dbPut") {
        database.set(entry, action.header("Val") ?? "");
        return success(["Message", "Updated database successfully"]);
      }
      const value = database.get(entry);
      if (value === undefined) return error("Database entry not found");
      if (operation === "dbDel") {
        database.delete(entry);
        return success(["Message", "Key deleted successfully"]);
      }
      const found: AmiHeader[] = [
        ["Event", "DBGetResponse"],
        ["Family", family],
        ["Key", key],
        ["Val", value],
        ...echo(action),
      ];
      return list(action, "Result will follow", "DBGetComplete", [found]);
    }
    case "coreShowChannels":
      return list(
        action,
        "Channels will follow",
        "CoreShowChannelsComplete",
        calls
          .live()
          .map(({ call, channel }) => [
            ["Event", "CoreShowChannel"],
            ...echo(action),
            ...channelHeaders(channel),
            ["BridgeId", ""],
            ["Application", channel.state === 6 ? "SendFAX" : "AppDial2"],
            ["ApplicationData", channel.state === 6 ? call.path : "(Outgoing Line)"],
            ["Duration", new Date(Date.now() - call.startedAt.getTime()).toISOString().slice(11, 19)],
          ]),
      );
    case "faxSessions": {
      const sessions = calls.live().filter(({ call }) => call.state === "transferring");
      const reply = list(
        action,
        "FAXSessions event list will follow",
        "FAXSessionsComplete",
        sessions.map(({ call }, index) => [
          ["Event", "FAXSessionsEntry"],
          ...echo(action),
          ["Channel", call.channel],
          ["Technology", "Spandsp"],
          ["SessionNumber", String(index + 1)],
          ["SessionType", "T.38"],
          ["Operation", call.direction === "outbound" ? "send" : "receive"],
          ["State", "Active"],
          ["Files", call.path],
        ]),
        [["Total", String(sessions.length)]],
      );
      return reply;
    }
    case "coreStatus": {
      const [date = "", time = ""] = exchange.startedAt.toISOString().split(/[T.]/);
      return success(
        ["CoreStartupDate", date],
        ["CoreStartupTime", time],
        ["CoreReloadDate", date],
        ["CoreReloadTime", time],
        ["CoreCurrentCalls", String(calls.live().length)],
        ["CoreProcessedCalls", String(calls.faxes.length)],
      );
    }
    case "coreSettings":
      return success(
        ["AMIversion", "11.0.0"],
        ["AsteriskVersion", "22.10.1"],
        ["SystemName", ""],
        ["CoreMaxCalls", "0"],
        ["CoreMaxLoadAvg", "0.000000"],
        ["CoreRunUser", "asterisk"],
        ["CoreRunGroup", "asterisk"],
        ["CoreMaxFilehandles", "0"],
        ["CoreRealTimeEnabled", "No"],
        ["CoreCDRenabled", "No"],
        ["CoreHTTPenabled", "No"],
        ["SoundsSearchCustomDir", "No"],
      );
    default:
      return error(
        `Invalid/unknown command: ${action.name}. Use Action: ListCommands to show available commands.`,
      );
  }
}

async function logIn(action: AmiAction, session: AmiSession, exchange: AmiExchange): Promise<AmiReply> {
  const account = exchange.accounts.find(({ username }) => username === action.header("Username"));
  if (!account || account.denied || action.header("Secret") !== account.secret) {
    await new Promise((resolve) => setTimeout(resolve, exchange.refusalMs));
    return { text: amiError(action, "Authentication failed"), close: true };
  }
  session.account = account;
  session.wanted = readEventMask(action.header("Events"));
  const text = writeAmiMessage([
    ["Response", "Success"],
    ...echo(action),
    ["Message", "Authentication accepted"],
  ]);
  return { text, loggedIn: true };
}

/** Checks and starts a call, in the order of manager.c. */
async function originate(
  action: AmiAction,
  { dialplan, calls, noteCommand }: AmiExchange,
  error: (text: string) => AmiReply,
  success: (...headers: AmiHeader[]) => AmiReply,
): Promise<AmiReply> {
  const { header } = action;
  const dialString = header("Channel") ?? "";
  const timeout = header("Timeout");
  const priority = header("Priority");
  const uniqueId = header("ChannelId");
  const application = header("Application");
  if (application) noteCommand(`${application}(${header("Data") ?? ""})`);
  if (dialString === "") return error("Channel not specified");
  if (priority && !/^\d+$/.test(priority)) return error("Invalid priority");
  if (timeout && !/^-?\d+$/.test(timeout)) return error("Invalid timeout");
  if (!dialString.includes("/")) return error("Invalid channel");
  if (
    application &&
    /^(system|trysystem|exec|agi|externalivr|originate|stasis|mixmonitor)/i.test(application)
  ) {
    return error(
      "Originate with certain 'Application' arguments requires the additional System privilege, which you do not have.",
    );
  }
  if (uniqueId && Buffer.byteLength(uniqueId) > 149) return error("Uniqueid length exceeds maximum of 149");
  const context = header("Context") ?? "";
  const exten = header("Exten") ?? "";
  if (!application) {
    if (context === "" || exten === "" || !priority) {
      return error("Originate with 'Exten' requires 'Context' and 'Priority'");
    }
    if (priority !== "1" || !dialplan.contexts[context]?.includes(exten)) {
      return error("Extension does not exist.");
    }
  }
  const [, to = "", endpoint = ""] = /^PJSIP\/([^@/]*)@([^/]+)$/.exec(dialString) ?? [];
  const caller = /^\s*(?:"?([^"<]*?)"?\s*)?<([^>]*)>\s*$/.exec(header("CallerID") ?? "");
  const dial: AmiDial = {
    actionId: action.actionId,
    dialString,
    endpoint,
    to,
    uniqueId: uniqueId ?? `${Math.floor(Date.now() / 1000)}.${calls.faxes.length}`,
    context,
    exten,
    callerName: caller?.[1] ?? "",
    callerNumber: caller ? (caller[2] ?? "") : (header("CallerID") ?? ""),
    variables: readAmiVariables(action.all("Variable")),
    timeoutMs: timeout ? Number(timeout) : 30_000,
  };
  if (/^(true|yes|on|1|y|t)$/i.test(header("Async") ?? "")) {
    calls.dial(dial);
    return success(["Message", "Originate successfully queued"]);
  }
  const answered = await new Promise<boolean>((resolve) => calls.dial(dial, resolve));
  return answered ? success(["Message", "Originate successfully queued"]) : error("Originate failed");
}

function list(
  action: AmiAction,
  message: string,
  complete: string,
  entries: readonly (readonly AmiHeader[])[],
  more: readonly AmiHeader[] = [],
): AmiReply {
  const start = writeAmiMessage([
    ["Response", "Success"],
    ...echo(action),
    ["EventList", "start"],
    ["Message", message],
  ]);
  const end = writeAmiMessage([
    ["Event", complete],
    ...echo(action),
    ["EventList", "Complete"],
    ["ListItems", String(entries.length)],
    ...more,
  ]);
  return { text: start + entries.map(writeAmiMessage).join("") + end };
}
