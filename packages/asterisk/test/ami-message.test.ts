import { listRecordings, readRecording } from "@faxbot/testing";
import { describe, expect, it } from "vitest";
import { type AmiMessage, AmiReader, channelVariable, encodeAction } from "../src/ami-message.ts";

const banner = "Asterisk Call Manager/11.0.0\r\n";

function readAll(reader: AmiReader, bytes: Uint8Array, step: number): AmiMessage[] {
  const messages: AmiMessage[] = [];
  for (let at = 0; at < bytes.byteLength; at += step)
    messages.push(...reader.read(bytes.subarray(at, at + step)));
  return messages;
}

function textOf(message: AmiMessage): string {
  return `${message.kind} ${message.name} ${message.get("ActionID")} ${message.get("Uniqueid")}`;
}

describe("reading messages", () => {
  it("cuts every recording into the same messages, however it comes in pieces", () => {
    const recordings = listRecordings("ami").filter(({ outcome }) => outcome !== "attack");
    expect(recordings.length).toBeGreaterThan(15);
    for (const { name } of recordings) {
      const bytes = readRecording(name).server;
      const whole = readAll(new AmiReader(), bytes, bytes.byteLength).map(textOf);
      expect(whole.length).toBeGreaterThan(0);
      expect(whole.every((text) => /^(event|response) /.test(text))).toBe(true);
      for (const step of [1, 2, 3, 7, 1460]) {
        expect(readAll(new AmiReader(), bytes, step).map(textOf)).toEqual(whole);
      }
    }
  });

  it("does not believe a header that comes twice", () => {
    const [message] = new AmiReader().read(
      Buffer.from(`${banner}Event: UserEvent\r\nStatus: SUCCESS\r\nJob: a\r\nStatus: FAILED\r\n\r\n`),
    );
    expect(message?.get("Status")).toBeUndefined();
    expect(message?.get("Job")).toBe("a");
    expect(message?.get("Nothing")).toBeUndefined();
  });

  it("keeps colons, umlauts and blanks of values", () => {
    const [message] = new AmiReader().read(
      Buffer.from(
        `${banner}Event: X\r\nA: b: c \r\nB:no blank\r\nC:\r\nÜ: Käse 紙\r\nno colon\r\n: none\r\n\r\n`,
      ),
    );
    expect(["A", "B", "C", "Ü", ""].map((name) => message?.get(name))).toEqual([
      "b: c ",
      "no blank",
      "",
      "Käse 紙",
      undefined,
    ]);
  });

  it("refuses a peer that is not Asterisk", () => {
    expect(() => new AmiReader().read(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"))).toThrow(
      /not Asterisk/,
    );
    expect(() => new AmiReader().read(Buffer.alloc(300, "x"))).toThrow(/not Asterisk/);
  });

  it("passes over a message without an end and goes on with the next", () => {
    for (const step of [977, 65_536, 3_000_000]) {
      const reader = new AmiReader();
      const huge = Buffer.concat([
        Buffer.from(`${banner}Event: Huge\r\nA: `),
        Buffer.alloc(2_000_000, "x"),
        Buffer.from("\r\n\r\nEvent: Next\r\n\r\n"),
      ]);
      expect(readAll(reader, huge, step).map(({ name }) => name)).toEqual(["Next"]);
    }
  });
});

describe("writing actions", () => {
  const injections = ["a\r\nAction: Command", "a\nb", "a\rb", "\u0000", "a\u0085b", "a\u2028b", "\u007f"];

  it("refuses a line break or another control character in any value and any name", () => {
    for (const text of injections) {
      expect(() => encodeAction([["Action", text]])).toThrow(/no AMI header/);
      expect(() => encodeAction([[text, "x"]])).toThrow(/no AMI header/);
      expect(() =>
        encodeAction([
          ["Action", "Login"],
          ["Secret", text],
        ]),
      ).toThrow(/no AMI header/);
    }
  });

  it("refuses what Asterisk would cut or eat in a channel variable", () => {
    for (const text of ["Smith, Jones", 'a "b"', "it's", "a\\b", "$\u007bSHELL(id)}", "a|b", "a;b", "<a>"]) {
      expect(() => channelVariable("FAXBOT_HEADER", text)).toThrow(/no channel variable/);
    }
    expect(() => channelVariable("FAXBOT=X", "a")).toThrow(/no channel variable/);
    expect(channelVariable("FAXBOT_ECM", "yes")).toEqual(["Variable", "FAXBOT_ECM=yes"]);
  });

  it("writes headers in order, repeated ones too", () => {
    expect(
      encodeAction([
        ["Action", "A"],
        ["Variable", "B=1"],
        ["Variable", "C=2"],
      ]),
    ).toBe("Action: A\r\nVariable: B=1\r\nVariable: C=2\r\n\r\n");
  });
});
