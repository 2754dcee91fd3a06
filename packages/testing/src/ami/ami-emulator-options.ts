import type { CallOutcome } from "../exchange/call-outcome.ts";
import type { CallTimelines } from "../exchange/call-timeline.ts";
import type { ExchangeCall, InboundCall } from "../exchange/exchange-call.ts";
import type { ExchangeHook } from "../exchange/exchange-hook.ts";
import type { SocketEventFault } from "../exchange/socket-fault.ts";
import type { SocketServer } from "../exchange/socket-server.ts";
import type { AmiDialplan } from "./ami-dialplan.ts";
import type { AmiAccount } from "./ami-emulator-account.ts";

/** The actions that the emulator knows, by the names of their counters. */
export const amiOperations = [
  "login",
  "logoff",
  "events",
  "ping",
  "originate",
  "hangup",
  "getvar",
  "dbGet",
  "dbPut",
  "dbDel",
  "coreShowChannels",
  "coreStatus",
  "coreSettings",
  "faxSessions",
] as const;

/** One of {@link amiOperations}. */
export type AmiOperation = (typeof amiOperations)[number];

/** One call of the emulated Asterisk. */
export interface AmiCall extends ExchangeCall {
  /** e.g. `PJSIP/trunk-0000002a`. */
  readonly channel: string;
  /** The channel's endpoint, e.g. `trunk`. */
  readonly endpoint: string;
  readonly actionId: string | undefined;
}

/** How to start {@link startAmiEmulator}; everything has a default. */
export interface AmiEmulatorOptions {
  /** Default 0: a free one. */
  port?: number;
  /** Default: `faxbot` with the rights and filters that a careful manager.conf gives it. */
  accounts?: readonly AmiAccount[];
  /** Endpoints of pjsip.conf; default `trunk` with T.38 and `trunk-audio` without. */
  endpoints?: Readonly<Record<string, { t38: boolean }>>;
  dialplan?: AmiDialplan;
  /** Outcome of numbers that no script names; default `delivered`. */
  outcome?: CallOutcome;
  /** Milliseconds from taking a fax to its end; default 100. `Infinity`: only `finish` ends it. */
  completeAfterMs?: number;
  /** Milliseconds that stand for a second of the time-outs of calls; default 10. */
  secondMs?: number;
  /** Milliseconds until a wrong secret is refused; default 20 (a real server takes a second). */
  refusalMs?: number;
  /** False: FullyBooted comes in a segment of its own, a moment after the answer to the login. Default true. */
  bootedWithLogin?: boolean;
  /** Where received faxes are written; default a new folder for temporary files, removed at the end. */
  spoolIn?: string;
  /** Where the dialplan posts a form about a received fax. */
  inboundHook?: ExchangeHook;
}

/** A running imitation of the Asterisk Manager Interface. */
export interface AmiEmulator
  extends SocketServer<AmiOperation>,
    Pick<CallTimelines, "pauseAt" | "resume" | "reached"> {
  readonly username: string;
  readonly secret: string;
  /** Where received faxes are written. */
  readonly spoolIn: string;
  /** See {@link AmiEmulatorOptions.completeAfterMs}; may be changed. */
  completeAfterMs: number;
  /** See {@link AmiEmulatorOptions.inboundHook}; may be changed. */
  inboundHook: ExchangeHook | undefined;
  /** Every fax that was dialled, oldest first: one that was dialled twice is here twice. */
  readonly faxes: readonly AmiCall[];
  /** Calls that came in. */
  readonly receivedFaxes: readonly AmiCall[];
  /** AstDB: `family/key` → value. May be changed. */
  readonly database: Map<string, string>;
  /** What clients wanted Asterisk to run: other applications and commands. Nothing is run. */
  readonly commandsRun: readonly string[];
  /** Forms that were posted to `inboundHook`, and the status that was answered (0: none). */
  readonly hookAnswers: readonly number[];
  /** Scripts what becomes of faxes to a number, see `script` of the other emulators. */
  script(digits: string, outcomes: CallOutcome | readonly CallOutcome[]): void;
  /** Ends a call now. @param id its Uniqueid @throws RangeError when there is no such call, or it has ended */
  finish(id: string, outcome?: CallOutcome): void;
  /** Makes the next fitting event go wrong. */
  eventFault(fault: SocketEventFault): void;
  /** A fax comes in. @returns the name of its file without `.tif` */
  receiveFax(inbound?: InboundCall): string;
  /** A call of somebody else, shown to those who may hear it, raw: a hostile caller's line breaks are line breaks. */
  foreignCall(caller?: { number?: string; name?: string }): void;
  /** Other people's calls, so many events in a second. @returns a function that ends it and says how many events there were */
  flood(eventsPerSecond: number): () => number;
  /** Stops and starts the exchange: connections and calls are gone, AstDB and files are not. Nobody is told of it. */
  restart(): void;
  /** Resolves when no call goes on by itself any more. */
  idle(): Promise<void>;
}
