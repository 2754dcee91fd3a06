import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  type AmiAccount,
  type AmiEmulator,
  type AmiEmulatorOptions,
  amiAccount,
  type CallOutcome,
  foreignDialplan,
  readRecording,
  startAmiEmulator,
  syntheticFaxTiff,
} from "../src/index.ts";
import { wireClient } from "./wire-client.ts";

const accounts: AmiAccount[] = [
  { ...amiAccount, secret: "faxbot-secret" },
  { username: "limited", secret: "limited-secret", read: ["call"], write: ["call"], filters: [] },
  { username: "recorder", secret: "recorder-secret", read: ["all"], write: ["all"], filters: [] },
];
let spool: string;
let emulator: AmiEmulator | undefined;
beforeAll(async () => {
  spool = await mkdtemp(join(tmpdir(), "faxbot-ami-test-"));
  await writeFile(join(spool, "std-g4.tif"), syntheticFaxTiff({ pages: 3, resolution: 98 }));
  for (const name of ["fine-g3.tif", "fine-g4.tif"]) {
    await writeFile(join(spool, name), syntheticFaxTiff({ pages: 3 }));
  }
  await writeFile(join(spool, "garbage.tif"), "no TIFF at all");
});
afterEach(() => emulator?.stop());
afterAll(() => rm(spool, { recursive: true, force: true }));

/** Values that mean something, and are not of one session alone. */
const compared =
  /^(Response|Message|DialStatus|Reason|Cause|Cause-txt|Status|StatusText|Error|Pages|Resolution|Mode|HangupCause|Operation|Privilege|ListItems|EventList|UserEvent|ChannelState)$/;

/** Each message as its header names in order, with the values that are compared. */
function shapes(text: string): string[] {
  return text
    .replace(/^Asterisk Call Manager.*\r\n/, "")
    .split("\r\n\r\n")
    .filter((message) => message !== "")
    .map((message) =>
      message
        .split("\r\n")
        .map((line) => {
          const [, name = "", value = ""] = /^([^:]*): ?(.*)$/s.exec(line) ?? [];
          return name === "Event" || compared.test(name) ? `${name}: ${value}` : name;
        })
        .join("\n"),
    );
}

/** These two come in either order. */
function settle(messages: readonly string[]): string[] {
  const sorted = [...messages];
  for (let index = 1; index < sorted.length; index += 1) {
    const [one = "", two = ""] = sorted.slice(index - 1, index + 1);
    if (one.startsWith("Event: OriginateResponse\n") && two.includes("DialStatus: ANSWER")) {
      sorted.splice(index - 1, 2, two, one);
    }
  }
  return sorted;
}

/** Says what the recorded client said, and compares what is heard. */
async function compare(
  name: string,
  options: AmiEmulatorOptions,
  outcome: CallOutcome,
  last: RegExp,
): Promise<void> {
  emulator = await startAmiEmulator({
    accounts,
    dialplan: foreignDialplan,
    completeAfterMs: 40,
    outcome,
    ...options,
  });
  const recorded = readRecording(name);
  const client = await wireClient(emulator);
  const commands = recorded.client
    .toString()
    .replaceAll("/var/spool/fax/out", spool)
    .split(/(?<=\r\n\r\n)/);
  for (const command of commands) {
    if (command.startsWith("Action: Hangup")) await client.hear(/RINGING|Cause-txt/);
    if (command.startsWith("Action: DBGet")) await client.hear("Cause-txt");
    client.say(command);
    if (command.startsWith("Action: Hangup")) await client.hear("Cause-txt");
  }
  await client.hear(last);
  await new Promise((resolve) => setTimeout(resolve, 10));
  const expected = settle(shapes(recorded.server.toString()));
  const rang = (messages: readonly string[]) => messages.some((each) => each.includes("DialStatus: RINGING"));
  // The far end of the recordings answers at once where a real one rings.
  const heard = settle(shapes(client.text)).filter((each) => rang(expected) || !rang([each]));
  expect(heard).toEqual(expected);
}

const hangup = /Cause-txt: .*\r\n(TechCause: .*\r\n)?\r\n/;
const both = /(Hangup[\s\S]*OriginateResponse|OriginateResponse[\s\S]*Hangup)[\s\S]*\r\n\r\n$/;

