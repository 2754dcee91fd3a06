import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  type AmiEmulator,
  type AmiEmulatorOptions,
  amiAccount,
  type CallState,
  foreignDialplan,
  readTiffPages,
  startAmiEmulator,
  startWebhookCatcher,
  syntheticFaxTiff,
} from "../src/index.ts";
import { type WireClient, wireClient } from "./wire-client.ts";

let folder: string;
let emulator: AmiEmulator;
let client: WireClient;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "faxbot-ami-test-"));
  await writeFile(join(folder, "two.tif"), syntheticFaxTiff({ pages: 2 }));
});
beforeEach(() => start());
afterEach(() => emulator.stop());
afterAll(() => rm(folder, { recursive: true, force: true }));

async function start(options: AmiEmulatorOptions = {}): Promise<void> {
  await emulator?.stop();
  emulator = await startAmiEmulator({ completeAfterMs: 20, ...options });
  client = await logIn();
}

async function logIn(): Promise<WireClient> {
  const one = await wireClient(emulator);
  one.say(
    action("Login", { Username: emulator.username, Secret: emulator.secret, Events: "system,call,user" }),
  );
  await one.hear("Fully Booted\r\n\r\n");
  return one;
}

function action(name: string, headers: Record<string, string | string[]> = {}): string {
  const lines = Object.entries(headers).flatMap(([key, value]) =>
    [value].flat().map((each) => `${key}: ${each}\r\n`),
  );
  return `Action: ${name}\r\n${lines.join("")}\r\n`;
}

function originate(id: string, more: Record<string, string | string[]> = {}): string {
  return action("Originate", {
    ActionID: `o-${id}`,
    Channel: "PJSIP/12025550150@trunk",
    Context: "fax-outbound",
    Exten: "send",
    Priority: "1",
    Async: "true",
    ChannelId: `faxbot-${id}`,
    Variable: [`FAXBOT_JOB=${id}`, `FAXBOT_FILE=${join(folder, "two.tif")}`],
    ...more,
  });
}

const hungUp = (id: string) => new RegExp(`Event: Hangup\\r\\n[\\s\\S]*Uniqueid: faxbot-${id}\\r\\n`);

describe("logging in", () => {
  test("greets, refuses what comes before a login, and wrong secrets, and closes", async () => {
    const stranger = await wireClient(emulator);
    await stranger.hear(/^Asterisk Call Manager\/11\.0\.0\r\n$/);
    stranger.say(action("Ping", { ActionID: "1" }));
    await stranger.hear("Response: Error\r\nActionID: 1\r\nMessage: Permission denied\r\n\r\n");
    stranger.say(action("Login", { Username: "faxbot", Secret: "wrong" }));
    await stranger.hear("Message: Authentication failed\r\n\r\n");
    await stranger.ended;
    expect(emulator.calls).toMatchObject({ login: 2, ping: 1 });
  });

  test("an account that its access list does not permit is refused", async () => {
    await emulator.stop();
    emulator = await startAmiEmulator({ accounts: [{ ...amiAccount, denied: true }], refusalMs: 0 });
    const stranger = await wireClient(emulator);
    stranger.say(action("Login", { Username: emulator.username, Secret: emulator.secret }));
    await stranger.hear("Authentication failed");
    await stranger.ended;
  });

  test("FullyBooted comes in the login answer's segment, or later", async () => {
    expect(client.segments.at(-1)).toBe(client.text.length - client.text.indexOf("Response: Success"));
    await start({ bootedWithLogin: false });
    expect(client.segments.length).toBeGreaterThanOrEqual(3);
  });
});

