import { readDocument } from "@faxbot/core/transport";
import { syntheticPdf, transportHost } from "@faxbot/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openMailbox } from "../src/imap-connection.ts";
import { imap } from "../src/index.ts";
import { type MailPart, pdfParts, safeName } from "../src/pdf-part.ts";
import { type MailMemory, takeFaxes } from "../src/take-faxes.ts";
import { dovecotMissing, startDovecot } from "./dovecot-server.ts";
import { faxMail } from "./fax-mail.ts";

/** How many mails are made up; 10,000 with `FAXBOT_HOSTILE_MAILS=10000`. */
const mails = Number(process.env.FAXBOT_HOSTILE_MAILS ?? 150);
const seed = 20_260_115;
const safe = /^[A-Za-z0-9][A-Za-z0-9._-]*\.pdf$/;

const broken = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.constant("../../etc/passwd\0.pdf"));

test("every name becomes a safe one", () => {
  fc.assert(
    fc.property(broken, (name) => {
      const made = safeName(name);
      expect(made).toMatch(safe);
      expect(made.length).toBeLessThanOrEqual(100);
    }),
    { seed, numRuns: 2_000 },
  );
  const names = ["", ".pdf", "a.pdf.exe", "C:\\x\\b.PDF", "/etc/c.pdf", "..", "a b\r\nc.pdf"].map(safeName);
  expect(names).toEqual(["fax.pdf", "fax.pdf", "a.pdf.exe.pdf", "b.pdf", "c.pdf", "fax.pdf", "a_b_c.pdf"]);
});

test("no structure of a mail breaks the search for its PDFs", () => {
  const { node } = fc.letrec<{ node: MailPart }>((tie) => ({
    node: fc.record(
      {
        part: fc.oneof(fc.constantFrom("1", "1.2", "1.2.3"), broken),
        type: fc.oneof(
          fc.constantFrom("application/pdf", "application/octet-stream", "multipart/mixed"),
          broken,
        ),
        encoding: fc.oneof(fc.constantFrom("base64", "7bit"), broken),
        size: fc.oneof(fc.nat(), fc.double(), fc.constant(-1)),
        parameters: fc.dictionary(fc.constantFrom("name", "x"), fc.anything()),
        dispositionParameters: fc.dictionary(fc.constantFrom("filename", "x"), fc.anything()),
        childNodes: fc.array(tie("node"), { maxLength: 3, depthIdentifier: "mail" }),
      },
      { requiredKeys: [] },
    ),
  }));
  fc.assert(
    fc.property(node, (root) => {
      for (const { part, fileName, size } of pdfParts(root)) {
        expect(part).toMatch(/^\d+(\.\d+)*$/);
        expect(fileName).toMatch(safe);
        expect(size >= 0 && Number.isFinite(size)).toBe(true);
      }
    }),
    { seed, numRuns: 200 },
  );
  let deep: MailPart = { type: "application/pdf", part: "1" };
  for (let depth = 0; depth < 50_000; depth += 1) deep = { childNodes: [deep] };
  expect(pdfParts(deep)).toEqual([]);
  const wide = {
    childNodes: Array.from({ length: 100_000 }, () => ({ type: "application/pdf", part: "1" })),
  };
  expect(pdfParts(wide).length).toBeLessThan(1_000);
});

