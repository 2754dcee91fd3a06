import { reconnectDelay } from "@faxbot/core/transport";
import { type EslTiming, eslTiming } from "./esl-connection.ts";

/** How long to wait for what, in milliseconds. Tests shorten it; hosts have no reason to. */
export interface FreeSwitchTiming extends EslTiming {
  /** For the first event of a new call, or its refusal, before `send` answers. */
  readonly earlyMs: number;
  /** For events that are still on their way when a call is gone. */
  readonly lateMs: number;
  /** After this time a call that was ordered exists, or was never begun. */
  readonly settleMs: number;
  /** Between two looks at what is due. */
  readonly tickMs: number;
  /** Between two questions whether a call is still there: FreeSWITCH drops events when it is overloaded. */
  readonly verifyMs: number;
  /** Between two looks into the folders. */
  readonly scanMs: number;
  /** A received file that did not change for so long, and has no call, is whole. */
  readonly quietMs: number;
  /** Before the next try after so many failures in a row. */
  readonly reconnectMs: (failures: number) => number;
  /** Before the next try when the password or our address was refused. */
  readonly refusedMs: number;
  /** How much later than FreeSWITCH's own timers the library's come. */
  readonly callGraceMs: number;
  /** What is left of outgoing faxes goes after this time. */
  readonly leftoverMs: number;
}

/** What is used when nobody says otherwise. */
export const freeswitchTiming: FreeSwitchTiming = {
  ...eslTiming,
  earlyMs: 2_000,
  lateMs: 2_000,
  settleMs: 10_000,
  tickMs: 500,
  verifyMs: 60_000,
  scanMs: 60_000,
  quietMs: 60_000,
  reconnectMs: reconnectDelay,
  refusedMs: 120_000,
  callGraceMs: 30_000,
  // Twice the longest call, with its ringing.
  leftoverMs: 2 * 3_900_000,
};
