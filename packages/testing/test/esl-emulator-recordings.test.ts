import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import {
  type CallOutcome,
  type EslEmulator,
  type EslEmulatorOptions,
  readRecording,
  startEslEmulator,
  syntheticFaxTiff,
} from "../src/index.ts";
import { splitEsl } from "../src/replay/message-borders.ts";
import { wireClient } from "./wire-client.ts";

let spool: string;
let emulator: EslEmulator | undefined;
beforeAll(async () => {
  spool = await mkdtemp(join(tmpdir(), "faxbot-esl-test-"));
  await writeFile(join(spool, "std-g4.tif"), syntheticFaxTiff({ pages: 3, resolution: 98 }));
  await writeFile(join(spool, "garbage.tif"), "no TIFF at all");
});
afterEach(() => emulator?.stop());
afterAll(() => rm(spool, { recursive: true, force: true }));

/** Headers of media, addresses, times and the far end, which the emulator leaves out. */
const left =
  /^variable_(rtp_|remote_|local_media|advertised_|read_|write_|original_|switch_|ep_codec|dtmf_|video_|text_|audio_|dlg_|sip_(reason|full|recover|req|to|from|contact|via|allow|network|reply|local|cseq|call_id|user_agent|outgoing|destination|received|uri|host|has|dst|looped)|.*(epoch|stamp|usec|msec|mduration|uduration|billsec|[a-z]sec)$)|^Caller-Network|^Channel-(Read|Write)-Codec/;
/** What a fax is told by, value by value. */
const compared =
  /^(Event-Name|Event-Subclass|Channel-State|Channel-Call-State|Answer-State|Call-Direction|Channel-HIT-Dialplan|Hangup-Cause|_body|Job-Command|fax-(success|result-code|result-text|document-transferred-pages|document-total-pages|ecm-used|t38-status|transfer-rate)|variable_(hangup_cause|hangup_cause_q850|sip_term_status|sip_invite_failure_status|sip_invite_failure_phrase|proto_specific_hangup_cause|sip_hangup_disposition|current_application|current_application_response|fax_success|fax_result_code))$/;

/** Each message as its header names in order, with the values that are compared; of our own leg only. */
function shapes(text: string): string[] {
  const messages = splitEsl(Buffer.from(text)).messages.map(String);
  return messages.flatMap((message) => {
    const [head = "", ...rest] = message.split("\n\n");
    const body = rest.join("\n\n");
    if (/text\/event-json/.test(head)) {
      const event = JSON.parse(body) as Record<string, string>;
      if (event["Call-Direction"] === "inbound") return [];
      return [shape(Object.entries(event))];
    }
    if (/text\/event-plain/.test(head)) {
      const event = body.split("\n").map((line): [string, string] => {
        const [name = "", value = ""] = line.split(": ");
        return [name, decodeURIComponent(value)];
      });
      if (event.some(([name, value]) => name === "Call-Direction" && value === "inbound")) return [];
      const inner = rest[1] ?? "";
      return [
        shape([
          ...event.filter(([name]) => /^[\w-]+$/.test(name)),
          ...(inner ? [["_body", `${inner}`] as [string, string]] : []),
        ]),
      ];
    }
    return [message.replace(/\d+0000000-0000[\w-]*/g, "ID")];
  });
}

function shape(headers: readonly [string, string][]): string {
  return headers
    .filter(([name]) => !left.test(name))
    .map(([name, value]) => (compared.test(name) ? `${name}: ${value}` : name))
    .join("\n");
}

const over = /CHANNEL_HANGUP_COMPLETE/;

test.each<[name: string, outcome: CallOutcome, last: RegExp, options?: EslEmulatorOptions]>([
  ["t38-success", "delivered", over],
  ["t38-success-plain", "delivered", over],
  ["to-asterisk-t38", "delivered", over, { gateways: ["asterisk"] }],
  ["audio-success", "delivered", over],
  ["busy", "busy", /-ERR USER_BUSY/],
  ["rejected", "rejected", /-ERR CALL_REJECTED/],
  ["wrong-number", { cause: 3 }, /-ERR NO_ROUTE/],
  ["no-answer", "ringing", over],
  ["cancel-ringing", "ringing", /-ERR NORMAL_CLEARING/, { secondMs: 1000 }],
  ["answered-no-fax", "no_fax_tone", over],
  ["file-missing", "delivered", over],
  ["file-garbage", "delivered", over],
  ["bad-gateway", "delivered", /-ERR INVALID_GATEWAY/],
  ["auth-failed", "delivered", /goodbye/],
])("says what a real FreeSWITCH said, header by header: %s", async (name, outcome, last, options = {}) => {
  emulator = await startEslEmulator({ password: "faxbot-secret", completeAfterMs: 40, outcome, ...options });
  const recorded = readRecording(`freeswitch/${name}`);
  const client = await wireClient(emulator);
  const commands = recorded.client
    .toString()
    .replaceAll("/var/spool/fax/out", spool)
    .split(/(?<=\n\n)/);
  for (const command of commands) {
    if (command.startsWith("bgapi uuid_kill")) await client.hear("CHANNEL_PROGRESS");
    client.say(command);
  }
  await client.hear(last);
  await new Promise((resolve) => setTimeout(resolve, 15));
  const expected = shapes(recorded.server.toString());
  const rang = (messages: readonly string[]) =>
    messages.some((each) => each.includes("Event-Name: CHANNEL_PROGRESS"));
  // The far end of the recordings answers at once where a real one rings.
  expect(shapes(client.text).filter((each) => rang(expected) || !rang([each]))).toEqual(expected);
});

test("says what a real FreeSWITCH said of a received fax", async () => {
  emulator = await startEslEmulator({ password: "faxbot-secret", completeAfterMs: 40 });
  const recorded = readRecording("freeswitch/inbound-success");
  const client = await wireClient(emulator);
  client.say(recorded.client.toString());
  await client.hear("enabled json");
  emulator.receiveFax({ tiff: syntheticFaxTiff({ pages: 3 }), callerName: "Sender" });
  await client.hear(over);
  await new Promise((resolve) => setTimeout(resolve, 15));
  const own = (text: string) =>
    shapes(text.replaceAll('"Call-Direction":"inbound"', '"Call-Direction":"both-in"'));
  expect(own(client.text)).toEqual(own(recorded.server.toString()));
});
