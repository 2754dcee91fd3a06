import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import {
  type CallState,
  type EslEmulator,
  type EslEmulatorOptions,
  startEslEmulator,
  startWebhookCatcher,
  syntheticFaxTiff,
} from "../src/index.ts";
import { splitEsl } from "../src/replay/message-borders.ts";
import { type WireClient, wireClient } from "./wire-client.ts";

const uuid = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
let folder: string;
let emulator: EslEmulator;
let client: WireClient;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "faxbot-esl-test-"));
  await writeFile(join(folder, "two.tif"), syntheticFaxTiff({ pages: 2 }));
});
beforeEach(() => start());
afterEach(() => emulator.stop());
afterAll(() => rm(folder, { recursive: true, force: true }));

async function start(options: EslEmulatorOptions = {}): Promise<void> {
  await emulator?.stop();
  emulator = await startEslEmulator({ completeAfterMs: 20, ...options });
  client = await logIn();
}

const subscription =
  "CHANNEL_CREATE CHANNEL_PROGRESS CHANNEL_ANSWER CHANNEL_HANGUP_COMPLETE BACKGROUND_JOB CUSTOM spandsp::txfaxresult spandsp::rxfaxresult";

async function logIn(): Promise<WireClient> {
  const one = await wireClient(emulator);
  one.say(`auth ${emulator.password}\n\nevent json ${subscription}\n\n`);
  await one.hear("+OK event listener enabled json\n\n");
  return one;
}

function originate(
  more: { vars?: string; number?: string; file?: string; job?: string; gateway?: string } = {},
): string {
  const {
    vars = "",
    number = "12025550150",
    file = join(folder, "two.tif"),
    job = "job-1",
    gateway = "trunk",
  } = more;
  return `bgapi originate {origination_uuid=${uuid},fax_enable_t38=true${vars}}sofia/gateway/${gateway}/${number} &txfax(${file})\nJob-UUID: ${job}\n\n`;
}

/** The events heard so far. */
function events(of = client): Record<string, string>[] {
  return splitEsl(Buffer.from(of.text))
    .messages.map(String)
    .filter((message) => message.includes("text/event-json"))
    .map((message) => JSON.parse(message.slice(message.indexOf("\n\n") + 2)) as Record<string, string>);
}

/** Says an API command in the foreground; returns what it answered. */
async function api(command: string): Promise<string> {
  const before = client.text.length;
  client.say(`api ${command}\n\n`);
  const answer = () => {
    const heard = client.text.slice(before);
    const [, length = "", rest = ""] = /api\/response\nContent-Length: (\d+)\n\n([\s\S]*)$/.exec(heard) ?? [];
    return length !== "" && rest.length >= Number(length) ? rest.slice(0, Number(length)) : undefined;
  };
  return await vi.waitUntil(answer, { timeout: 4_000, interval: 5 });
}

describe("logging in", () => {
  test("asks, refuses what comes before, and wrong passwords, and closes", async () => {
    const stranger = await wireClient(emulator);
    await stranger.hear("Content-Type: auth/request\n\n");
    stranger.say("api status\n\nauth wrong\n\n");
    await stranger.hear("Reply-Text: -ERR command not found\n\n");
    await stranger.hear(
      "Reply-Text: -ERR invalid\n\nContent-Type: text/disconnect-notice\nContent-Length: 67\n\n",
    );
    await stranger.ended;
    expect(emulator.calls.auth).toBe(2);
  });

  test("an access list turns away at once", async () => {
    await emulator.stop();
    emulator = await startEslEmulator({ denied: true });
    const stranger = await wireClient(emulator);
    await stranger.hear("Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n");
    await stranger.ended;
  });

  test("leaving is answered", async () => {
    client.say("exit\n\n");
    await client.hear("Reply-Text: +OK bye\n\n");
    await client.ended;
  });
});