describe("actions", () => {
  test("are checked as the real server checks them", async () => {
    const answers: [string, string][] = [
      [action("Originate"), "Channel not specified"],
      [originate("a", { Channel: "PJSIP" }), "Invalid channel"],
      [originate("a", { Priority: "one" }), "Invalid priority"],
      [originate("a", { Timeout: "soon" }), "Invalid timeout"],
      [originate("a", { Exten: "nobody" }), "Extension does not exist."],
      [originate("a", { Context: "" }), "Originate with 'Exten' requires 'Context' and 'Priority'"],
      [originate("a", { ChannelId: "x".repeat(150) }), "Uniqueid length exceeds maximum of 149"],
      [action("Hangup"), "No channel specified"],
      [action("Hangup", { Channel: "faxbot-a" }), "No such channel"],
      [action("DBGet", { Family: "faxbot" }), "No key specified"],
      [action("DBDel", { Family: "faxbot", Key: "x" }), "Database entry not found"],
      [action("Getvar"), "No variable specified"],
      [action("Getvar", { Variable: "X", Channel: "faxbot-a" }), "No such channel"],
      [action("Command", { Command: "core stop now" }), "Permission denied"],
      ["ActionID: nameless\r\n\r\n", "Missing action in request"],
      [action("Ping", { Padding: "x".repeat(1100) }), "Failed to parse message: line too long"],
      [
        action("Ping", { Padding: Array.from({ length: 130 }, () => "x") }),
        "Failed to parse message: too many lines",
      ],
      [
        action("Teleport"),
        "Invalid/unknown command: Teleport. Use Action: ListCommands to show available commands.",
      ],
    ];
    for (const [said, message] of answers) {
      const before = client.text.length;
      client.say(said);
      await client.hear(new RegExp(`^[\\s\\S]{${before}}Response: Error\\r\\n.*`));
      expect(client.text.slice(before)).toContain(`Message: ${message}\r\n\r\n`);
    }
    expect(emulator.faxes).toHaveLength(0);
    expect(emulator.commandsRun).toEqual(["core stop now"]);
  });

  test("lines may end in a line feed alone, and header names are of any case", async () => {
    client.say("action: ping\nactionid: 7\n\n");
    await client.hear(/Response: Success\r\nActionID: 7\r\nPing: Pong\r\nTimestamp: \d+\.\d{6}\r\n\r\n/);
  });

  test("keep a database, and show variables, sessions and channels", async () => {
    emulator.script("0150", "stuck");
    client.say(action("DBPut", { Family: "faxbot", Key: "k", Val: "v" }));
    await client.hear("Updated database successfully");
    client.say(action("DBGet", { ActionID: "g", Family: "faxbot", Key: "k" }));
    await client.hear(
      /Key: k\r\nVal: v\r\nActionID: g\r\n\r\nEvent: DBGetComplete\r\nActionID: g\r\nEventList: Complete\r\nListItems: 1/,
    );
    client.say(action("Getvar", { Variable: "FAXBOT_DIALPLAN" }));
    await client.hear("Variable: FAXBOT_DIALPLAN\r\nValue: 1\r\n");
    client.say(originate("live"));
    await client.hear("FAX Transmission In Progress");
    client.say(action("CoreShowChannels") + action("FAXSessions") + action("CoreStatus"));
    await client.hear(/Event: CoreShowChannel\r\n[\s\S]*Uniqueid: faxbot-live\r\n[\s\S]*ListItems: 1\r\n/);
    await client.hear(
      /Event: FAXSessionsEntry\r\n[\s\S]*Operation: send\r\nState: Active\r\nFiles: .*two\.tif\r\n/,
    );
    await client.hear(/CoreCurrentCalls: 1\r\n/);
    client.say(action("Logoff"));
    await client.hear("Response: Goodbye");
    await client.ended;
  });

  test("variables are cut at commas and lose their quotes, but for a backslash", async () => {
    client.say(
      originate("v", {
        Variable: ["A=Smith, Jones", 'B=Smith\\, Jones,C=say "x, y"', "D=f(1,2)", `FAXBOT_JOB=v`],
      }),
    );
    await client.hear(hungUp("v"));
    expect(emulator.faxes[0]?.variables).toEqual({
      A: "Smith",
      B: "Smith, Jones",
      C: "say x, y",
      D: "f(1,2)",
      FAXBOT_JOB: "v",
    });
  });

  test("a line break in a value is a header more", async () => {
    client.say(originate("inj", { CallerID: "x\r\nApplication: System\r\nData: reboot" }));
    await client.hear("requires the additional System privilege");
    expect(emulator.commandsRun).toEqual(["System(reboot)"]);
    expect(emulator.faxes).toHaveLength(0);
  });
});

