import { describe, expect, test } from "vitest";
import {
  checkTransport,
  reasonToSkip,
  titleOfCheck,
  transportCheckNames,
} from "../transport-suite/transport-checks.ts";
import type { TransportPeer, TransportSuite } from "../transport-suite/transport-suite.ts";

/**
 * The conformance suite for transports. Every scenario runs against a fresh stand-in of the provider. A check
 * that the manifest rules out, or whose scenario is declared impossible, is a skipped test with the reason in its name.
 *
 * @param name the transport's id, for the report
 * @example
 * describeTransport("sinch", {
 *   manifest: sinch.manifest,
 *   create: async () => {
 *     const emulator = await startSinchEmulator();
 *     return {
 *       emulator,
 *       transport: sinch({ … }),
 *       faxesTaken: () => emulator.faxes.length,
 *       secrets: [emulator.keySecret],
 *       stop: () => emulator.stop(),
 *     };
 *   },
 *   scenarios: {
 *     accepted: () => {},
 *     busy: ({ emulator }) => emulator.script("+12025550150", "busy"),
 *     …
 *   },
 * });
 */
export function describeTransport<Peer extends TransportPeer>(
  name: string,
  suite: TransportSuite<Peer>,
): void {
  describe(`transport ${name}`, () => {
    for (const check of transportCheckNames) {
      const reason = reasonToSkip(suite as unknown as TransportSuite<never>, check);
      const title = `${check}: ${titleOfCheck(check)}`;
      if (reason !== undefined) test.skip(`${title} (not here: ${reason})`, () => {});
      else test(title, async () => expect(await checkTransport(suite, check)).toEqual([]));
    }
  });
}
