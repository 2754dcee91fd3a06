import { inspect } from "node:util";
import { readDocument, type TransportEvent, type TransportHost } from "@faxbot/core/transport";
import { capturingLogger, sendJob, syntheticPdf, transportCall, transportHost } from "@faxbot/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { openMailbox } from "../src/imap-connection.ts";
import { type ImapOptions, imap } from "../src/index.ts";
import { type MailMemory, takeFaxes } from "../src/take-faxes.ts";
import { type DovecotServer, dovecotMissing, startDovecot } from "./dovecot-server.ts";
import { faxMail } from "./fax-mail.ts";

type Received = Extract<TransportEvent, { type: "received" }>;

/** A fax as the host got it, with its bytes. */
type Taken = Received & { bytes: Uint8Array; fileName: string };

describe.skipIf(dovecotMissing)(
  `a mailbox on a real server${dovecotMissing ? `: ${dovecotMissing}` : ""}`,
  () => {
    let server: DovecotServer;
    const running: (() => Promise<void>)[] = [];
    beforeAll(async () => {
      server = await startDovecot();
    });
    afterAll(() => server.stop());
    afterEach(async () => {
      for (const stop of running.splice(0)) await stop();
    });

    const options = (more: Partial<ImapOptions> = {}): ImapOptions => ({
      ...server.settings,
      encryption: "tls",
      senders: ["@fax.example.net"],
      pollSeconds: 1,
      ...more,
    });

    /** Runs as the engine does: again whenever it ends early. */
    function take(more: Partial<ImapOptions> = {}, host: Partial<TransportHost> = {}) {
      const taken: Taken[] = [];
      const errors: unknown[] = [];
      const controller = new AbortController();
      const logger = capturingLogger();
      const transport = imap(options(more));
      const whole = transportHost({
        logger,
        ...host,
        signal: controller.signal,
        emit: async (event) => {
          await host.emit?.(event);
          if (event.type !== "received" || !event.document)
            throw new Error("expected a fax with its document");
          const { document } = event;
          taken.push({ ...event, bytes: await readDocument(document), fileName: document.fileName });
        },
      });
      const loop = async () => {
        while (!controller.signal.aborted) {
          await transport.run(whole).catch((error: unknown) => errors.push(error));
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      };
      const ended = loop();
      const stop = async () => {
        controller.abort();
        await ended;
      };
      running.push(stop);
      return { taken, errors, logger, stop };
    }
    const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 15_000, interval: 20 });
    /** Lays a genuine fax in last and waits for it: whatever came before it was looked at. */
    async function untilLooked(taken: Taken[]): Promise<void> {
      const content = syntheticPdf({ text: `last ${Math.random()}` });
      await server.deliver(faxMail({ attachments: [{ content }] }));
      await until(() => expect(taken.some(({ bytes }) => Buffer.from(content).equals(bytes))).toBe(true));
    }

    test("hands a fax over and marks its mail seen afterwards, never before", async () => {
      const before = (await server.count()).seen;
      const seenAtEmit: number[] = [];
      const content = syntheticPdf({ text: "a fax by mail" });
      await server.deliver(faxMail({ attachments: [{ content, fileName: "../../Fax: Jane.pdf" }] }));
      const { taken } = take(
        { faxNumber: "+12025550101" },
        { emit: async () => void seenAtEmit.push((await server.count()).seen) },
      );
      await until(() => expect(taken).toHaveLength(1));
      await until(async () => expect((await server.count()).seen).toBe(before + 1));
      expect(seenAtEmit).toEqual([before]);
      const [fax] = taken;
      expect(fax).toMatchObject({ type: "received", to: "+12025550101", fileName: "Fax_Jane.pdf" });
      expect(fax?.from).toBeUndefined();
      expect(fax?.key).toBe(`mail:${fax?.providerId}`);
      expect(fax?.occurredAt).toBeInstanceOf(Date);
      expect(Buffer.from(content).equals(fax?.bytes ?? new Uint8Array())).toBe(true);
    });

    test("hears of a new mail at once, without waiting for the next poll", async () => {
      const { taken } = take({ pollSeconds: 3_600 });
      await new Promise((resolve) => setTimeout(resolve, 300));
      for (const length of [1, 2]) {
        await server.deliver(faxMail());
        await until(() => expect(taken).toHaveLength(length));
      }
    });

    test("works over STARTTLS", async () => {
      await server.deliver(faxMail());
      const { taken } = take({ port: server.starttlsPort, encryption: "starttls" });
      await until(() => expect(taken).toHaveLength(1));
    });

    test("a fax that the host could not store stays unseen and comes again", async () => {
      const before = (await server.count()).seen;
      let fails = 2;
      await server.deliver(faxMail());
      const { taken, errors } = take(
        {},
        {
          emit: async () => {
            if (fails-- > 0) throw new Error("the store is down");
          },
        },
      );
      await until(async () => expect((await server.count()).seen).toBe(before + 1));
      expect(taken).toHaveLength(1);
      expect(errors).toMatchObject([{ code: "store_unavailable" }, { code: "store_unavailable" }]);
    });

    test("leaves mails of strangers, mails without a PDF and what only says it is one as they are", async () => {
      const before = await server.count();
      const strangers = [
        "stranger@example.org",
        "x@notfax.example.net",
        "x@fax.example.net.evil.example",
        '"noreply@fax.example.net" <evil@example.org>',
        "evil@example.org, noreply@fax.example.net",
      ];
      for (const from of strangers) await server.deliver(faxMail({ from }));
      await server.deliver(faxMail({ attachments: [] }));
      await server.deliver(faxMail({ attachments: [{ content: Buffer.from("MZ, no PDF") }] }));
      await server.deliver(faxMail({ attachments: [{ type: "image/png", fileName: "fax.pdf" }] }));
      await server.deliver(
        faxMail({ attachments: [{ type: "application/octet-stream", fileName: "fax.exe" }] }),
      );
      const { taken, logger } = take();
      await untilLooked(taken);
      expect(taken).toHaveLength(1);
      await until(async () => expect((await server.count()).seen).toBe(before.seen + 1));
      expect((await server.count()).all).toBe(before.all + 10);
      expect(logger.text()).toContain("attachments that were not taken");
      expect(logger.text()).not.toMatch(/example|Jane|\+1/);
    });

    test("takes every PDF of a mail, typed or by its name, and the same mail again only under the same key", async () => {
      const messageId = "<twice@fax.example.net>";
      const attachments = [
        { content: syntheticPdf({ text: "one" }) },
        { content: syntheticPdf({ text: "two" }), type: "application/octet-stream", fileName: "TWO.PDF" },
      ];
      await server.deliver(faxMail({ messageId, attachments }));
      await server.deliver(faxMail({ messageId, attachments }));
      const { taken } = take();
      await until(() => expect(taken).toHaveLength(4));
      expect(new Set(taken.map(({ key }) => key)).size).toBe(2);
      expect(taken[1]?.fileName).toBe("TWO.pdf");
    });

    test("a mail without structure or Message-ID is a fax too", async () => {
      const mail = [
        "From: noreply@fax.example.net",
        "Content-Type: application/pdf",
        "Content-Transfer-Encoding: base64",
        "",
        Buffer.from(syntheticPdf()).toString("base64"),
        "",
      ].join("\r\n");
      await server.deliver(mail);
      const { taken } = take();
      await until(() => expect(taken).toHaveLength(1));
      expect(taken[0]?.fileName).toBe("fax.pdf");
    });

    /** One look after the other, with a connection and a memory of their own. */
    async function looks(count: number, senders: string[]): Promise<number[]> {
      const settings = imap.settings.parse(options({ senders }));
      const host = transportHost();
      const connection = await openMailbox(settings, host.signal);
      const memory: MailMemory = new Map();
      const sums: number[] = [];
      for (let look = 0; look < count; look += 1) {
        await takeFaxes(connection.client, settings, memory, host);
        sums.push(host.events.length);
      }
      connection.close();
      return sums;
    }

    test("takes 20 attachments a look, and the rest with the next one", async () => {
      const attachments = Array.from({ length: 25 }, (_, index) => ({
        content: syntheticPdf({ text: `part ${index}` }),
      }));
      const before = (await server.count()).seen;
      await server.deliver(faxMail({ from: "a@many.example", attachments }));
      expect(await looks(1, ["@many.example"])).toEqual([20]);
      expect((await server.count()).seen).toBe(before);
      expect(await looks(3, ["a@many.example"])).toEqual([20, 25, 25]);
      await until(async () => expect((await server.count()).seen).toBe(before + 1));
    });

    test("takes 25 MB a look and no attachment above 10 MB, whose mail stays unseen", async () => {
      const pdf = (mebibytes: number, more = 0) => {
        const content = Buffer.alloc(mebibytes * 1024 * 1024 + more, 10);
        content.write("%PDF-1.4");
        return { content };
      };
      const before = (await server.count()).seen;
      const from = "a@big.example";
      await server.deliver(faxMail({ from, attachments: [pdf(10), pdf(10), pdf(9)] }));
      await server.deliver(faxMail({ from, attachments: [pdf(10, 1), pdf(14), {}] }));
      expect(await looks(3, ["@big.example", "@other.example"])).toEqual([2, 4, 4]);
      await until(async () => expect((await server.count()).seen).toBe(before + 1));
    });

    test("takes only what our own server authenticated, where that is asked for", async () => {
      const passed = "Authentication-Results: mx.example.com; dmarc=pass header.from=fax.example.net";
      const refused = [
        [],
        ["Authentication-Results: mx.example.com; dmarc=fail header.from=fax.example.net"],
        ["Authentication-Results: mx.example.com; dmarc=fail header.from=x", passed],
        ["Authentication-Results: evil.example.org; dmarc=pass header.from=fax.example.net"],
        ["Authentication-Results: mx.example.com; spf=fail (; dmarc=pass ) x=y"],
      ];
      for (const headers of refused) await server.deliver(faxMail({ headers }));
      await server.deliver(faxMail({ headers: [passed] }));
      const { taken } = take({ authServer: "mx.example.com" });
      await until(() => expect(taken).toHaveLength(1));
      await server.deliver(faxMail({ headers: [passed] }));
      await until(() => expect(taken).toHaveLength(2));
    });

    test("survives a server that goes away and a mailbox that counts anew", async () => {
      const { taken, errors } = take({}, {});
      await untilLooked(taken);
      await server.renumber();
      const content = syntheticPdf({ text: "after the renumbering" });
      await server.deliver(faxMail({ attachments: [{ content }] }));
      await until(() => expect(taken.some(({ bytes }) => Buffer.from(content).equals(bytes))).toBe(true));
      expect(errors.length).toBeGreaterThan(0);
      for (const error of errors) expect(error).toMatchObject({ code: "transport_unavailable" });
    });

    test("says what is wrong, and no secret", async () => {
      const health = async (more: Partial<ImapOptions> = {}) => {
        const { status, message } = await imap(options(more)).checkHealth(transportCall());
        return `${status}: ${message}`;
      };
      expect(await health()).toBe("healthy: The mail server answers and takes the password.");
      expect(await health({ pass: "wrong" })).toContain("unhealthy: The mail server refuses");
      expect(await health({ mailbox: "Nowhere" })).toContain("unhealthy: The mailbox does not exist");
      expect(await health({ port: 1 })).toContain("unhealthy: The mail server cannot be reached");
      const { ca: _, ...withoutCa } = options();
      const untrusted = imap(withoutCa);
      expect((await untrusted.checkHealth(transportCall())).status, "its certificate is nobody's").toBe(
        "unhealthy",
      );
      const error: unknown = await imap(options({ pass: "very-secret" }))
        .run(transportHost())
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "transport_unauthorized" });
      expect(inspect(error, { depth: 8, showHidden: true })).not.toMatch(/very-secret|fax@example/);
    });

    test("ends when it is told to, also while it connects", async () => {
      const controller = new AbortController();
      const runs = [imap(options()), imap(options({ port: 1 }))].map((transport) =>
        transport.run(transportHost({ signal: controller.signal })),
      );
      controller.abort();
      const [first] = await Promise.allSettled(runs);
      expect(first?.status).toBe("fulfilled");
    });
  },
);

test("a mailbox sends nothing", async () => {
  const transport = imap({ host: "mail.example.com", user: "u", pass: "p", senders: ["a@example.com"] });
  expect(transport.manifest.capabilities).toEqual(["run"]);
  await expect(transport.send(sendJob(), transportCall())).rejects.toMatchObject({
    code: "transport_rejected",
  });
});