describe("calls", () => {
  test("read the file when the far end answers, and leave the result in AstDB", async () => {
    client.say(originate("one"));
    await client.hear(hungUp("one"));
    expect(client.text).toContain("Status: SUCCESS\r\n");
    expect(client.text).toContain("Pages: 2\r\n");
    expect(emulator.database.get("faxbot/one")).toMatch(/^SUCCESS\|2\|14400\|OK\|\d{10}\|HANGUP$/);
    const [fax] = emulator.faxes;
    expect(fax).toMatchObject({ state: "ended", result: "SUCCESS", confirmedPages: 2, to: "12025550150" });
    expect(fax?.document).toEqual(await readFile(join(folder, "two.tif")));
    await emulator.idle();
  });

  test("are ANSWERED in AstDB from the answer on, with our dialplan", async () => {
    emulator.pauseAt = "answered";
    client.say(originate("half"));
    await emulator.reached("answered");
    expect(emulator.database.get("faxbot/half")).toMatch(/^ANSWERED\|\d{10}$/);
    emulator.resume();
    await client.hear(hungUp("half"));
    await start({ dialplan: foreignDialplan });
    emulator.pauseAt = "answered";
    client.say(originate("half"));
    await emulator.reached("answered");
    expect(emulator.database.size).toBe(0);
  });

  test.each<[CallState, RegExp]>([
    ["dialing", /DialStatus: NOANSWER/],
    ["ringing", /DialStatus: NOANSWER/],
    ["answered", /StatusText: The%20call%20dropped%20prematurely/],
    ["transferring", /StatusText: The%20call%20dropped%20prematurely/],
  ])("can be hung up while %s", async (state, said) => {
    emulator.pauseAt = state;
    client.say(originate("cut"));
    await emulator.reached(state);
    client.say(action("Hangup", { Channel: "faxbot-cut", Cause: "16" }));
    await client.hear("Channel Hungup");
    await client.hear(hungUp("cut"));
    expect(client.text).toMatch(said);
    expect(emulator.faxes[0]).toMatchObject({ state: "ended" });
  });

  test.each<CallState>(["dialing", "ringing", "answered", "transferring"])(
    "can be finished by hand while %s",
    async (state) => {
      emulator.pauseAt = state;
      client.say(originate("fin"));
      await emulator.reached(state);
      emulator.finish("faxbot-fin", "partial");
      await client.hear(hungUp("fin"));
      expect(client.text).toContain("Pages: 1\r\n");
      expect(() => emulator.finish("faxbot-fin")).toThrow(RangeError);
    },
  );

  test("an id in use is refused without a hangup, and nothing is dialled", async () => {
    emulator.pauseAt = "ringing";
    client.say(originate("dup"));
    await emulator.reached("ringing");
    client.say(originate("dup", { ActionID: "second" }));
    await client.hear(
      /Event: OriginateResponse\r\nPrivilege: call,all\r\nActionID: second\r\nResponse: Failure\r\n/,
    );
    expect(client.text).not.toContain("Event: Hangup");
    expect(emulator.faxes).toHaveLength(1);
  });

  test("without Async the answer waits for the call", async () => {
    emulator.script("0151", "busy");
    client.say(originate("sync", { Async: "false" }));
    client.say(originate("sync2", { Async: "false", Channel: "PJSIP/12025550151@trunk" }));
    await client.hear(
      /OriginateResponse[\s\S]*ActionID: o-sync\r\nMessage: Originate successfully queued[\s\S]*Response: Error\r\nActionID: o-sync2\r\nMessage: Originate failed/,
    );
  });

  test("files that the fax engine cannot send fail with its sentence", async () => {
    await writeFile(
      join(folder, "wide.tif"),
      Buffer.from(syntheticFaxTiff()).fill(0xa4, 18, 19).fill(6, 19, 20),
    );
    expect(readTiffPages(await readFile(join(folder, "wide.tif")))?.[0]?.width).toBe(0x6a4);
    client.say(
      originate("wide", { Variable: [`FAXBOT_JOB=wide`, `FAXBOT_FILE=${join(folder, "wide.tif")}`] }),
    );
    await client.hear("StatusText: Far%20end%20cannot%20receive%20at%20the%20size%20of%20image\r\n");
  });
});

describe("received faxes", () => {
  test("are written to the folder, told, and posted to the hook", async () => {
    const catcher = await startWebhookCatcher();
    await start({
      inboundHook: { url: `${catcher.origin}/_internal/asterisk/inbound`, secret: "hook-secret-0123456" },
    });
    const tiff = syntheticFaxTiff({ pages: 2, text: "received" });
    const name = emulator.receiveFax({
      from: "+12025550142",
      to: "12025550101",
      tiff,
      station: "A\r\nX-Evil: 1",
    });
    await client.hear("Event: UserEvent");
    expect(client.text).toContain(`InboundId: ${name}\r\nFrom: +12025550142\r\n`);
    expect(client.text).toContain("RemoteStation: A%0D%0AX-Evil%3A%201\r\n");
    await emulator.idle();
    expect(new Uint8Array(await readFile(join(emulator.spoolIn, `${name}.tif`)))).toEqual(tiff);
    const [call] = catcher.calls;
    expect(call?.headers.get("authorization")).toBe("Bearer hook-secret-0123456");
    expect(Buffer.from(call?.body ?? []).toString()).toBe(
      `id=${name}&from=%2B12025550142&to=12025550101&status=SUCCESS&pages=2&station=A%0D%0AX-Evil%3A%201`,
    );
    expect(emulator.hookAnswers).toEqual([202]);
    expect(emulator.database.get(`faxbot-in/${name}`)).toMatch(
      /^SUCCESS\|2\|\+12025550142\|12025550101\|\d{10}$/,
    );
    emulator.receiveFax({ outcome: "partial" });
    await client.hear("StatusText: The%20call%20dropped%20prematurely");
    await emulator.idle();
    await catcher.stop();
  });
});

