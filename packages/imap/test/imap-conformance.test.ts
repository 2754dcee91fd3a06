import { receiveOnlyScenarios, type TransportPeer } from "@faxbot/testing";
import { describeTransport } from "@faxbot/testing/vitest";
import { afterAll, describe } from "vitest";
import { imap } from "../src/index.ts";
import { type DovecotServer, dovecotMissing, startDovecot } from "./dovecot-server.ts";
import { faxMail } from "./fax-mail.ts";

interface MailPeer extends TransportPeer {
  server: DovecotServer;
}
const connected = (server: DovecotServer, more: object = {}) =>
  imap({ ...server.settings, encryption: "tls", senders: ["@fax.example.net"], pollSeconds: 1, ...more });

describe.skipIf(dovecotMissing)(`on a real server${dovecotMissing ? `: ${dovecotMissing}` : ""}`, () => {
  let started: Promise<DovecotServer> | undefined;
  afterAll(async () => {
    await (await started)?.stop();
  });

  describeTransport<MailPeer>("imap", {
    manifest: imap.manifest,
    create: async () => {
      started ??= startDovecot();
      const server = await started;
      return {
        server,
        transport: connected(server),
        faxesTaken: () => 0,
        secrets: [server.settings.pass],
        // All checks share it: only one of them leaves a mail.
        stop: async () => {},
      };
    },
    scenarios: {
      ...receiveOnlyScenarios,
      unauthorized: ({ server }) => connected(server, { pass: "another-password" }),
      // The port of "discard", where nobody listens.
      unavailable: ({ server }) => connected(server, { port: 9 }),
      hangs: { impossible: "a mail server that says nothing is no server of this test" },
      receivedByRun: ({ server }) => server.deliver(faxMail()),
    },
    patienceMs: 10_000,
  });
});
