import { randomUUID } from "node:crypto";
import type { EslCalls } from "./esl-emulator-calls.ts";
import type { EslChannel, EslEvents } from "./esl-emulator-events.ts";
import type { EslCall, EslOperation } from "./esl-emulator-options.ts";
import { eslOperations } from "./esl-emulator-options.ts";
import {
  type EslCommand,
  type EslEvent,
  eslApiResponse,
  eslDisconnectNotice,
  eslEncode,
  eslReply,
} from "./esl-message.ts";
import { readOriginate } from "./esl-originate.ts";

/** What a connection is allowed and wants. */
export interface EslSession {
  authenticated: boolean;
  format: "json" | "plain";
  /** Names of events, and of subclasses of CUSTOM; `ALL` for every one. */
  wanted: Set<string>;
  filters: [header: string, value: string][];
}

/** What the commands work on. */
export interface EslExchange {
  password: string;
  gateways: readonly string[];
  maxSessions: number;
  globals: Readonly<Record<string, string>>;
  calls: EslCalls;
  /** Every channel, those of calls that came in too. */
  live: () => { call: EslCall; channel: EslChannel }[];
  events: EslEvents;
  emit: (event: EslEvent) => void;
  /** Notes what somebody wanted to be run. */
  noteCommand: (text: string) => void;
  startedAt: Date;
}

/** What a command comes to. */
export interface EslAnswer {
  text: string;
  /** The connection is closed after it. */
  close?: boolean;
}

const known = new Set<string>(eslOperations);

/** The counter of a command: the API function's name for `api` and `bgapi`. */
export function eslOperationOf({ verb, rest }: EslCommand): EslOperation | undefined {
  const name = verb === "api" || verb === "bgapi" ? (rest.split(" ")[0] ?? "") : verb;
  return known.has(name) ? (name as EslOperation) : undefined;
}

/** Whether an event reaches a client: by what it asked for, and by its filters, of which one is enough. */
export function wantsEvent(session: EslSession, { headers }: EslEvent): boolean {
  if (!session.authenticated) return false;
  const value = (name: string): string | undefined => headers.find(([each]) => each === name)?.[1];
  const name = value("Event-Name") ?? "";
  const subscribed =
    session.wanted.has("ALL") ||
    (name === "CUSTOM" ? session.wanted.has(value("Event-Subclass") ?? "") : session.wanted.has(name));
  if (!subscribed) return false;
  return (
    session.filters.length === 0 || session.filters.some(([header, expected]) => value(header) === expected)
  );
}

/** Carries one command out. */
export async function takeEslCommand(
  command: EslCommand,
  session: EslSession,
  exchange: EslExchange,
): Promise<EslAnswer> {
  const { verb, rest } = command;
  if (verb === "exit") return { text: eslReply("+OK bye") + eslDisconnectNotice(), close: true };
  if (verb === "auth") {
    if (rest !== exchange.password) {
      return { text: eslReply("-ERR invalid") + eslDisconnectNotice(), close: true };
    }
    session.authenticated = true;
    return { text: eslReply("+OK accepted") };
  }
  if (!session.authenticated) return { text: eslReply("-ERR command not found") };
  switch (verb) {
    case "event":
      return { text: subscribe(rest, session) };
    case "nixevent":
      for (const name of rest.split(/\s+/)) session.wanted.delete(name);
      return { text: eslReply("+OK no longer listening for events") };
    case "noevents":
      session.wanted.clear();
      return { text: eslReply("+OK no longer listening for events") };
    case "filter":
      return { text: filter(rest, session) };
    case "api": {
      const body = await new Promise<string>((resolve) => runApi(rest, exchange, resolve));
      return { text: eslApiResponse(body === "" ? "-ERR no reply\n" : body) };
    }
    case "bgapi": {
      const id = command.header("Job-UUID") || randomUUID();
      const [name = "", ...words] = rest.split(" ");
      // The answer to the command goes out first.
      setImmediate(() =>
        runApi(rest, exchange, (body) => exchange.emit(exchange.events.job(id, name, words.join(" "), body))),
      );
      return { text: eslReply(`+OK Job-UUID: ${id}`, [["Job-UUID", id]]) };
    }
    default:
      return { text: eslReply("-ERR command not found") };
  }
}

function subscribe(rest: string, session: EslSession): string {
  const words = rest.split(/\s+/).filter((word) => word !== "");
  const [first = ""] = words;
  const format = ["json", "plain", "xml"].includes(first) ? words.shift() : "plain";
  if (words.length === 0) return eslReply("-ERR no keywords supplied");
  if (format === "xml") return eslReply("-ERR xml is not imitated");
  session.format = format === "json" ? "json" : "plain";
  // Everything after CUSTOM is a subclass.
  let custom = false;
  for (const word of words) {
    if (word.toUpperCase() === "CUSTOM") custom = true;
    else session.wanted.add(custom ? word : word.toUpperCase());
  }
  return eslReply(`+OK event listener enabled ${session.format}`);
}

