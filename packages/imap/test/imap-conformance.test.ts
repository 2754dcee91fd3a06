import { receiveOnlyScenarios, type TransportPeer } from "@faxbot/testing";
import { describeTransport } from "@faxbot/testing/vitest";
import { describe } from "vitest";
import { imap } from "../src/index.ts";
import { type DovecotServer, dovecotMissing, startDovecot } from "./dovecot-server.ts";
import { faxMail } from "./fax-mail.ts";

interface MailPeer extends TransportPeer {
  server: DovecotServer;
}
const connected = (server: DovecotServer, more: object = {}) =>
  imap({ ...server.settings, encryption: "tls", senders: ["@fax.example.net"], pollSeconds: 1, ...more });

describe.skipIf(dovecotMissing)(`on a real server${dovecotMissing ? `: ${dovecotMissing}` : ""}`, () => {
  describeTransport<MailPeer>("imap", {
    manifest: imap.manifest,
    create: async () => {
      const server = await startDovecot();
      return {
        server,
        transport: connected(server),
        faxesTaken: () => 0,
        secrets: [server.settings.pass],
        stop: () => server.stop(),
      };
    },
    scenarios: {
      ...receiveOnlyScenarios,
      unauthorized: ({ server }) => connected(server, { pass: "another-password" }),
      unavailable: ({ server }) => server.stopListening(),
      hangs: { impossible: "a mail server that says nothing is no server of this test" },
      receivedByRun: ({ server }) => server.deliver(faxMail()),
    },
    patienceMs: 10_000,
  });
});
