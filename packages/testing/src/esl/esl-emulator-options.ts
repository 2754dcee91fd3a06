import type { CallOutcome } from "../exchange/call-outcome.ts";
import type { CallTimelines } from "../exchange/call-timeline.ts";
import type { ExchangeCall, InboundCall } from "../exchange/exchange-call.ts";
import type { ExchangeHook } from "../exchange/exchange-hook.ts";
import type { SocketEventFault } from "../exchange/socket-fault.ts";
import type { SocketServer } from "../exchange/socket-server.ts";

/** The commands and API functions that the emulator knows, by the names of their counters. */
export const eslOperations = [
  "auth",
  "exit",
  "event",
  "nixevent",
  "noevents",
  "filter",
  "originate",
  "uuid_kill",
  "uuid_exists",
  "uuid_dump",
  "uuid_getvar",
  "global_getvar",
  "status",
  "version",
  "show",
  "sofia",
] as const;

/** One of {@link eslOperations}; an API function counts the same in the foreground and in the background. */
export type EslOperation = (typeof eslOperations)[number];

/** One call of the emulated FreeSWITCH. */
export interface EslCall extends ExchangeCall {
  /** Empty for calls that came in. */
  readonly gateway: string;
}

/** How to start {@link startEslEmulator}; everything has a default. */
export interface EslEmulatorOptions {
  /** Default 0: a free one. */
  port?: number;
  password?: string;
  /** True: its access list does not permit this machine. */
  denied?: boolean;
  /** Gateways of the SIP profile; default `trunk`. */
  gateways?: readonly string[];
  /** Calls at a time; default 1000. */
  maxSessions?: number;
  /** Global variables. */
  globals?: Readonly<Record<string, string>>;
  /** Outcome of numbers that no script names; default `delivered`. */
  outcome?: CallOutcome;
  /** Milliseconds from taking a fax to its end; default 100. `Infinity`: only `finish` ends it. */
  completeAfterMs?: number;
  /** Milliseconds that stand for a second of the time-outs of calls; default 10. */
  secondMs?: number;
  /** Where received faxes are written; default a new folder for temporary files, removed at the end. */
  spoolIn?: string;
  /** Where a form is posted about a received fax. */
  inboundHook?: ExchangeHook;
  /** Where JSON is posted about the end of a fax that was sent. */
  outboundHook?: ExchangeHook;
}

/** A running imitation of FreeSWITCH's event socket. */
export interface EslEmulator
  extends SocketServer<EslOperation>,
    Pick<CallTimelines, "pauseAt" | "resume" | "reached"> {
  readonly password: string;
  /** Where received faxes are written. */
  readonly spoolIn: string;
  /** See {@link EslEmulatorOptions.completeAfterMs}; may be changed. */
  completeAfterMs: number;
  /** May be changed. */
  inboundHook: ExchangeHook | undefined;
  /** May be changed. */
  outboundHook: ExchangeHook | undefined;
  /** Every fax that was dialled, oldest first: one that was dialled twice is here twice. */
  readonly faxes: readonly EslCall[];
  /** Calls that came in. */
  readonly receivedFaxes: readonly EslCall[];
  /** What clients wanted FreeSWITCH to run: API functions that are not here, and expressions that it would have expanded. Nothing is run. */
  readonly commandsRun: readonly string[];
  /** What was answered to posts (0: nothing). */
  readonly hookAnswers: readonly number[];
  /** Scripts what becomes of faxes to a number, see `script` of the other emulators. */
  script(digits: string, outcomes: CallOutcome | readonly CallOutcome[]): void;
  /** Ends a call now. @param id its UUID @throws RangeError when there is no such call, or it has ended */
  finish(id: string, outcome?: CallOutcome): void;
  /** Makes the next fitting event go wrong. */
  eventFault(fault: SocketEventFault): void;
  /** A fax comes in. @returns the UUID of the call, and the name of its file without `.tif` */
  receiveFax(inbound?: InboundCall): string;
  /** A call of somebody else, with hostile texts where they are given. */
  foreignCall(caller?: { number?: string; name?: string }): void;
  /** Other people's calls, so many events in a second. @returns a function that ends it and says how many events there were */
  flood(eventsPerSecond: number): () => number;
  /** Stops and starts the exchange: connections and calls are gone, files are not. Nobody is told of it. */
  restart(): void;
  /** Resolves when no call goes on by itself any more. */
  idle(): Promise<void>;
}
