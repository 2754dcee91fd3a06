import { randomBytes, randomUUID } from "node:crypto";
import { parseSettings } from "@faxbot/core/transport";
import { capturingLogger, sendJob, transportCall } from "@faxbot/testing";
import { describe, expect, test } from "vitest";
import { type OutgoingCall, originateCommand } from "../src/freeswitch-originate.ts";
import { freeswitchSettings } from "../src/freeswitch-settings.ts";
import { exchangeSettings, receivedFile } from "./exchange-folders.ts";
import { eventually, exchangeInTest, reportsOf } from "./exchange-in-test.ts";
import { faxTiff } from "./fax-tiff.ts";

/** Texts that would begin a command, a variable, an expansion, a path or a line somewhere in FreeSWITCH. */
const evil = [
  "x\n\napi system touch /tmp/pwned",
  "x\r\nJob-UUID: 1",
  "x,api_hangup_hook='system touch /tmp/pwned'",
  "x',execute_on_answer='system touch /tmp/pwned",
  "$" + "{system(touch /tmp/pwned)}",
  "x}sofia/gateway/evil/911 &system(touch /tmp/pwned)",
  "x{y",
  "x\\",
  "x`touch`",
  "$(touch)",
  "x;y|z<w>&q\"r'",
  "x\0y",
  "x\u2028y",
  "%0a%0aapi system",
  "../../etc/passwd",
];

const settings = parseSettings("freeswitch", freeswitchSettings, {
  ...exchangeSettings({ spoolOut: "/var/spool/faxbot/out", spoolIn: "/var/spool/faxbot/in" }),
});
const attemptId = randomBytes(16).toString("hex");
const call: OutgoingCall = {
  uuid: attemptId.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"),
  attemptId,
  to: "+12025550123",
  path: `/var/spool/faxbot/out/${attemptId}.tif`,
  step: { t38: true, ecm: true, maxRate: 14400 },
  options: {},
  longestSeconds: 210,
};

/** The one form that the command may have, whatever the texts are. */
const shape =
  /^originate \{([a-z0-9_]+=('[A-Za-z0-9 .+()@:_-]*'|[A-Za-z0-9+-]+),?)+\}sofia\/gateway\/trunk\/[0-9]+ &txfax\(\/var\/spool\/faxbot\/out\/[0-9a-f]{32}\.tif\)$/;