describe.skipIf(dovecotMissing)(
  `hostile mails on a real server${dovecotMissing ? `: ${dovecotMissing}` : ""}`,
  () => {
    test(
      `${mails} made-up mails break nothing, and the fax after them comes through`,
      async () => {
        const server = await startDovecot();
        try {
          for (const mail of fc.sample(hostileMail, { seed, numRuns: mails })) {
            await server.deliver(Buffer.from(mail, "latin1"));
          }
          const last = syntheticPdf({ text: "the fax after them" });
          await server.deliver(faxMail({ attachments: [{ content: last }] }));
          const settings = imap.settings.parse({
            ...server.settings,
            encryption: "tls",
            senders: ["@fax.example.net"],
          });
          let arrived = false;
          const host = transportHost({
            emit: async (event) => {
              if (event.type !== "received" || !event.document) throw new Error("expected a document");
              const { document, key } = event;
              const bytes = await readDocument(document);
              expect(Buffer.from(bytes.subarray(0, 5)).toString("latin1")).toBe("%PDF-");
              expect(bytes.byteLength).toBeLessThanOrEqual(10 * 1024 * 1024);
              expect(document.fileName).toMatch(safe);
              expect(key).toMatch(/^mail:[0-9a-f]{40}$/);
              arrived ||= Buffer.from(last).equals(bytes);
            },
          });
          const connection = await openMailbox(settings, host.signal);
          const memory: MailMemory = new Map();
          for (let look = 0; look < mails && !arrived; look += 1) {
            await takeFaxes(connection.client, settings, memory, host);
          }
          connection.close();
          expect(arrived).toBe(true);
          expect(host.events.length).toBeGreaterThan(1);
        } finally {
          await server.stop();
        }
      },
      30_000 + mails * 100,
    );
  },
);

/** A mail that is wrong somewhere: boundaries, headers, encodings, names, nesting, sizes. */
const hostileMail: fc.Arbitrary<string> = (() => {
  const noise = fc.string({ unit: "binary", maxLength: 60 }).map((text) => text.replace(/[\r\n\0]/g, ""));
  const pdf = Buffer.from(syntheticPdf());
  const body = fc.oneof(
    fc.constant(pdf.toString("base64")),
    fc.constant(pdf.toString("base64").slice(0, 101)),
    fc.constant(pdf.toString("latin1")),
    fc.constant(Buffer.from("MZ").toString("base64")),
    fc.constant("====\r\n!!!!"),
    noise,
  );
  const part = fc
    .record({
      type: fc.oneof(
        fc.constantFrom("application/pdf", "application/octet-stream", "message/rfc822", "text/html"),
        noise,
      ),
      name: fc.oneof(
        fc.constantFrom("fax.pdf", "../../x.pdf", "=?utf-8?Q?f=C3=BC=0D=0A.pdf?=", "a\\b.pdf"),
        noise,
      ),
      encoding: fc.oneof(fc.constantFrom("base64", "quoted-printable", "7bit", "x-unknown"), noise),
      body,
      headerless: fc.boolean(),
    })
    .map(({ type, name, encoding, body: content, headerless }) =>
      headerless
        ? content
        : `Content-Type: ${type}; name="${name}"\r\nContent-Disposition: attachment; filename="${name}"\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${content}`,
    );
  return fc
    .record({
      from: fc.oneof(
        { weight: 5, arbitrary: fc.constant("noreply@fax.example.net") },
        { weight: 1, arbitrary: noise.map((text) => `${text} <noreply@fax.example.net>`) },
        { weight: 1, arbitrary: noise },
      ),
      messageId: fc.oneof(fc.constant("<same@fax.example.net>"), noise, fc.constant("")),
      depth: fc.nat(4),
      parts: fc.array(part, { maxLength: 4 }),
      closed: fc.boolean(),
      extra: fc.array(noise, { maxLength: 3 }),
    })
    .map(({ from, messageId, depth, parts, closed, extra }) => {
      let inner = parts.map((each) => `--B\r\n${each}\r\n`).join("") + (closed ? "--B--\r\n" : "");
      let type = "multipart/mixed; boundary=B";
      for (let level = 0; level < depth; level += 1) {
        inner = `--B${level}\r\nContent-Type: ${type}\r\n\r\n${inner}\r\n--B${level}--\r\n`;
        type = `multipart/mixed; boundary="B${level}"`;
      }
      const more = extra.map((text) => `X-Noise: ${text}\r\n`).join("");
      return `From: ${from}\r\nMessage-ID: ${messageId}\r\n${more}MIME-Version: 1.0\r\nContent-Type: ${type}\r\n\r\n${inner}`;
    });
})();