function filter(rest: string, session: EslSession): string {
  const [header = "", ...words] = rest.split(/\s+/);
  const value = words.join(" ");
  if (header === "delete") {
    const [name = "all", ...values] = words;
    session.filters = session.filters.filter(
      ([each, old]) =>
        name !== "all" && !(each === name && (values.length === 0 || old === values.join(" "))),
    );
    return eslReply(`+OK filter deleted. [${name}]=[${values.join(" ")}]`);
  }
  if (header === "" || value === "") return eslReply("-ERR invalid syntax");
  session.filters.push([header, value]);
  return eslReply(`+OK filter added. [${header}]=[${value}]`);
}

const noChannel = "-ERR No such channel!\n";

function runApi(text: string, exchange: EslExchange, done: (body: string) => void): void {
  const answer = apiAnswer(text, exchange, done);
  if (answer !== undefined) done(answer);
}

/** @returns the answer; `undefined` when `later` will be called with it */
function apiAnswer(text: string, exchange: EslExchange, later: (body: string) => void): string | undefined {
  const [name = "", ...words] = text.trim().split(" ");
  const argument = words.join(" ").trim();
  const [first = "", second = ""] = argument.split(/\s+/);
  const found = exchange.live().find(({ call }) => call.id === first);
  switch (name) {
    case "originate":
      return originate(argument, exchange, later);
    case "uuid_kill":
      if (first === "") return "-USAGE: <uuid> [cause]\n";
      return exchange.calls.kill(first, second || "NORMAL_CLEARING") ? "+OK\n" : noChannel;
    case "uuid_exists":
      return String(found !== undefined);
    case "uuid_getvar":
      return found ? (found.channel.variables.get(second) ?? "_undef_") : noChannel;
    case "uuid_dump":
      return found ? dump(found.channel, second, exchange.events) : noChannel;
    case "global_getvar":
      return exchange.globals[first] ?? "";
    case "status":
      return status(exchange);
    case "version":
      return "FreeSWITCH Version 1.11.1-release+emulated (emulated 64bit)\n";
    case "show":
      return show(argument, exchange);
    case "sofia": {
      const gateway = /^status gateway (\S+)/.exec(argument)?.[1];
      if (gateway === undefined || !exchange.gateways.includes(gateway)) return "Invalid Gateway!\n";
      return `Name    \t${gateway}\nProfile \tfax\nState   \tNOREG\nStatus  \tUP\n`;
    }
    default:
      exchange.noteCommand(text);
      return `-ERR ${name} Command not found!\n`;
  }
}

function originate(text: string, exchange: EslExchange, later: (body: string) => void): string | undefined {
  const dial = readOriginate(text, exchange.noteCommand);
  if ("refusal" in dial) return dial.refusal;
  if (dial.application !== "txfax") exchange.noteCommand(`${dial.application}(${dial.argument})`);
  if (!exchange.gateways.includes(dial.gateway)) return "-ERR INVALID_GATEWAY\n";
  const uuid = dial.variables.origination_uuid || randomUUID();
  const live = exchange.live();
  // The same answer for both: a fixed id is a guard against dialling twice.
  if (live.length >= exchange.maxSessions || live.some(({ call }) => call.id === uuid)) {
    return "-ERR DESTINATION_OUT_OF_ORDER\n";
  }
  exchange.calls.dial(dial, uuid, later);
  return undefined;
}

function dump(channel: EslChannel, format: string, events: EslEvents): string {
  const { headers } = events.channel("CHANNEL_DATA", channel);
  if (format === "json") return JSON.stringify(Object.fromEntries(headers));
  return `${headers.map(([name, value]) => `${name}: ${eslEncode(value)}\n`).join("")}\n`;
}

function status({ startedAt, live, calls, maxSessions }: EslExchange): string {
  const seconds = Math.floor((Date.now() - startedAt.getTime()) / 1000);
  return [
    `UP 0 years, 0 days, 0 hours, ${Math.floor(seconds / 60)} minutes, ${seconds % 60} seconds, 0 milliseconds, 0 microseconds`,
    "FreeSWITCH (Version 1.11.1 -release 64bit) is ready",
    `${calls.faxes.length} session(s) since startup`,
    `${live().length} session(s) - peak 1, last 5min 1`,
    "0 session(s) per Sec out of max 30, peak 1, last 5min 1",
    `${maxSessions} session(s) max`,
    "min idle cpu 0.00/99.00",
    "",
  ].join("\n");
}

function show(argument: string, { live }: EslExchange): string {
  const rows = live().map(({ call, channel }) => ({
    uuid: call.id,
    direction: call.direction,
    created_epoch: String(Math.floor(channel.createdAt.getTime() / 1000)),
    name: channel.name,
    state: channel.state,
    cid_name: channel.callerName,
    cid_num: channel.callerNumber,
    dest: channel.destination,
    application: channel.variables.get("current_application") ?? "",
    application_data: channel.variables.get("current_application_data") ?? "",
    callstate: channel.callState,
  }));
  if (/\bas json\b/.test(argument)) {
    return `${JSON.stringify(rows.length === 0 ? { row_count: 0 } : { row_count: rows.length, rows })}\n`;
  }
  if (/\bcount\b/.test(argument)) return `\n${rows.length} total.\n\n`;
  const names = [
    "uuid",
    "direction",
    "created_epoch",
    "name",
    "state",
    "cid_name",
    "cid_num",
    "dest",
  ] as const;
  const lines = rows.map((row) => names.map((name) => row[name]).join(","));
  return `${[names.join(","), ...lines].join("\n")}\n\n${rows.length} total.\n`;
}