describe("commands", () => {
  test("answer as the real server does", async () => {
    expect(await api("status")).toMatch(/^UP 0 years, .*\nFreeSWITCH \(Version 1\.11/);
    expect(await api(`uuid_exists ${uuid}`)).toBe("false");
    expect(await api(`uuid_kill ${uuid}`)).toBe("-ERR No such channel!\n");
    expect(await api(`uuid_dump ${uuid} json`)).toBe("-ERR No such channel!\n");
    expect(await api("show channels as json")).toBe('{"row_count":0}\n');
    expect(await api("sofia status gateway nosuch")).toBe("Invalid Gateway!\n");
    expect(await api("sofia status gateway trunk")).toContain("Status  \tUP\n");
    expect(await api("global_getvar nothing")).toBe("-ERR no reply\n");
    expect(emulator.commandsRun).toEqual([]);
    expect(await api("system reboot")).toBe("-ERR system Command not found!\n");
    expect(emulator.commandsRun).toEqual(["system reboot"]);
    client.say("nonsense\n\nfilter\n\nevent json\n\n");
    await client.hear("-ERR command not found\n\n");
    await client.hear("-ERR invalid syntax\n\n");
    await client.hear("-ERR no keywords supplied\n\n");
  });

  test.each<[() => string, string]>([
    [() => originate({ gateway: "nosuch" }), "-ERR INVALID_GATEWAY\n"],
    [() => originate().replace("sofia/", "skype/"), "-ERR CHAN_NOT_IMPLEMENTED\n"],
    [() => originate().replace("&txfax", "txfax"), "-USAGE: "],
    [() => originate().replace("}", ""), "-USAGE: "],
  ])("originate that cannot be: %#", async (said, answer) => {
    client.say(said());
    await client.hear("BACKGROUND_JOB");
    await client.hear(JSON.stringify(answer).slice(1, -1));
    expect(events()).toHaveLength(1);
    expect(emulator.faxes).toHaveLength(0);
  });

  test("variables are quoted as it takes them, and expressions are expanded away", async () => {
    client.say(
      originate({
        vars: `,a='Smith\\, Jones',b='Smith, c=x',d=O\\'Neil,e=\${system(reboot)}z,api_hangup_hook=f`,
      }),
    );
    await client.hear("CHANNEL_HANGUP_COMPLETE");
    expect(emulator.faxes[0]?.variables).toMatchObject({
      a: "Smith, Jones",
      b: "Smith",
      c: "x",
      d: "O'Neil",
      e: "z",
    });
    expect(emulator.commandsRun).toEqual(["system(reboot)"]);
  });

  test("a line feed is a second command", async () => {
    client.say(originate({ number: "1\n\napi system reboot\n\n" }));
    await client.hear("-ERR system Command not found!");
    expect(emulator.commandsRun).toEqual(["system reboot"]);
  });

  test("events come in the format that was asked for, through filters of which one is enough", async () => {
    const plain = await wireClient(emulator);
    plain.say(`auth ${emulator.password}\n\nevent plain ${subscription}\n\n`);
    plain.say("filter variable_faxbot 1\n\nfilter Event-Name BACKGROUND_JOB\n\n");
    await plain.hear("+OK filter added. [Event-Name]=[BACKGROUND_JOB]\n\n");
    client.say(originate());
    await client.hear("CHANNEL_HANGUP_COMPLETE");
    await plain.hear(/Job-UUID: job-1\n[\s\S]*Content-Length: 41\n\n\+OK 7c9e6679-/);
    expect(plain.text).not.toContain("CHANNEL_");
    client.say(originate({ vars: ",faxbot=1", job: "job-2" }));
    await plain.hear(/Event-Name: CHANNEL_HANGUP_COMPLETE\n[\s\S]*variable_fax_result_text: OK\n/);
  });
});

describe("calls", () => {
  test("answered is not faxed; the result comes with every page confirmed", async () => {
    client.say(originate());
    await client.hear("CHANNEL_HANGUP_COMPLETE");
    expect(events().map((event) => event["Event-Subclass"] ?? event["Event-Name"])).toEqual([
      "CHANNEL_CREATE",
      "CHANNEL_PROGRESS",
      "CHANNEL_ANSWER",
      "BACKGROUND_JOB",
      "spandsp::txfaxresult",
      "CHANNEL_HANGUP_COMPLETE",
    ]);
    expect(events().at(-1)).toMatchObject({
      variable_fax_success: "1",
      variable_fax_document_transferred_pages: "2",
      "Hangup-Cause": "NORMAL_CLEARING",
    });
    expect(emulator.faxes[0]).toMatchObject({ id: uuid, result: "SUCCESS", confirmedPages: 2 });
    expect(emulator.faxes[0]?.document).toEqual(await readFile(join(folder, "two.tif")));
    await emulator.idle();
  });

  test.each<[CallState, string, boolean]>([
    ["dialing", "-ERR ORIGINATOR_CANCEL\\n", false],
    ["ringing", "-ERR ORIGINATOR_CANCEL\\n", false],
    ["answered", "+OK 7c9e6679", false],
    ["transferring", "+OK 7c9e6679", true],
  ])("can be killed while %s", async (state, answer, withResult) => {
    emulator.pauseAt = state;
    client.say(originate());
    await emulator.reached(state);
    expect(await api(`uuid_exists ${uuid}`)).toBe("true");
    expect(await api(`uuid_dump ${uuid} json`)).toContain(`"Unique-ID":"${uuid}"`);
    expect(await api(`uuid_kill ${uuid} ORIGINATOR_CANCEL`)).toBe("+OK\n");
    await client.hear("CHANNEL_HANGUP_COMPLETE");
    await client.hear(answer);
    expect(events().find((event) => event["Event-Name"] === "CHANNEL_HANGUP_COMPLETE")).toMatchObject({
      "Hangup-Cause": "ORIGINATOR_CANCEL",
    });
    const result = events().find((event) => event["Event-Subclass"] === "spandsp::txfaxresult");
    expect(result?.["fax-result-code"]).toBe(withResult ? "49" : undefined);
    expect(await api(`uuid_exists ${uuid}`)).toBe("false");
  });

  test.each<CallState>(["dialing", "ringing", "answered", "transferring"])(
    "can be finished by hand while %s",
    async (state) => {
      emulator.pauseAt = state;
      client.say(originate());
      await emulator.reached(state);
      emulator.finish(uuid, "partial");
      await client.hear("CHANNEL_HANGUP_COMPLETE");
      expect(events().at(-1)).toMatchObject({
        variable_fax_document_transferred_pages: "1",
        variable_fax_success: "0",
      });
      expect(() => emulator.finish(uuid)).toThrow(RangeError);
    },
  );

  test("a UUID in use and too many calls are refused, and nothing is dialled", async () => {
    await start({ maxSessions: 2 });
    emulator.pauseAt = "ringing";
    client.say(originate());
    await emulator.reached("ringing");
    client.say(originate({ job: "again" }));
    await client.hear("-ERR DESTINATION_OUT_OF_ORDER");
    expect(emulator.faxes).toHaveLength(1);
    client.say(originate({ job: "second" }).replace(uuid, "second"));
    client.say(originate({ job: "third" }).replace(uuid, "third"));
    await client.hear(/third[\s\S]*-ERR DESTINATION_OUT_OF_ORDER/);
    expect(emulator.faxes).toHaveLength(2);
  });

  test("a limit of the exchange ends a silent call", async () => {
    emulator.script("0150", "silent");
    client.say(originate({ vars: ",execute_on_answer='sched_hangup +5 ALLOTTED_TIMEOUT'" }));
    await client.hear("CHANNEL_HANGUP_COMPLETE");
    expect(events().at(-1)).toMatchObject({
      "Hangup-Cause": "ALLOTTED_TIMEOUT",
      variable_fax_result_code: "49",
    });
  });

  test("the result is posted where that is asked for", async () => {
    const catcher = await startWebhookCatcher();
    await start({
      outboundHook: { url: `${catcher.origin}/out`, secret: "s3cret", header: "X-Internal-Secret" },
    });
    emulator.script("0150", "busy");
    client.say(originate({ vars: ",faxbot_job=j1" }));
    await client.hear("-ERR USER_BUSY");
    await emulator.idle();
    const [call] = catcher.calls;
    expect(call?.headers.get("x-internal-secret")).toBe("s3cret");
    expect(JSON.parse(Buffer.from(call?.body ?? []).toString())).toEqual({
      job_id: "j1",
      fax_status: "FAILED",
      fax_result_text: "USER_BUSY",
      fax_document_transferred_pages: 0,
      uuid,
    });
    await catcher.stop();
  });

  test("received faxes are written, told and posted; hostile texts make no lines", async () => {
    const catcher = await startWebhookCatcher();
    await start({ inboundHook: { url: `${catcher.origin}/in`, secret: "s3cret" } });
    const tiff = syntheticFaxTiff({ pages: 2 });
    const id = emulator.receiveFax({ tiff, station: "A\r\nX-Evil: 1" });
    await client.hear("CHANNEL_HANGUP_COMPLETE");
    await emulator.idle();
    expect(events().at(-2)).toMatchObject({ "Unique-ID": id, "fax-remote-station-id": "A\r\nX-Evil: 1" });
    expect(events().at(-2)?.variable_fax_filename).toBe(join(emulator.spoolIn, `${id}.tif`));
    expect(new Uint8Array(await readFile(join(emulator.spoolIn, `${id}.tif`)))).toEqual(tiff);
    expect(Buffer.from(catcher.calls[0]?.body ?? []).toString()).toContain(`id=${id}&from=`);
    emulator.foreignCall({ number: "1\n\nContent-Type: command/reply\n\n" });
    await client.hear("Content-Type: command/reply\\n");
    await catcher.stop();
  });
});

describe("what goes wrong", () => {
  test("malformed escapes, garbage, silence and resets", async () => {
    emulator.fault({ operation: "status", kind: "malformed_escape" });
    client.say("api status\n\n");
    await client.hear("X-Escape: 100% %zz %\n");
    emulator.fault({ operation: "status", kind: "refuse", message: "no" });
    client.say("api status\n\n");
    await client.hear("Reply-Text: -ERR no\n\n");
    emulator.silent = true;
    client.say("api version\n\n");
    await new Promise((resolve) => setTimeout(resolve, 20));
    emulator.silent = false;
    expect(client.text).not.toContain("emulated 64bit");
    emulator.fault({ operation: "originate", kind: "reset_after" });
    client.say(originate());
    await client.ended;
    await emulator.reached("ended");
    expect(emulator.faxes).toHaveLength(1);
  });

  test("events are lost and late, and a restart forgets every call", async () => {
    emulator.eventFault({ event: "spandsp::txfaxresult", kind: "drop" });
    emulator.eventFault({ event: "BACKGROUND_JOB", kind: "delay", ms: 40 });
    client.say(originate());
    await client.hear("BACKGROUND_JOB");
    expect(
      events()
        .map((event) => event["Event-Subclass"] ?? event["Event-Name"])
        .slice(-2),
    ).toEqual(["CHANNEL_HANGUP_COMPLETE", "BACKGROUND_JOB"]);
    emulator.pauseAt = "transferring";
    client.say(originate({ job: "again" }));
    await emulator.reached("transferring");
    await emulator.reached("transferring");
    emulator.restart();
    await client.ended;
    client = await logIn();
    expect(await api(`uuid_exists ${uuid}`)).toBe("false");
  });

  test("a flood of other people's calls", async () => {
    const stop = emulator.flood(5_000);
    await client.hear("CHANNEL_HANGUP_COMPLETE");
    client.say(originate());
    await client.hear("+OK 7c9e6679");
    expect(stop()).toBeGreaterThan(10);
    emulator.reset();
    expect(emulator).toMatchObject({ faxes: [], requests: [], calls: { originate: 0 } });
  });
});