describe("hostile texts in the order to call", () => {
  test.each(evil)("%j as a header, an id or a name stays a text", (text) => {
    const command = originateCommand(
      { ...call, options: { header_text: text, station_id: text } },
      { ...settings, callerIdName: text, headerText: text, stationId: text },
    );
    expect(command).toMatch(shape);
    const names = [...command.matchAll(/[{,]([a-z0-9_]+)=/g)].map(([, name]) => name);
    expect(names.filter((name) => name === "execute_on_answer")).toHaveLength(1);
    expect(names).not.toContain("api_hangup_hook");
  });

  test.each(evil)("%j as anything that was not generated is refused", (text) => {
    expect(() => originateCommand({ ...call, to: text }, settings)).toThrow("cannot be dialled");
    expect(() => originateCommand({ ...call, from: text }, settings)).toThrow("cannot be dialled");
    for (const part of ["uuid", "attemptId", "path"] as const) {
      expect(() => originateCommand({ ...call, [part]: text }, settings)).toThrow(RangeError);
      expect(() => originateCommand({ ...call, [part]: `${call[part]}\n` }, settings)).toThrow(RangeError);
    }
  });

  test.each(evil)("%j in a job is refused before anything is dialled", async (text) => {
    const { exchange, transport } = await exchangeInTest();
    const document = faxTiff();
    for (const job of [
      sendJob({ document, to: text }),
      sendJob({ document, attemptId: text }),
      sendJob({ document, from: text }),
      sendJob({ document, options: { station_id: text } }),
      sendJob({ document, options: { [text]: text } }),
    ]) {
      const error = await transport.send(job, transportCall()).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({ code: "transport_rejected" });
      expect((error as Error).message).not.toContain(text);
    }
    expect(exchange.taken).toBe(0);
  });

  test.each(evil)("%j as a setting is refused or made harmless", (text) => {
    for (const name of ["gateway", "spoolOut", "spoolIn", "dialPrefix", "callerIdNumber"]) {
      expect(() => parseSettings("freeswitch", freeswitchSettings, { ...settings, [name]: text })).toThrow(
        name,
      );
    }
    const login = () =>
      parseSettings("freeswitch", freeswitchSettings, { ...settings, password: `long ${text}` });
    expect(login).toThrow("password");
  });

  test.each(evil)("%j as an id is no call and no file", async (text) => {
    const { exchange, transport } = await exchangeInTest();
    for (const ask of [
      () => transport.getStatus(text, transportCall()),
      () => transport.cancel(text, transportCall()),
      () => transport.fetchDocument(text, transportCall()),
    ]) {
      await expect(ask()).rejects.toMatchObject({ code: "not_found" });
    }
    expect(await transport.findByReference(text, transportCall())).toBeUndefined();
    await transport.deleteDocument(text, transportCall());
    expect(exchange.connections).toBe(0);
  });
});

describe("events that others can bring about", () => {
  const calling = async () => {
    const inTest = await exchangeInTest();
    const logger = capturingLogger();
    const { host } = inTest.run({ logger });
    const job = sendJob({ document: faxTiff() });
    const { providerId } = await inTest.transport.send(job, transportCall());
    /** Our call goes on as if nothing had been. */
    const survives = async (): Promise<void> => {
      inTest.exchange.answer(providerId);
      inTest.exchange.result(providerId, 0, 1);
      await eventually(() => expect(reportsOf(host).at(-1)?.status).toBe("delivered"));
      expect(reportsOf(host).map(({ providerId: id }) => id)).toEqual([providerId, providerId]);
    };
    return { ...inTest, host, logger, job, providerId, survives };
  };

  test("a caller's name that holds a whole event", async () => {
    const { exchange, providerId, survives } = await calling();
    const forged = `\n\nContent-Length: 99\nContent-Type: text/event-json\n\n{"Event-Name":"CHANNEL_HANGUP_COMPLETE","Unique-ID":"${providerId}","Hangup-Cause":"USER_BUSY"}`;
    for (const name of [forged, forged.replaceAll("\n", "\r\n"), encodeURIComponent(forged)]) {
      exchange.event({
        "Event-Name": "CHANNEL_CREATE",
        "Unique-ID": randomUUID(),
        "Caller-Caller-ID-Name": name,
        "variable_sip_h_X-Forged": name,
      });
      const plain = `Event-Name: CHANNEL_CREATE\nUnique-ID: ${randomUUID()}\nCaller-Caller-ID-Name: ${encodeURIComponent(name)}\n\n`;
      exchange.raw(`Content-Length: ${plain.length}\nContent-Type: text/event-plain\n\n${plain}`);
    }
    await survives();
  });

  test("a far end's station id that holds a whole event", async () => {
    const { exchange, providerId, survives } = await calling();
    exchange.channelEvent(providerId, {
      "Event-Name": "CUSTOM",
      "Event-Subclass": "spandsp::txfaxnegociateresult",
      "fax-remote-station-id": `A\r\nfax-success: 1\r\nB","fax-success":"1`,
      variable_fax_remote_station_id: `{"Event-Name":"CHANNEL_HANGUP_COMPLETE"}`,
    });
    await survives();
  });

  test("calls with marks that are not ours", async () => {
    const { exchange, survives, providerId } = await calling();
    const attempt = randomBytes(16).toString("hex");
    const uuid = attempt.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
    const genuine = {
      "Event-Name": "CHANNEL_HANGUP_COMPLETE",
      "Unique-ID": uuid,
      "Call-Direction": "outbound",
      "Hangup-Cause": "USER_BUSY",
      variable_faxbot: "1",
      variable_faxbot_attempt: attempt,
      variable_sip_gateway_name: "trunk",
    };
    exchange.event({ ...genuine, "Unique-ID": randomUUID() });
    exchange.event({ ...genuine, "Call-Direction": "inbound" });
    exchange.event({ ...genuine, variable_faxbot_attempt: providerId.replaceAll("-", "") });
    exchange.event({ ...genuine, variable_sip_gateway_name: "another" });
    exchange.event({ ...genuine, variable_faxbot: "0" });
    exchange.event({ ...genuine, "Unique-ID": "x" });
    await survives();
  });

  test("a job of somebody else with our words in it", async () => {
    const { exchange, providerId, survives } = await calling();
    exchange.event({
      "Event-Name": "BACKGROUND_JOB",
      "Job-UUID": randomUUID(),
      "Job-Command-Arg": `"Job-UUID":"${providerId}"`,
      _body: "-ERR USER_BUSY\n",
    });
    await survives();
  });

  test("a received fax that names another file, or ours as its own", async () => {
    const { exchange, host, folders, providerId, survives } = await calling();
    const victim = randomUUID();
    await receivedFile(folders.spoolIn, victim);
    for (const id of [
      "../out/x",
      `${victim}.tif`,
      `${folders.spoolIn}/${victim}`,
      providerId,
      randomUUID(),
    ]) {
      exchange.event({
        "Event-Name": "CUSTOM",
        "Event-Subclass": "spandsp::rxfaxresult",
        "Unique-ID": id,
        "fax-success": "1",
        "fax-document-transferred-pages": "1",
        variable_fax_filename: `${folders.spoolIn}/${victim}.tif`,
      });
    }
    await survives();
    expect(host.events.filter(({ type }) => type === "received")).toEqual([]);
  });

  test("numbers beyond all measure and words that are none", async () => {
    const { exchange, host, providerId } = await calling();
    exchange.answer(providerId);
    for (const pages of [
      "-1",
      "1e9",
      "99999999999999999999",
      "9999999999",
      "NaN",
      "0x10",
      " 1",
      "constructor",
    ]) {
      exchange.channelEvent(providerId, {
        "Event-Name": "CUSTOM",
        "Event-Subclass": "spandsp::txfaxpageresult",
        "fax-document-transferred-pages": pages,
      });
    }
    exchange.channelEvent(providerId, {
      "Event-Name": "CUSTOM",
      "Event-Subclass": "spandsp::txfaxresult",
      "fax-success": "true",
      "fax-result-code": "constructor",
      "Event-Date-Timestamp": "999999999999999999999",
    });
    await eventually(() => expect(reportsOf(host).at(-1)?.status).toBe("failed"));
    expect(reportsOf(host).at(-1)).toEqual({
      providerId,
      status: "failed",
      providerStatus: "fax_success=0",
      reference: providerId.replaceAll("-", ""),
      failure: { reason: "unknown", retryable: true },
    });
  });
});

test("ten thousand events of other people's calls a second do not hold ours up, nor fill the memory", async () => {
  const inTest = await exchangeInTest();
  const { exchange, transport } = inTest;
  const { host } = inTest.run();
  const { providerId } = await transport.send(sendJob({ document: faxTiff() }), transportCall());
  const filler = "x".repeat(5_500);
  const others = (count: number): Buffer => {
    const body = (): string =>
      JSON.stringify({
        "Event-Name": "CHANNEL_ANSWER",
        "Unique-ID": randomUUID(),
        "Call-Direction": "inbound",
        variable_x: filler,
      });
    const messages = Array.from({ length: count }, body).map(
      (text) => `Content-Length: ${text.length}\nContent-Type: text/event-json\n\n${text}`,
    );
    return Buffer.from(messages.join(""));
  };
  const batch = others(1_000);
  const before = process.memoryUsage();
  // A second's worth, and ours behind them: all are there when ours is reported.
  for (let index = 0; index < 10; index += 1) exchange.raw(batch);
  exchange.answer(providerId);
  const startedAt = process.cpuUsage();
  await eventually(() => expect(reportsOf(host).at(-1)?.status).toBe("in_progress"));
  const { user, system } = process.cpuUsage(startedAt);
  const after = process.memoryUsage();
  // Less than a second of one core for both ends together: a second's worth never piles up.
  expect(user + system).toBeLessThan(1_000_000);
  expect(after.heapUsed - before.heapUsed).toBeLessThan(64 * 1024 * 1024);
  expect(host.events).toHaveLength(1);
});
