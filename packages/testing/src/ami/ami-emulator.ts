import { type CallOutcome, callPreset } from "../exchange/call-outcome.ts";
import { callTimelines } from "../exchange/call-timeline.ts";
import { eventFaults } from "../exchange/event-faults.ts";
import { receivedFiles } from "../exchange/received-file.ts";
import {
  extendServer,
  type SocketConnection,
  type SocketProtocol,
  startSocketServer,
} from "../exchange/socket-server.ts";
import { outcomeByNumber } from "../outcome-by-number.ts";
import { splitAmi } from "../replay/message-borders.ts";
import { faxbotDialplan } from "./ami-dialplan.ts";
import { type AmiAccount, amiEventFilters, mayHear } from "./ami-emulator-account.ts";
import { type AmiSession, amiError, amiOperationOf, takeAmiAction } from "./ami-emulator-actions.ts";
import { amiCalls } from "./ami-emulator-calls.ts";
import { type AmiChannel, type AmiEvent, channelEvent } from "./ami-emulator-events.ts";
import {
  type AmiEmulator,
  type AmiEmulatorOptions,
  type AmiOperation,
  amiOperations,
} from "./ami-emulator-options.ts";
import { amiReceiving } from "./ami-emulator-receiving.ts";
import { readAmiAction, writeAmiMessage } from "./ami-message.ts";

/** The account that {@link startAmiEmulator} has when it is given none. */
export const amiAccount: AmiAccount = {
  username: "faxbot",
  secret: "emulated-ami-secret-0",
  read: ["system", "call", "user"],
  write: ["system", "call", "originate", "reporting"],
  filters: amiEventFilters,
};

/**
 * Starts an imitation of Asterisk's Manager Interface (AMI 11, as Asterisk 22 speaks it) on 127.0.0.1, with a dialplan
 * that sends and receives faxes: real TCP, checks and refusals of the real server, scripted calls, AstDB, fault knobs
 * and counters. Files that are to be faxed are read from the disk when the far end answers. Nothing is dialled.
 *
 * @throws the system's error when the port is taken
 * @example
 * const asterisk = await startAmiEmulator();
 * asterisk.script("0177", ["busy", "delivered"]);
 * // … point a client at asterisk.host, asterisk.port, asterisk.username, asterisk.secret
 * await asterisk.stop();
 */
