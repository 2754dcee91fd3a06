import { type Failure, mediaRefusedCauses, q850Failure, t30Failure } from "@faxbot/core/transport";

/** ITU-T Q.850 numbers of the cause names that FreeSWITCH prints (its `switch_types.h`). */
const numbers: Readonly<Record<string, number>> = {
  NONE: 0,
  UNALLOCATED_NUMBER: 1,
  NO_ROUTE_TRANSIT_NET: 2,
  NO_ROUTE_DESTINATION: 3,
  CHANNEL_UNACCEPTABLE: 6,
  CALL_AWARDED_DELIVERED: 7,
  NORMAL_CLEARING: 16,
  USER_BUSY: 17,
  NO_USER_RESPONSE: 18,
  NO_ANSWER: 19,
  SUBSCRIBER_ABSENT: 20,
  CALL_REJECTED: 21,
  NUMBER_CHANGED: 22,
  REDIRECTION_TO_NEW_DESTINATION: 23,
  EXCHANGE_ROUTING_ERROR: 25,
  DESTINATION_OUT_OF_ORDER: 27,
  INVALID_NUMBER_FORMAT: 28,
  FACILITY_REJECTED: 29,
  RESPONSE_TO_STATUS_ENQUIRY: 30,
  NORMAL_UNSPECIFIED: 31,
  NORMAL_CIRCUIT_CONGESTION: 34,
  NETWORK_OUT_OF_ORDER: 38,
  NORMAL_TEMPORARY_FAILURE: 41,
  SWITCH_CONGESTION: 42,
  ACCESS_INFO_DISCARDED: 43,
  REQUESTED_CHAN_UNAVAIL: 44,
  PRE_EMPTED: 45,
  FACILITY_NOT_SUBSCRIBED: 50,
  OUTGOING_CALL_BARRED: 52,
  INCOMING_CALL_BARRED: 54,
  BEARERCAPABILITY_NOTAUTH: 57,
  BEARERCAPABILITY_NOTAVAIL: 58,
  SERVICE_UNAVAILABLE: 63,
  BEARERCAPABILITY_NOTIMPL: 65,
  CHAN_NOT_IMPLEMENTED: 66,
  FACILITY_NOT_IMPLEMENTED: 69,
  SERVICE_NOT_IMPLEMENTED: 79,
  INVALID_CALL_REFERENCE: 81,
  INCOMPATIBLE_DESTINATION: 88,
  INVALID_MSG_UNSPECIFIED: 95,
  MANDATORY_IE_MISSING: 96,
  MESSAGE_TYPE_NONEXIST: 97,
  WRONG_MESSAGE: 98,
  IE_NONEXIST: 99,
  INVALID_IE_CONTENTS: 100,
  WRONG_CALL_STATE: 101,
  RECOVERY_ON_TIMER_EXPIRE: 102,
  MANDATORY_IE_LENGTH_ERROR: 103,
  PROTOCOL_ERROR: 111,
  INTERWORKING: 127,
  // FreeSWITCH's own, for answers of SIP that have a cause of Q.850
  ORIGINATOR_CANCEL: 16,
  PROGRESS_TIMEOUT: 18,
  NO_PICKUP: 19,
  BUSY_EVERYWHERE: 17,
  DECLINE: 21,
  REJECT_ALL: 21,
  UNWANTED: 21,
  DOES_NOT_EXIST_ANYWHERE: 1,
  NOT_ACCEPTABLE: 88,
  SUCCESS: 16,
};

/** FreeSWITCH's own causes that have no counterpart in Q.850. */
const ownCauses: Readonly<Record<string, Omit<Failure, "providerCode">>> = {
  // Nothing was dialled: the gateway is not set up, or not connected now.
  INVALID_GATEWAY: { reason: "account", retryable: false },
  INVALID_PROFILE: { reason: "account", retryable: false },
  INVALID_URL: { reason: "account", retryable: false },
  USER_CHALLENGE: { reason: "account", retryable: false },
  GATEWAY_DOWN: { reason: "unavailable", retryable: true },
  USER_NOT_REGISTERED: { reason: "unavailable", retryable: true },
  // The call was there, and something ended it.
  ALLOTTED_TIMEOUT: { reason: "line_error", retryable: true },
  MEDIA_TIMEOUT: { reason: "line_error", retryable: true },
  MANAGER_REQUEST: { reason: "line_error", retryable: true },
  SYSTEM_SHUTDOWN: { reason: "line_error", retryable: true },
  CRASH: { reason: "line_error", retryable: true },
};

/** Causes that a channel-less `-ERR` names when the set-up of FreeSWITCH itself is wrong: no call was ever begun. */
const setupCauses: ReadonlySet<string> = new Set([
  "INVALID_GATEWAY",
  "INVALID_PROFILE",
  "INVALID_URL",
  "CHAN_NOT_IMPLEMENTED",
]);

/**
 * What a hang-up's cause means for a fax that was not sent.
 *
 * @param name as FreeSWITCH prints it, e.g. `USER_BUSY`
 * @param q850 the number beside it, when there is one
 * @example
 * causeFailure("USER_BUSY", 17); // { reason: "busy", retryable: true, providerCode: "Q.850/17" }
 */
export function causeFailure(name: string, q850?: number): Failure {
  const own = Object.hasOwn(ownCauses, name) ? ownCauses[name] : undefined;
  if (own) return { ...own, providerCode: `FreeSWITCH/${name}` };
  const number = Object.hasOwn(numbers, name) ? numbers[name] : q850;
  if (number !== undefined) return q850Failure(number);
  return { reason: "unknown", retryable: true, providerCode: "FreeSWITCH/other" };
}

/**
 * What the answer of a background `originate` means that begins with `-`. `begun` tells whether a channel may have
 * existed: then its own last event says more.
 */
export function refusalOf(answer: string): { failure: Failure; begun: boolean; cause: string } {
  const cause = /^-ERR ([A-Z][A-Z_]{2,40})$/.exec(answer.trim())?.[1];
  if (cause === undefined || setupCauses.has(cause)) {
    // `-USAGE …`, `-ERR originate Command not found!` and the like
    const providerCode = `FreeSWITCH/${cause ?? "refused"}`;
    return {
      failure: { reason: "account", retryable: false, providerCode },
      begun: false,
      cause: cause ?? "refused",
    };
  }
  return { failure: causeFailure(cause), begun: true, cause };
}

/** A call that was answered and ended without a result of txfax. */
export function silentEnd(cause: string, q850: number | undefined, hungUpByUs: boolean): Failure {
  // txfax leaves like this, without a word, when it cannot read the file.
  if (hungUpByUs && cause === "NORMAL_CLEARING") {
    return { reason: "document", retryable: false, providerCode: "FreeSWITCH/txfax_not_started" };
  }
  return causeFailure(cause, q850);
}

/** spandsp's "The call dropped prematurely". */
const dropped = 49;

/**
 * The failure of a result of txfax that is not success; code 0 without success is contradictory, so it says nothing.
 *
 * @param cause why the call was hung up, when that is known by then
 */
export function resultFailure(code: number | undefined, cause?: string): Failure {
  if (code === undefined || code === 0) return { reason: "unknown", retryable: true };
  // A far end that does not take our T.38 drops the call: what it is worth is a call without.
  const number = cause !== undefined && Object.hasOwn(numbers, cause) ? numbers[cause] : undefined;
  if (code === dropped && number !== undefined && mediaRefusedCauses.includes(number)) {
    return q850Failure(number);
  }
  return t30Failure(code);
}
