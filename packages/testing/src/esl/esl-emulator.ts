import { randomUUID } from "node:crypto";
import { type CallOutcome, callPreset } from "../exchange/call-outcome.ts";
import { callTimelines } from "../exchange/call-timeline.ts";
import { eventFaults } from "../exchange/event-faults.ts";
import { postToHook } from "../exchange/exchange-hook.ts";
import { receivedFiles } from "../exchange/received-file.ts";
import {
  extendServer,
  type SocketConnection,
  type SocketProtocol,
  startSocketServer,
} from "../exchange/socket-server.ts";
import { outcomeByNumber } from "../outcome-by-number.ts";
import { splitEsl } from "../replay/message-borders.ts";
import { eslCalls } from "./esl-emulator-calls.ts";
import {
  type EslExchange,
  type EslSession,
  eslOperationOf,
  takeEslCommand,
  wantsEvent,
} from "./esl-emulator-commands.ts";
import { eslEvents } from "./esl-emulator-events.ts";
import {
  type EslCall,
  type EslEmulator,
  type EslEmulatorOptions,
  type EslOperation,
  eslOperations,
} from "./esl-emulator-options.ts";
import { eslReceiving, inboundChannel } from "./esl-emulator-receiving.ts";
import { type EslEvent, eslReply, readEslCommand, writeEslEvent, writeEslMessage } from "./esl-message.ts";

/**
 * Starts an imitation of FreeSWITCH's event socket (mod_event_socket and mod_spandsp of 1.11) on 127.0.0.1: real TCP,
 * the real server's answers, scripted calls, events in JSON and plain, fault knobs and counters. Files that are to be
 * faxed are read from the disk when the far end answers. Nothing is dialled and nothing is run.
 *
 * @throws the system's error when the port is taken
 * @example
 * const freeswitch = await startEslEmulator();
 * freeswitch.script("0177", ["busy", "delivered"]);
 * // … point a client at freeswitch.host, freeswitch.port, freeswitch.password
 * await freeswitch.stop();
 */
