import { randomUUID } from "node:crypto";
import type { ClientCommand } from "./command-of-client.ts";
import type { Recording } from "./recording.ts";

/** An answer to a command that the recorded client did not give. */
export interface ImprovisedAnswer {
  text: string;
  /** The server closes after it. */
  close?: boolean;
}

/** What is known of the session, for an answer that fits it. */
export interface ImprovisedState {
  /** Global variables of the exchange. */
  variables: Readonly<Record<string, string>>;
  /** The id of the channel that the recording is about, while there is one. */
  liveChannel: string | undefined;
}

/**
 * Answers what the recording has no answer for, as an exchange would that has nothing but the recorded call: an empty
 * database, no other channels.
 */
export function improviseAnswer(
  command: ClientCommand,
  protocol: Recording["protocol"],
  state: ImprovisedState,
): ImprovisedAnswer {
  return protocol === "ami" ? amiAnswer(command, state) : eslAnswer(command, state);
}

function amiAnswer({ kind, header }: ClientCommand, state: ImprovisedState): ImprovisedAnswer {
  const actionId = header("ActionID");
  const echo = actionId === undefined ? [] : [`ActionID: ${actionId}`];
  const message = (...lines: string[]): string => `${lines.join("\r\n")}\r\n\r\n`;
  const success = (...lines: string[]): ImprovisedAnswer => ({
    text: message("Response: Success", ...echo, ...lines),
  });
  const error = (text: string): ImprovisedAnswer => ({
    text: message("Response: Error", ...echo, `Message: ${text}`),
  });
  const list = (what: string, entries: readonly string[][]): ImprovisedAnswer => ({
    text:
      message("Response: Success", ...echo, "EventList: start", `Message: ${what} will follow`) +
      entries.map((entry) => message(...entry)).join("") +
      message(
        `Event: ${what === "Channels" ? "CoreShowChannels" : "FAXSessions"}Complete`,
        ...echo,
        "EventList: Complete",
        `ListItems: ${entries.length}`,
      ),
  });
  switch (kind) {
    case "ping":
      return success("Ping: Pong", `Timestamp: ${(Date.now() / 1000).toFixed(6)}`);
    case "events":
      return success("Events: On");
    case "getvar": {
      const name = header("Variable") ?? "";
      return success(`Variable: ${name}`, `Value: ${state.variables[name] ?? ""}`);
    }
    case "coreshowchannels": {
      const { liveChannel } = state;
      const entry = ["Event: CoreShowChannel", ...echo, "Channel: PJSIP/trunk-00000000"];
      return list(
        "Channels",
        liveChannel === undefined ? [] : [[...entry, `Uniqueid: ${liveChannel}`, `Linkedid: ${liveChannel}`]],
      );
    }
    case "faxsessions":
      return list("FAXSessions event list", []);
    case "corestatus":
      return success(
        "CoreStartupDate: 2026-11-22",
        "CoreStartupTime: 03:00:00",
        "CoreReloadDate: 2026-11-22",
        "CoreReloadTime: 03:00:00",
        "CoreCurrentCalls: 0",
        "CoreProcessedCalls: 0",
      );
    case "dbput":
      return success("Message: Updated database successfully");
    case "dbget":
    case "dbdel":
      return error("Database entry not found");
    case "hangup":
      return error("No such channel");
    case "logoff":
      return {
        text: message("Response: Goodbye", ...echo, "Message: Thanks for all the fish."),
        close: true,
      };
    default:
      return error(`Invalid/unknown command: ${kind}. Use Action: ListCommands to show available commands.`);
  }
}

function eslAnswer(command: ClientCommand, state: ImprovisedState): ImprovisedAnswer {
  const reply = (text: string, ...more: string[]): string =>
    `${["Content-Type: command/reply", `Reply-Text: ${text}`, ...more].join("\n")}\n\n`;
  const [line = ""] = command.text.split(/\r?\n/);
  const [verb = "", name = "", ...rest] = line.trim().split(/\s+/);
  switch (verb) {
    case "event":
      return { text: reply(`+OK event listener enabled ${name}`) };
    case "nixevent":
    case "noevents":
      return { text: reply("+OK no longer listening for events") };
    case "filter":
      return { text: reply(`+OK filter added. [${name}]=[${rest.join(" ")}]`) };
    case "exit":
      return { text: reply("+OK bye"), close: true };
    case "api": {
      const body = apiBody(name, rest, state);
      return { text: `Content-Type: api/response\nContent-Length: ${Buffer.byteLength(body)}\n\n${body}` };
    }
    case "bgapi": {
      const id = command.header("Job-UUID") ?? randomUUID();
      const body = apiBody(name, rest, state);
      const event = JSON.stringify({
        "Event-Name": "BACKGROUND_JOB",
        "Job-UUID": id,
        "Job-Command": name,
        "Job-Command-Arg": rest.join(" "),
        "Content-Length": String(Buffer.byteLength(body)),
        _body: body,
      });
      const head = `Content-Length: ${Buffer.byteLength(event)}\nContent-Type: text/event-json\n\n`;
      return { text: reply(`+OK Job-UUID: ${id}`, `Job-UUID: ${id}`) + head + event };
    }
    default:
      return { text: reply("-ERR command not found") };
  }
}

function apiBody(name: string, words: readonly string[], state: ImprovisedState): string {
  switch (name) {
    case "uuid_exists":
      return String(state.liveChannel !== undefined && words[0] === state.liveChannel);
    case "uuid_kill":
      return "-ERR No such channel!\n";
    case "uuid_dump":
      return "-ERR No such channel!\n";
    case "global_getvar":
      return state.variables[words[0] ?? ""] ?? "";
    case "status":
      return "UP 0 years, 0 days, 0 hours, 10 minutes, 0 seconds, 0 milliseconds, 0 microseconds\nFreeSWITCH (Version 1.11.1-release) is ready\n";
    default:
      return `-ERR ${name} Command not found!\n`;
  }
}