export async function startAmiEmulator(options: AmiEmulatorOptions = {}): Promise<AmiEmulator> {
  const accounts = options.accounts ?? [amiAccount];
  const dialplan = options.dialplan ?? faxbotDialplan;
  const database = new Map<string, string>();
  const settings = { completeAfterMs: options.completeAfterMs ?? 100, inboundHook: options.inboundHook };
  const sessions = new Map<SocketConnection, AmiSession>();
  const commandsRun: string[] = [];
  const floods = new Set<NodeJS.Timeout>();
  const files = receivedFiles(options.spoolIn);
  const faults = eventFaults();
  const timelines = callTimelines(() => settings.completeAfterMs);
  let startedAt = new Date();
  let channels = 0;
  const nextChannel = (): string => (channels++).toString(16).padStart(8, "0");

  const deliver = ({ eventClass, headers }: AmiEvent): void => {
    const text = writeAmiMessage(headers);
    for (const [connection, { account, wanted }] of sessions) {
      if (account && mayHear(account, wanted, eventClass, headers)) connection.send(text);
    }
  };
  const emit = (event: AmiEvent): void => {
    const names = event.headers.filter(([name]) => name === "Event" || name === "UserEvent");
    faults.pass(
      names.map(([, value]) => value),
      () => deliver(event),
    );
  };
  const script = outcomeByNumber<CallOutcome>({
    fallback: options.outcome ?? "delivered",
    preset: callPreset,
  });
  const calls = amiCalls({
    script,
    endpoints: options.endpoints ?? { trunk: { t38: true }, "trunk-audio": { t38: false } },
    dialplan,
    database,
    timelines,
    secondMs: options.secondMs ?? 10,
    nextChannel,
    emit,
  });
  const receiving = amiReceiving({
    files,
    dialplan,
    database,
    hook: () => settings.inboundHook,
    timelines,
    nextChannel,
    emit,
  });

  const booted = (): string =>
    writeAmiMessage([
      ["Event", "FullyBooted"],
      ["Privilege", "system,all"],
      ["Uptime", String(Math.floor((Date.now() - startedAt.getTime()) / 1000))],
      ["LastReload", String(Math.floor((Date.now() - startedAt.getTime()) / 1000))],
      ["Status", "Fully Booted"],
    ]);
  const protocol: SocketProtocol<AmiOperation> = {
    operations: amiOperations,
    maxMessageBytes: 1024 * 1024,
    split: splitAmi,
    operationOf: (message) => amiOperationOf(readAmiAction(message).name),
    opened(connection) {
      sessions.set(connection, { account: undefined, wanted: new Set() });
      connection.send("Asterisk Call Manager/11.0.0\r\n");
    },
    closed: (connection) => void sessions.delete(connection),
    async handle(connection, message) {
      const session = sessions.get(connection);
      if (!session) return "";
      const exchange = {
        accounts,
        dialplan,
        database,
        calls: { ...calls, live: () => [...calls.live(), ...receiving.live()] },
        startedAt,
        noteCommand: (text: string) => void commandsRun.push(text),
        refusalMs: options.refusalMs ?? 20,
      };
      const reply = await takeAmiAction(readAmiAction(message), session, exchange);
      if (reply.close) setImmediate(() => connection.end());
      const { account, wanted } = session;
      const hears = account && mayHear(account, wanted, "system", [["Event", "FullyBooted"]]);
      if (!reply.loggedIn || !hears) return reply.text;
      if (options.bootedWithLogin ?? true) return reply.text + booted();
      setTimeout(() => connection.send(booted()), 5);
      return reply.text;
    },
    refusal: (message, text) => amiError(readAmiAction(message), text),
    withHeader: (answer, name, value) => answer.replace("\r\n", `\r\n${name}: ${value}\r\n`),
  };
  const server = await startSocketServer(protocol, options.port === undefined ? {} : { port: options.port });

  const stranger = (caller: { number?: string; name?: string } = {}): AmiChannel => ({
    channel: `PJSIP/trunk-${nextChannel()}`,
    state: 4,
    callerNumber: caller.number ?? "5550100",
    callerName: caller.name ?? "",
    connectedNumber: "",
    connectedName: "",
    context: "office",
    exten: "100",
    priority: 1,
    uniqueId: `${Math.floor(Date.now() / 1000)}.${channels}`,
  });
  const strangersEvents = (channel: AmiChannel): AmiEvent[] => [
    channelEvent("Newchannel", channel),
    channelEvent("DialBegin", channel, [["DialString", "100"]]),
    channelEvent("Newstate", { ...channel, state: 6 }),
    channelEvent("UserEvent", channel, [["UserEvent", "QueueStatistics"]], "user"),
    channelEvent("Hangup", channel, [
      ["Cause", "16"],
      ["Cause-txt", "Normal Clearing"],
    ]),
  ];
  const [account = amiAccount] = accounts;
  const forget = (): void => {
    timelines.clear();
    calls.forget();
    receiving.forget();
    faults.clear();
  };

  return extendServer(server, {
    username: account.username,
    secret: account.secret,
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
    database,
    commandsRun,
    hookAnswers: receiving.hookAnswers,
    script: (digits, outcomes) => script.set(digits, outcomes),
    finish: (id, outcome) => calls.finish(id, outcome),
    eventFault: (fault) => faults.add(fault),
    receiveFax: (inbound = {}) => receiving.receive(inbound),
    foreignCall(caller) {
      for (const event of strangersEvents(stranger(caller))) emit(event);
    },
    flood(eventsPerSecond) {
      const began = performance.now();
      let sent = 0;
      const timer = setInterval(() => {
        const due = ((performance.now() - began) / 1000) * eventsPerSecond;
        while (sent < due) {
          for (const event of strangersEvents(stranger())) deliver(event);
          sent += 5;
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
      while (timelines.busy || !calls.settled || !receiving.settled) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    reset() {
      server.reset();
      forget();
      calls.reset();
      receiving.reset();
      script.reset();
      database.clear();
      commandsRun.length = 0;
    },
    async stop() {
      for (const timer of floods) clearInterval(timer);
      forget();
      await server.stop();
      await files.remove();
    },
  } satisfies Omit<AmiEmulator, keyof typeof server> & Pick<AmiEmulator, "reset" | "stop">);
}