export async function startEslEmulator(options: EslEmulatorOptions = {}): Promise<EslEmulator> {
  const password = options.password ?? "emulated-esl-password-0";
  const settings = {
    completeAfterMs: options.completeAfterMs ?? 100,
    inboundHook: options.inboundHook,
    outboundHook: options.outboundHook,
  };
  const sessions = new Map<SocketConnection, EslSession>();
  const commandsRun: string[] = [];
  const hookAnswers: number[] = [];
  const floods = new Set<NodeJS.Timeout>();
  const files = receivedFiles(options.spoolIn);
  const faults = eventFaults();
  const timelines = callTimelines(() => settings.completeAfterMs);
  const events = eslEvents();
  let startedAt = new Date();
  let posting = 0;

  const deliver = (event: EslEvent): void => {
    const written = new Map<string, string>();
    for (const [connection, session] of sessions) {
      if (!wantsEvent(session, event)) continue;
      const text = written.get(session.format) ?? writeEslEvent(event, session.format);
      written.set(session.format, text);
      connection.send(text);
    }
  };
  const emit = (event: EslEvent): void => {
    const names = event.headers.filter(([name]) => name === "Event-Name" || name === "Event-Subclass");
    faults.pass(
      names.map(([, value]) => value),
      () => deliver(event),
    );
  };
  const postResult = async (
    call: EslCall,
    result: { success: boolean; text: string; pages: number },
  ): Promise<void> => {
    if (!settings.outboundHook) return;
    posting += 1;
    const body = JSON.stringify({
      job_id: call.variables.faxbot_job ?? "",
      fax_status: result.success ? "SUCCESS" : "FAILED",
      fax_result_text: result.text,
      fax_document_transferred_pages: result.pages,
      uuid: call.id,
    });
    hookAnswers.push(await postToHook(settings.outboundHook, "application/json", body));
    posting -= 1;
  };
  const script = outcomeByNumber<CallOutcome>({
    fallback: options.outcome ?? "delivered",
    preset: callPreset,
  });
  const calls = eslCalls({
    script,
    timelines,
    secondMs: options.secondMs ?? 10,
    events,
    emit,
    ended: (call, result) => void postResult(call, result),
  });
  const receiving = eslReceiving({
    files,
    hook: () => settings.inboundHook,
    answered: (status) => void hookAnswers.push(status),
    timelines,
    events,
    emit,
  });
  const exchange = (): EslExchange => ({
    password,
    gateways: options.gateways ?? ["trunk"],
    maxSessions: options.maxSessions ?? 1000,
    globals: options.globals ?? {},
    calls,
    live: () => [...calls.live(), ...receiving.live()],
    events,
    emit,
    noteCommand: (text) => void commandsRun.push(text),
    startedAt,
  });

  const protocol: SocketProtocol<EslOperation> = {
    operations: eslOperations,
    maxMessageBytes: 1024 * 1024,
    split: splitEsl,
    operationOf: (message) => eslOperationOf(readEslCommand(message)),
    opened(connection) {
      if (options.denied) {
        const body = "Access Denied, go away.\n";
        connection.send(
          writeEslMessage(
            [
              ["Content-Type", "text/rude-rejection"],
              ["Content-Length", String(body.length)],
            ],
            body,
          ),
        );
        connection.end();
        return;
      }
      sessions.set(connection, { authenticated: false, format: "plain", wanted: new Set(), filters: [] });
      connection.send(writeEslMessage([["Content-Type", "auth/request"]]));
    },
    closed: (connection) => void sessions.delete(connection),
    async handle(connection, message) {
      const session = sessions.get(connection);
      const command = readEslCommand(message);
      // An empty line between commands is none.
      if (!session || command.line.trim() === "") return "";
      const { text, close } = await takeEslCommand(command, session, exchange());
      if (close) setImmediate(() => connection.end());
      return text;
    },
    refusal: (_message, text) => eslReply(`-ERR ${text}`),
    withHeader: (answer, name, value) => answer.replace("\n", `\n${name}: ${value}\n`),
  };
  const server = await startSocketServer(protocol, options.port === undefined ? {} : { port: options.port });

  const strangersEvents = (caller: { number?: string; name?: string } = {}): EslEvent[] => {
    const channel = inboundChannel({
      uuid: randomUUID(),
      from: caller.number ?? "5550100",
      name: caller.name ?? "",
      to: "100",
    });
    const created = events.channel("CHANNEL_CREATE", channel);
    Object.assign(channel, { state: "CS_EXECUTE", callState: "ACTIVE", answerState: "answered" });
    const answered = events.channel("CHANNEL_ANSWER", channel);
    Object.assign(channel, {
      state: "CS_REPORTING",
      callState: "HANGUP",
      answerState: "hangup",
      hangupCause: "NORMAL_CLEARING",
    });
    channel.variables.set("hangup_cause", "NORMAL_CLEARING");
    return [created, answered, events.channel("CHANNEL_HANGUP_COMPLETE", channel)];
  };
  const forget = (): void => {
    timelines.clear();
    calls.forget();
    receiving.forget();
    faults.clear();
  };

  return extendServer(server, {
    password,
    spoolIn: files.folder,
    get completeAfterMs() {
      return settings.completeAfterMs;
    },
    set completeAfterMs(ms) {
      settings.completeAfterMs = ms;
    },
    get inboundHook() {
      return settings.inboundHook;
    },
    set inboundHook(hook) {
      settings.inboundHook = hook;
    },
    get outboundHook() {
      return settings.outboundHook;
    },
    set outboundHook(hook) {
      settings.outboundHook = hook;
    },
    get pauseAt() {
      return timelines.pauseAt;
    },
    set pauseAt(state) {
      timelines.pauseAt = state;
    },
    resume: () => timelines.resume(),
    reached: (state) => timelines.reached(state),
    faxes: calls.faxes,
    receivedFaxes: receiving.received,
    commandsRun,
    hookAnswers,
    script: (digits, outcomes) => script.set(digits, outcomes),
    finish: (id, outcome) => calls.finish(id, outcome),
    eventFault: (fault) => faults.add(fault),
    receiveFax: (inbound = {}) => receiving.receive(inbound),
    foreignCall(caller) {
      for (const event of strangersEvents(caller)) emit(event);
    },
    flood(eventsPerSecond) {
      const began = performance.now();
      // Making events is dear, and a client that shares the process would feel it: only the call's id changes.
      const model = strangersEvents();
      const id = model[0]?.headers.find(([name]) => name === "Unique-ID")?.[1] ?? "";
      const texts = { json: [""], plain: [""] };
      for (const format of ["json", "plain"] as const) {
        texts[format] = model.map((event) => writeEslEvent(event, format));
      }
      let sent = 0;
      const timer = setInterval(() => {
        const due = ((performance.now() - began) / 1000) * eventsPerSecond;
        for (; sent < due; sent += model.length) {
          const another = randomUUID();
          for (const [connection, session] of sessions) {
            for (const [index, event] of model.entries()) {
              if (!wantsEvent(session, event)) continue;
              connection.send((texts[session.format][index] ?? "").replaceAll(id, another));
            }
          }
        }
      }, 5);
      floods.add(timer);
      return () => {
        clearInterval(timer);
        floods.delete(timer);
        return sent;
      };
    },
    restart() {
      server.dropConnections();
      forget();
      startedAt = new Date();
    },
    async idle() {
      while (timelines.busy || !calls.settled || !receiving.settled || posting > 0) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    reset() {
      server.reset();
      forget();
      calls.reset();
      receiving.reset();
      script.reset();
      commandsRun.length = 0;
      hookAnswers.length = 0;
    },
    async stop() {
      for (const timer of floods) clearInterval(timer);
      forget();
      await server.stop();
      await files.remove();
    },
  } satisfies Omit<EslEmulator, keyof typeof server> & Pick<EslEmulator, "reset" | "stop">);
}
