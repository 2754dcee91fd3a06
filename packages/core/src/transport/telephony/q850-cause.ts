import type { Failure, FailureReason } from "../fax-status.ts";

type Verdict = readonly [reason: FailureReason, retryable: boolean];

/**
 * What each cause value of ITU-T Q.850 means for a fax. 4xx to 6xx answers of SIP reach a telephone exchange's events
 * as these causes too (RFC 3398 section 8.2.6.1).
 */
const verdicts: ReadonlyMap<number, Verdict> = new Map(
  (
    [
      // unallocated, no route to network or destination, changed, format; prefix, network out of service for the number
      ["invalid_number", false, [1, 2, 3, 5, 9, 14, 22, 28]],
      ["busy", true, [17]],
      // no response, no answer, absent subscriber
      ["no_answer", true, [18, 19, 20]],
      // rejected; facility, trunk rights, barred calls and services, user not a member of the group
      ["rejected", false, [4, 21, 29, 50, 52, 53, 54, 55, 57, 62, 69, 70, 79, 87, 90]],
      // the call went away: normal clearing, channel trouble, pre-emption, redirection
      ["line_error", true, [6, 7, 8, 10, 11, 16, 23, 24, 25, 26]],
      // out of order, congestion, temporary failure, no channel or resource
      ["line_error", true, [27, 34, 35, 38, 39, 40, 41, 42, 43, 44, 46, 47, 49, 63]],
      // the media that we offered are not taken: worth one more call without T.38
      ["line_error", true, [58, 65, 66, 88]],
      // protocol errors and what says nothing
      ["line_error", true, [0, 30, 31, 81, 82, 83, 84, 85, 86, 91, 95, 96, 97, 98, 99, 100, 101]],
      ["line_error", true, [102, 103, 110, 111, 127]],
    ] as const
  ).flatMap(([reason, retryable, causes]) =>
    causes.map((cause): [number, Verdict] => [cause, [reason, retryable]]),
  ),
);

/** Causes that say that the far end takes no T.38, or not ours; see {@link callStep}. */
export const mediaRefusedCauses: readonly number[] = [58, 65, 66, 79, 88];

/** A SIP answer and the cause that exchanges make of it (RFC 3398 section 8.2.6.1; for 488 and 606 as they really do). */
const causesOfSip: ReadonlyMap<number, number> = new Map([
  [400, 41],
  [401, 21],
  [402, 21],
  [403, 21],
  [404, 1],
  [405, 63],
  [406, 79],
  [407, 21],
  [408, 18],
  [410, 22],
  [413, 127],
  [414, 127],
  [415, 88],
  [416, 127],
  [420, 127],
  [421, 127],
  [423, 127],
  [480, 18],
  [481, 41],
  [482, 25],
  [483, 25],
  [484, 28],
  [485, 1],
  [486, 17],
  [487, 16],
  [488, 88],
  [500, 41],
  [501, 79],
  [502, 38],
  [503, 41],
  [504, 102],
  [505, 127],
  [513, 127],
  [600, 17],
  [603, 21],
  [604, 1],
  [606, 88],
]);

/**
 * What a cause value of ITU-T Q.850 says about a call that was not answered or broke off.
 *
 * @param cause 0 to 127; an unknown one is a line error, as Q.850 has a class's general cause stand for it
 * @example
 * q850Failure(17); // { reason: "busy", retryable: true, providerCode: "Q.850/17" }
 */
export function q850Failure(cause: number): Failure {
  const [reason, retryable] = verdicts.get(cause) ?? ["line_error", true];
  return { reason, retryable, providerCode: `Q.850/${cause}` };
}

/**
 * What a final SIP answer says about a call, for when no Q.850 cause is known.
 *
 * @param status 300 to 699
 * @example
 * sipFailure(486); // { reason: "busy", retryable: true, providerCode: "SIP/486" }
 */
export function sipFailure(status: number): Failure {
  return { ...q850Failure(causesOfSip.get(status) ?? 127), providerCode: `SIP/${status}` };
}