describe("says what a real Asterisk said, header by header", () => {
  test.each<[string, CallOutcome, RegExp, AmiEmulatorOptions?]>([
    ["t38-success", "delivered", hangup],
    ["audio-success", "delivered", hangup],
    ["busy", "busy", both],
    ["rejected", { cause: 21, sip: 403 }, both],
    ["wrong-number", "invalid_number", both],
    ["no-answer", "ringing", both, { secondMs: 5 }],
    ["unknown-endpoint", "delivered", /OriginateResponse[\s\S]*\r\n\r\n$/],
    ["unknown-context", "delivered", /does not exist\.\r\n\r\n/],
    ["permission-denied", "delivered", /Permission denied\r\n\r\n/],
    ["auth-failed", "delivered", /failed\r\n\r\n/],
    ["answered-voice", "no_fax_tone", hangup, { endpoints: { trunk: { t38: false } } }],
    ["answered-silent-maxsecs", "silent", hangup, { endpoints: { trunk: { t38: false } } }],
    ["far-end-cut", "cut", hangup],
    ["file-garbage", "delivered", hangup],
    ["file-missing", "delivered", hangup],
    ["cancel-ringing", "ringing", /No such channel\r\n\r\n/, { secondMs: 1000 }],
    ["result-recovery-astdb", "hangs_up", /CoreShowChannelsComplete[\s\S]*\r\n\r\n/],
  ])("%s", (name, outcome, last, options = {}) => compare(`asterisk/${name}`, options, outcome, last));

  test("inbound-success", async () => {
    emulator = await startAmiEmulator({ accounts, dialplan: foreignDialplan, completeAfterMs: 40 });
    const client = await wireClient(emulator);
    client.say("Action: Login\r\nUsername: recorder\r\nSecret: recorder-secret\r\nEvents: call,user\r\n\r\n");
    await client.hear("accepted");
    emulator.receiveFax({ tiff: syntheticFaxTiff({ pages: 3 }) });
    await client.hear(hangup);
    // The recording has other calls in it, and the real carrier refused the end of this one.
    const own = (text: string) =>
      text
        .split("\r\n\r\n")
        .filter((message) => /^Event: (FAXStatus|ReceiveFAX|UserEvent|SoftHangupRequest)/.test(message))
        .filter((message) => message.includes("Context: receive") || message.includes("FaxbotReceived"))
        .join("\r\n\r\n");
    const recorded = readRecording("asterisk/inbound-success").server.toString();
    expect(shapes(own(client.text))).toEqual(shapes(own(recorded)));
  });

  test("forged by a caller's number: sip-crlf-callerid, and filtered: sip-crlf-filtered", async () => {
    emulator = await startAmiEmulator({ accounts });
    const open = await wireClient(emulator);
    open.say(
      "Action: Login\r\nActionID: a\r\nUsername: recorder\r\nSecret: recorder-secret\r\nEvents: call\r\n\r\n",
    );
    const filtered = await wireClient(emulator);
    filtered.say(
      "Action: Login\r\nActionID: a\r\nUsername: faxbot\r\nSecret: faxbot-secret\r\nEvents: call\r\n\r\n",
    );
    await open.hear("accepted");
    await filtered.hear("accepted");
    const forged =
      "1\r\n\r\nEvent: UserEvent\r\nUserEvent: FaxbotSent\r\nJob: forged\r\nStatus: SUCCESS\r\n\r\n";
    emulator.foreignCall({ number: forged, name: "Eve" });
    await open.hear("Cause-txt");
    const newchannel = (text: string) => {
      const whole = shapes(text);
      const at = whole.findIndex((shape) => shape.startsWith("Event: Newchannel"));
      return whole.slice(at, at + 3);
    };
    const recorded = readRecording("security/sip-crlf-callerid").server.toString();
    expect(newchannel(open.text)).toEqual(newchannel(recorded));
    expect(shapes(filtered.text)).toEqual(
      shapes(readRecording("security/sip-crlf-filtered").server.toString()),
    );
  });
});
