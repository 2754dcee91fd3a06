import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type EslEvent, readEvent } from "../src/esl-event.ts";
import { EslParser } from "../src/esl-parser.ts";
import { FreeSwitchCall } from "../src/freeswitch-call.ts";

const uuid = "0123abcd-0000-4000-8000-00000000abcd";
const numRuns = process.env.FAXBOT_FUZZ === "full" ? 20_000 : 500;

function eventOf(fields: Readonly<Record<string, string>>): EslEvent {
  const body = Buffer.from(JSON.stringify(fields));
  const event = readEvent({ headers: new Map(), type: "text/event-json", body, oversized: false });
  if (!event) throw new Error("this is no event");
  return event;
}

const words = fc.constantFrom("NORMAL_CLEARING", "USER_BUSY", "ORIGINATOR_CANCEL", "NO_ANSWER", "x", "");
const pages = fc.constantFrom("0", "1", "2", "7", "-1", "1e3", "");
const code = fc.constantFrom("0", "2", "41", "49", "99", "");

/** Any event that a call can have, with fields that fit or do not. */
const anyEvent = fc.oneof(
  fc
    .constantFrom("CHANNEL_CREATE", "CHANNEL_PROGRESS", "CHANNEL_ANSWER", "HEARTBEAT")
    .map((name) => ({ "Event-Name": name })),
  fc
    .record({
      body: fc.oneof(
        words.map((word) => `-ERR ${word}\n`),
        fc.constantFrom(`+OK ${uuid}\n`, "-USAGE", ""),
      ),
    })
    .map(({ body }) => ({ "Event-Name": "BACKGROUND_JOB", _body: body })),
  fc.record({ pages }).map((fields) => ({
    "Event-Name": "CUSTOM",
    "Event-Subclass": "spandsp::txfaxpageresult",
    "fax-document-transferred-pages": fields.pages,
  })),
  fc.record({ success: fc.constantFrom("0", "1", "true", ""), code, words, pages }).map((fields) => ({
    "Event-Name": "CUSTOM",
    "Event-Subclass": "spandsp::txfaxresult",
    "Hangup-Cause": fields.words,
    "fax-document-transferred-pages": fields.pages,
    "fax-success": fields.success,
    "fax-result-code": fields.code,
  })),
  fc.record({ success: fc.constantFrom("0", "1", ""), code, words, pages }).map((fields) => ({
    "Event-Name": "CHANNEL_HANGUP_COMPLETE",
    "Hangup-Cause": fields.words,
    variable_fax_document_transferred_pages: fields.pages,
    variable_fax_success: fields.success,
    variable_fax_result_code: fields.code,
  })),
);

const succeeds = (fields: Readonly<Record<string, string>>): boolean =>
  fields["fax-success"] === "1" || fields.variable_fax_success === "1";

describe("whatever comes in whatever order", () => {
  test("a call ends at most once, is delivered only by success, and counts pages upwards", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 12 }), fc.nat(12), (events, cancelAt) => {
        const call = new FreeSwitchCall(uuid, uuid.replaceAll("-", ""));
        let ending: string | undefined;
        let most = 0;
        let success = false;
        for (const [index, fields] of events.entries()) {
          if (index === cancelAt) call.cancel();
          const wasEnded = call.ended;
          const news = call.take(eventOf(fields));
          if (!wasEnded) success ||= succeeds(fields);
          const report = call.report();
          if (wasEnded) {
            expect(news).toBe(false);
            expect(JSON.stringify(report)).toBe(ending);
          }
          if (report.status === "delivered") expect(success).toBe(true);
          expect(report.failure !== undefined).toBe(report.status === "failed");
          if (report.status === "canceled") expect(success).toBe(false);
          expect(report.pages ?? 0).toBeGreaterThanOrEqual(most);
          most = report.pages ?? 0;
          if (call.ended) ending ??= JSON.stringify(report);
        }
      }),
      { numRuns },
    );
  });

  test("bytes are read or refused, and nothing else is thrown", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        "Content-Length: 5\n",
        "Content-Type: api/response\n",
        "\n",
        "\n\n",
        "hello",
        ":",
        "%",
        "\0",
      ),
      fc.constantFrom("Content-Length: 99999999\n\n", "Content-Length: -1\n\n", '{"Event-Name":"X"}'),
      fc.string({ maxLength: 20 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), fc.integer({ min: 1, max: 40 }), (pieces, size) => {
        const bytes = Buffer.from(pieces.join(""));
        const read = (step: number): string[] => {
          const seen: string[] = [];
          const parser = new EslParser((message) => {
            readEvent({ ...message, type: "text/event-json" });
            readEvent({ ...message, type: "text/event-plain" });
            seen.push(`${message.type} ${message.body.toString("latin1")} ${message.oversized}`);
          });
          try {
            for (let at = 0; at < bytes.length; at += step) parser.push(bytes.subarray(at, at + step));
          } catch (error) {
            if (!(error instanceof RangeError)) throw error;
            seen.push(error.message);
          }
          return seen;
        };
        expect(read(size)).toEqual(read(bytes.length || 1));
      }),
      { numRuns },
    );
  });
});