describe("what goes wrong", () => {
  test("resets before and after, silence, refusals, garbage, huge and half answers", async () => {
    emulator.fault({ operation: "originate", kind: "reset_before" });
    client.say(originate("f1"));
    await client.ended;
    expect(emulator.faxes).toHaveLength(0);
    client = await logIn();
    emulator.fault({ operation: "originate", kind: "reset_after" });
    client.say(originate("f2"));
    await client.ended;
    expect(emulator.faxes).toHaveLength(1);
    client = await logIn();
    emulator.fault({ operation: "ping", kind: "refuse", message: "No" });
    client.say(action("Ping"));
    await client.hear("Message: No\r\n\r\n");
    emulator.fault({ operation: "ping", kind: "huge", bytes: 100_000 });
    client.say(action("Ping"));
    await client.hear(/X-Huge: x{100000}\r\n/);
    emulator.fault({ operation: "ping", kind: "garbage" });
    client.say(action("Ping"));
    await client.hear("::");
    emulator.fault({ operation: "ping", kind: "hang" });
    client.say(action("Ping", { ActionID: "hung" }) + action("Ping", { ActionID: "next" }));
    await client.hear("ActionID: next");
    expect(client.text).not.toContain("hung");
    emulator.fault({ operation: "ping", kind: "half_answer" });
    client.say(action("Ping", { ActionID: "half" }));
    await client.ended;
    expect(client.text).not.toMatch(/half\r\nPing: Pong/);
  });

  test("a half-open connection says nothing, until it is dropped", async () => {
    emulator.silent = true;
    client.say(action("Ping", { ActionID: "lost" }));
    const deaf = await wireClient(emulator);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(deaf.text).toBe("");
    emulator.silent = false;
    client.say(action("Ping", { ActionID: "found" }));
    await client.hear("found");
    expect(client.text).not.toContain("lost");
    emulator.dropConnections("end");
    await client.ended;
  });

  test("byte by byte", async () => {
    emulator.writeMode = "bytes";
    const before = client.segments.length;
    client.say(action("Ping"));
    await client.hear("Timestamp: ");
    expect(client.segments.length - before).toBeGreaterThan(20);
  });

  test("events are lost, doubled, late and overtaken", async () => {
    emulator.eventFault({ event: "FaxbotSent", kind: "drop" });
    emulator.eventFault({ event: "OriginateResponse", kind: "reorder" });
    emulator.eventFault({ event: "DialState", kind: "duplicate" });
    emulator.eventFault({ event: "Hangup", kind: "delay", ms: 30 });
    client.say(originate("odd"));
    await client.hear(hungUp("odd"));
    expect(client.text).not.toContain("UserEvent");
    expect(client.text.match(/Event: DialState/g)).toHaveLength(2);
    expect(client.text.indexOf("DialStatus: ANSWER")).toBeLessThan(client.text.indexOf("OriginateResponse"));
  });

  test("a restart forgets channels and keeps AstDB", async () => {
    emulator.pauseAt = "transferring";
    client.say(originate("gone"));
    await emulator.reached("transferring");
    emulator.restart();
    await client.ended;
    emulator.resume();
    client = await logIn();
    client.say(action("CoreShowChannels"));
    await client.hear("ListItems: 0");
    expect(emulator.database.get("faxbot/gone")).toMatch(/^ANSWERED\|/);
    await emulator.refuseConnections();
    await expect(wireClient(emulator)).rejects.toThrow("ECONNREFUSED");
    await emulator.acceptConnections();
    await logIn();
  });

  test("other people's calls are heard without filters only", async () => {
    const stop = emulator.flood(20_000);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(stop()).toBeGreaterThan(300);
    expect(client.text).not.toContain("QueueStatistics");
    await start({ accounts: [{ ...amiAccount, filters: [] }] });
    const stopAgain = emulator.flood(20_000);
    await client.hear("QueueStatistics");
    stopAgain();
  });

  test("reset forgets everything", async () => {
    emulator.script("0150", "busy");
    client.say(originate("r"));
    await client.hear("Hangup");
    emulator.reset();
    expect(emulator).toMatchObject({ faxes: [], requests: [], calls: { originate: 0 } });
    expect(emulator.database.size).toBe(0);
  });
});
