import { Readable } from "node:stream";
import { capturingLogger, transportHost } from "@faxbot/testing";
import type { ImapFlow } from "imapflow";
import { expect, test } from "vitest";
import { imapSettings } from "../src/imap-settings.ts";
import { type MailMemory, takeFaxes } from "../src/take-faxes.ts";

const settings = imapSettings.parse({ host: "h", user: "u", pass: "p", senders: ["@fax.example.net"] });

/** A mailbox of mails with one PDF each, the connection to which breaks over some of them. */
function mailbox(uids: number[], breaksOver: number): { client: ImapFlow; asked: number[]; seen: number[] } {
  const [asked, seen]: [number[], number[]] = [[], []];
  const client = {
    usable: true,
    mailbox: { uidValidity: 1n },
    search: async () => uids.filter((uid) => !seen.includes(uid)),
    fetchOne: async (uid: string) => {
      asked.push(Number(uid));
      if (Number(uid) === breaksOver) {
        client.usable = false;
        throw new Error("too long a line");
      }
      return {
        uid: Number(uid),
        envelope: { from: [{ address: "a@fax.example.net" }], messageId: `<${uid}@example.net>` },
        bodyStructure: { part: "1", type: "application/pdf", size: 8 },
      };
    },
    download: async () => ({ content: Readable.from([Buffer.from("%PDF-1.4")]) }),
    messageFlagsAdd: async (uid: string) => void seen.push(Number(uid)),
  };
  return { client: client as unknown as ImapFlow, asked, seen };
}

test("a mail over which the connection breaks holds up no other, and at last is left alone", async () => {
  const memory: MailMemory = new Map();
  const logger = capturingLogger();
  const host = transportHost({ logger });
  const looks: number[][] = [];
  for (let look = 0; look < 7; look += 1) {
    const { client, asked } = mailbox(look < 2 ? [1, 2, 3] : [1, 4], 1);
    looks.push(asked);
    await takeFaxes(client, settings, memory, host).catch(() => {});
  }
  // It stays behind: 2 and 3 come first as soon as it broke once, and a new mail, too.
  expect(looks).toEqual([[1], [2, 3, 1], [4, 1], [1], [1], [], []]);
  expect(host.events).toHaveLength(3);
  expect(logger.text()).toContain("cannot be read is left alone");
});
