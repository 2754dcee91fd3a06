import type { Failure, FailureReason } from "../fax-status.ts";

type Result = readonly [sentence: string, reason: FailureReason, retryable: boolean];

/**
 * The results of a fax call as spandsp numbers and words them (its `t30.h` and `t30_api.c`). FreeSWITCH tells the number,
 * Asterisk the sentence alone. Between its releases a sentence may be a little longer or shorter, see {@link otherSentences}.
 */
const results: readonly Result[] = [
  ["OK", "unknown", false],
  ["The CED tone exceeded 5s", "line_error", true],
  ["Timed out waiting for initial communication", "no_fax_tone", true],
  ["Timed out waiting for the first message", "line_error", true],
  ["Timed out waiting for procedural interrupt", "line_error", true],
  ["The HDLC carrier did not stop in a timely manner", "line_error", true],
  ["Failed to train with any of the compatible modems", "line_error", true],
  ["Operator intervention failed", "rejected", false],
  ["Far end is not compatible", "rejected", false],
  ["Far end is not able to receive", "rejected", false],
  ["Far end is not able to transmit", "rejected", false],
  ["Far end cannot receive at the resolution of the image", "document", false],
  ["Far end cannot receive at the size of image", "document", false],
  ["Unexpected message received", "line_error", true],
  ["Received bad response to DCS or training", "line_error", true],
  // The far end may be out of paper, or have printed the page.
  ["Received a DCN from remote after sending a page", "transmission_error", true],
  ["Invalid ECM response received from receiver", "transmission_error", true],
  ["Received a DCN while waiting for a DIS", "line_error", true],
  ["Invalid response after sending a page", "transmission_error", true],
  ["Received other than DIS while waiting for DIS", "line_error", true],
  ["Received no response to DCS or TCF", "line_error", true],
  ["No response after sending a page", "transmission_error", true],
  ["Timed out waiting for receiver ready (ECM mode)", "transmission_error", true],
  ["Invalid ECM response received from transmitter", "transmission_error", true],
  // 24 to 40: said by a receiver
  ["DCS received while waiting for DTC", "transmission_error", true],
  ["Unexpected command after page received", "transmission_error", true],
  ["Carrier lost during fax receive", "transmission_error", true],
  ["Timed out while waiting for EOL (end Of line)", "transmission_error", true],
  ["Timed out while waiting for first line", "transmission_error", true],
  ["Timer T2 expired while waiting for DCN", "transmission_error", true],
  ["Timer T2 expired while waiting for phase D", "transmission_error", true],
  ["Timer T2 expired while waiting for fax page", "transmission_error", true],
  ["Timer T2 expired while waiting for next fax page", "transmission_error", true],
  ["Timer T2 expired while waiting for RR command", "transmission_error", true],
  ["Timer T2 expired while waiting for NSS, DCS or MCF", "transmission_error", true],
  ["Unexpected DCN while waiting for DCS or DIS", "line_error", true],
  ["Unexpected DCN while waiting for image data", "transmission_error", true],
  ["Unexpected DCN while waiting for EOM, EOP or MPS", "transmission_error", true],
  ["Unexpected DCN after EOM or MPS sequence", "transmission_error", true],
  ["Unexpected DCN after RR/RNR sequence", "transmission_error", true],
  ["Unexpected DCN after requested retransmission", "transmission_error", true],
  // 41 to 47: our own file
  ["TIFF/F file cannot be opened", "document", false],
  ["TIFF/F page not found", "document", false],
  ["TIFF/F format is not compatible", "document", false],
  ["TIFF/F page number tag missing", "document", false],
  ["Incorrect values for TIFF/F tags", "document", false],
  ["Bad TIFF/F header - incorrect values in fields", "document", false],
  ["Cannot allocate memory for more pages", "document", false],
  ["Disconnected after permitted retries", "line_error", true],
  ["The call dropped prematurely", "line_error", true],
  // 50 to 61: what the far end refuses
  ["Poll not accepted", "rejected", false],
  ["Ident not accepted", "rejected", false],
  ["Sub-address not accepted", "rejected", false],
  ["Selective polling address not accepted", "rejected", false],
  ["Polled sub-address not accepted", "rejected", false],
  ["Sender identification not accepted", "rejected", false],
  ["Password not accepted", "rejected", false],
  ["Transmitting subscriber internet address not accepted", "rejected", false],
  ["Internet routing address not accepted", "rejected", false],
  ["Calling subscriber internet address not accepted", "rejected", false],
  ["Internet selective polling address not accepted", "rejected", false],
  ["Called subscriber internet address not accepted", "rejected", false],
];

/** Wordings of other releases. */
const otherSentences: readonly (readonly [sentence: string, code: number])[] = [
  ["Far end is not receive capable", 9],
  ["Far end is not transmit capable", 10],
  ["Received no response to DCS, training or TCF", 20],
  ["Timer T5 expired, receiver not ready", 22],
];

const codes: ReadonlyMap<string, number> = new Map([
  ...results.map(([sentence], code): [string, number] => [asCompared(sentence), code]),
  ...otherSentences.map(([sentence, code]): [string, number] => [asCompared(sentence), code]),
]);

function asCompared(sentence: string): string {
  return sentence
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, " ")
    .trim();
}

/**
 * What the result of a fax call says, when it is not success.
 *
 * @param code the number that spandsp gives it (FreeSWITCH's `fax-result-code`); an unknown one can be tried again once
 * @example
 * t30Failure(2); // { reason: "no_fax_tone", retryable: true, providerCode: "T.30/2" }
 */
export function t30Failure(code: number): Failure {
  const [, reason, retryable] = results[code] ?? ["", "unknown", true];
  return { reason, retryable, providerCode: `T.30/${code}` };
}

/**
 * The number of a result that a server told in words, whatever its case and punctuation.
 *
 * @returns 0 to 61, or `undefined` for a sentence that is in no list
 * @example
 * t30CodeOf("The call dropped prematurely"); // 49
 */
export function t30CodeOf(sentence: string): number | undefined {
  return codes.get(asCompared(sentence));
}
