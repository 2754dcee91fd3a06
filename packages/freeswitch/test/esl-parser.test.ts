import { readRecording } from "@faxbot/testing";
import { describe, expect, test } from "vitest";
import { eslCommand } from "../src/esl-command.ts";
import { mayConcernUs, readEvent } from "../src/esl-event.ts";
import { type EslMessage, EslParser, readHeaders } from "../src/esl-parser.ts";

function parse(bytes: Buffer, sizes: readonly number[], limits?: { headBytes: number; bodyBytes: number }) {
  const messages: EslMessage[] = [];
  const parser = new EslParser((message) => messages.push(message), limits);
  let at = 0;
  for (let index = 0; at < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] as number;
    // Bytes of a chunk are not kept by whoever sent it.
    parser.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  return messages;
}

const message = (type: string, body: string): string =>
  `Content-Length: ${Buffer.byteLength(body)}\nContent-Type: ${type}\n\n${body}`;

describe("messages", () => {
  test("are the same however the bytes are cut up", () => {
    const bytes = readRecording("freeswitch/t38-success").server;
    const whole = parse(bytes, [bytes.length]).map(({ type, body }) => [type, body.toString()]);
    expect(whole.length).toBeGreaterThan(20);
    for (const sizes of [[1], [7], [4096], [1, 5000, 3]]) {
      expect(parse(bytes, sizes).map(({ type, body }) => [type, body.toString()])).toEqual(whole);
    }
  });

  test("without a body, with blank lines between them", () => {
    const bytes = Buffer.from(
      "Content-Type: auth/request\n\n\n\nContent-Type: command/reply\nReply-Text: +OK\n\n",
    );
    for (const sizes of [[1], [1000]]) {
      expect(parse(bytes, sizes).map(({ type }) => type)).toEqual(["auth/request", "command/reply"]);
    }
  });

  test("of several bytes a character", () => {
    const text = `${message("text/event-json", '{"a":"Grüße 📠"}')}${message("api/response", "äöü")}`;
    expect(parse(Buffer.from(text), [1]).map(({ body }) => body.toString())).toEqual([
      '{"a":"Grüße 📠"}',
      "äöü",
    ]);
  });

  test("that are too long are passed over without being held", () => {
    const text = `${message("api/response", "x".repeat(5_000))}${message("api/response", "next")}`;
    for (const sizes of [[1], [100], [100_000]]) {
      const [long, next] = parse(Buffer.from(text), sizes, { headBytes: 100, bodyBytes: 1_000 });
      expect(long).toMatchObject({ oversized: true, body: Buffer.alloc(0) });
      expect(next?.body.toString()).toBe("next");
    }
  });

  test.each([
    ["a head without an end", "a".repeat(200)],
    ["a length that is no number", "Content-Length: 1e3\n\n"],
    ["a length below nothing", "Content-Length: -1\n\n"],
    ["a length beyond all measure", "Content-Length: 99999999999999\n\n"],
  ])("%s cannot be read", (_, text) => {
    expect(() => parse(Buffer.from(text), [10], { headBytes: 100, bodyBytes: 100 })).toThrow(RangeError);
  });

  test("the first header of a name stays, whatever is printed later", () => {
    const headers = readHeaders("Reply-Text: +OK\nreply-text: -ERR\nno colon\n: no name\nA:b:c");
    expect([...headers]).toEqual([
      ["reply-text", "+OK"],
      ["a", "b:c"],
    ]);
  });
});

describe("events", () => {
  const event = (type: string, body: string) =>
    readEvent({ headers: new Map(), type, body: Buffer.from(body), oversized: false });

  test("in JSON: texts only, and no name is special", () => {
    const read = event(
      "text/event-json",
      '{"Event-Name":"X","n":1,"l":["a"],"__proto__":"p","_body":"b","":"e"}',
    );
    expect(read?.name).toBe("X");
    expect(read?.body).toBe("b");
    expect(read?.field("__proto__")).toBe("p");
    for (const name of ["n", "l", "toString", "constructor"]) expect(read?.field(name)).toBeUndefined();
  });

  test("in plain form: values are decoded and make no headers", () => {
    const read = event(
      "text/event-plain",
      "Event-Name: CUSTOM\nEvent-Subclass: spandsp%3A%3Atxfaxresult\nstation: A%0AEvent-Name%3A%20EVIL\nbad: 100%\nContent-Length: 3\n\n+OK",
    );
    expect(read).toMatchObject({ name: "CUSTOM", subclass: "spandsp::txfaxresult", body: "+OK" });
    expect(read?.field("station")).toBe("A\nEvent-Name: EVIL");
    expect(read?.field("bad")).toBe("100%");
  });

  test.each(["", "{", "null", "[]", '"x"', "1", '{"a":"b"}', '{"Event-Name":""}', '{"Event-Name":{}}'])(
    "%j is none",
    (text) => {
      expect(event("text/event-json", text)).toBeUndefined();
    },
  );

  test("of other people's calls are told apart by their bytes alone", () => {
    const ours = "00000000-0000-4000-8000-000005552000";
    const isAwaited = (id: string) => id === ours;
    const concerns = (text: string) => mayConcernUs(Buffer.from(text), isAwaited);
    expect(concerns(`{"Event-Name":"CHANNEL_ANSWER","Unique-ID":"${ours}"}`)).toBe(true);
    expect(concerns(`Event-Name: CHANNEL_ANSWER\nUnique-ID: ${ours}\n`)).toBe(true);
    expect(concerns(`{"Event-Name":"BACKGROUND_JOB","Job-UUID":"${ours}"}`)).toBe(true);
    expect(concerns('{"Event-Name":"CHANNEL_ANSWER","Unique-ID":"x","variable_faxbot":"1"}')).toBe(true);
    expect(concerns('{"Event-Subclass":"spandsp::rxfaxresult","Unique-ID":"x"}')).toBe(true);
    expect(concerns('{"Event-Name":"CHANNEL_ANSWER","Unique-ID":"x"}')).toBe(false);
    // A caller's name that looks like a field is escaped, so it is not one.
    const name = JSON.stringify(`","Unique-ID":"${ours}","variable_faxbot":"1`);
    expect(concerns(`{"Event-Name":"CHANNEL_ANSWER","Caller-Caller-ID-Name":${name},"Unique-ID":"x"}`)).toBe(
      false,
    );
  });
});

describe("a command", () => {
  test("is one line and its headers", () => {
    expect(eslCommand("bgapi status", { "Job-UUID": "7" })).toBe("bgapi status\nJob-UUID: 7\n\n");
  });

  test.each(["\n", "\r", "\0", "\u0085", "\u2028", "\x1b"])("is refused with a %j in it", (character) => {
    expect(() => eslCommand(`api status${character}api system touch x`)).toThrow(RangeError);
    expect(() => eslCommand("bgapi x", { "Job-UUID": `1${character}` })).toThrow(RangeError);
  });

  test("is refused when there is none", () => {
    expect(() => eslCommand("")).toThrow(RangeError);
  });
});
