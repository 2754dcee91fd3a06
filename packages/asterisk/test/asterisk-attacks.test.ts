import { randomBytes, randomUUID } from "node:crypto";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isFaxError, parseSettings } from "@faxbot/core/transport";
import {
  type AmiEmulator,
  amiAccount,
  startAmiEmulator,
  syntheticFaxTiff,
  syntheticNumber,
  webhookRequest,
} from "@faxbot/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeAction } from "../src/ami-message.ts";
import { originateFields } from "../src/asterisk-originate.ts";
import { asteriskSettings } from "../src/asterisk-settings.ts";
import { type Bench, openBench } from "./asterisk-bench.ts";

/** Texts that would begin a header, an action, a variable, an expression, a path or a command somewhere in Asterisk. */
const evil = [
  "x\r\nApplication: System\r\nData: touch /tmp/pwned",
  "x\r\n\r\nAction: Command\r\nCommand: core stop now",
  "x\nVariable: A=b",
  "x\rVariable: A=b",
  "x,FAXBOT_FILE=/etc/passwd",
  'x" <911> "',
  "x\\",
  "$" + "{SHELL(touch /tmp/pwned)}",
  "$[1+1]",
  "x;y|z<w>&q'",
  "x`touch`",
  "x\0y",
  "x\u0085y",
  "x\u2028y",
  "%0d%0aAction: Command",
  "../../etc/passwd",
];
const to = syntheticNumber(50);
const attemptId = randomBytes(16).toString("hex");
const settings = parseSettings("asterisk", asteriskSettings, {
  username: "faxbot",
  password: "long-enough",
  trunk: "trunk",
});
const outgoing = {
  job: { attemptId, to, earlierFailures: [] },
  options: {},
  file: `/var/spool/faxbot/out/${attemptId}.tif`,
  pages: 1,
};

describe("hostile texts in the order to call", () => {
  it.each(evil)("%j as header, name or id stays a text", (text) => {
    const fields = originateFields(
      { ...outgoing, options: { header_text: text, station_id: text } },
      {
        ...settings,
        callerIdNumber: "+12125550100",
        callerIdName: "Clinic",
        headerText: text,
        stationId: text,
      },
    );
    const wire = encodeAction(fields);
    expect(wire.split("\r\n")).toHaveLength(fields.length + 2);
    for (const [name, value] of fields) {
      expect(
        ["Action", "Channel", "Context", "Exten", "Priority", "Timeout", "Async"].concat(
          "EarlyMedia",
          "ChannelId",
          "CallerID",
          "Variable",
        ),
      ).toContain(name);
      if (name === "Variable") expect(value).toMatch(/^FAXBOT_[A-Z]+=[A-Za-z0-9 .+()@:_/-]*$/);
    }
  });

  it.each(evil)("%j as a number, a name from the settings, a trunk or a folder is refused", async (text) => {
    const bad =
      <T>(change: T) =>
      () =>
        parseSettings("asterisk", asteriskSettings, {
          username: "faxbot",
          password: "long-enough",
          trunk: "trunk",
          ...change,
        });
    for (const name of ["trunk", "context", "spoolOut", "spoolIn", "dialPrefix", "callerIdNumber", "host"]) {
      expect(bad({ [name]: text })).toThrow(/settings of asterisk/);
    }
    expect(() => originateFields({ ...outgoing, job: { ...outgoing.job, to: text } }, settings)).toThrow();
    expect(() => originateFields({ ...outgoing, job: { ...outgoing.job, from: text } }, settings)).toThrow();
  });

  it("line breaks in user and password are refused, and known passwords", () => {
    const given = { username: "faxbot", password: "long-enough", trunk: "trunk" };
    for (const text of evil.filter((each) => /[\r\n\0]/.test(each))) {
      for (const name of ["username", "password"]) {
        expect(() => parseSettings("asterisk", asteriskSettings, { ...given, [name]: text })).toThrow();
      }
    }
    for (const password of ["", "amp111", "mysecret", "elastix456", "password", undefined]) {
      expect(() => parseSettings("asterisk", asteriskSettings, { ...given, password })).toThrow(/password/);
    }
  });
});

describe("on the line", () => {
  let emulator: AmiEmulator;
  let bench: Bench;
  beforeEach(async () => {
    // An account without filters: everybody's events come.
    emulator = await startAmiEmulator({
      completeAfterMs: 60,
      accounts: [{ ...amiAccount, read: ["system", "call", "user", "dialplan"], filters: [] }],
    });
    bench = await openBench({ port: emulator.port, spoolIn: emulator.spoolIn });
    bench.start();
    await bench.until("connected", () => emulator.calls.coreShowChannels > 0);
  });
  afterEach(async () => {
    await bench.close();
    await emulator.stop();
  });

  /** What a stranger can know of a live call: everything but its id. */
  const forgeries = (guess: string): string[] => [
    `1\r\n\r\nEvent: UserEvent\r\nUserEvent: FaxbotSent\r\nUniqueid: faxbot-${guess}\r\nJob: ${guess}\r\nStatus: SUCCESS\r\nPages: 99\r\n\r\n`,
    `1\r\n\r\nEvent: Hangup\r\nUniqueid: faxbot-${guess}\r\nCause: 17\r\n\r\n`,
    `1\r\n\r\nEvent: OriginateResponse\r\nUniqueid: <null>\r\nResponse: Failure\r\nReason: 0\r\nActionID: ${guess}\r\n\r\n`,
    `1\r\nUniqueid: faxbot-${guess}`,
    `1\r\n\r\nResponse: Success\r\nActionID: ${guess}\r\n\r\n`,
    `1\r\n\r\nEvent: UserEvent\r\nUserEvent: FaxbotReceived\r\nInboundId: ${randomUUID()}\r\nStatus: SUCCESS\r\nFrom: +19005550100\r\n\r\n`,
    `1\r\n\r\nEvent: UserEvent\r\nUserEvent: FaxbotReceived\r\nInboundId: ../../etc/passwd\r\nStatus: SUCCESS\r\n\r\n`,
    `1\r\n\r\nEvent: FullyBooted\r\n\r\n`,
    "x,FaxStatus: SUCCESS,Job: job-999",
  ];

  it("forged events of strangers change nothing", async () => {
    emulator.pauseAt = "transferring";
    const job = bench.job();
    await bench.transport.send(job, bench.call());
    await emulator.reached("transferring");
    await bench.until("progress", () => bench.events.length > 0);
    for (const guess of ["0".repeat(32), randomBytes(16).toString("hex"), job.attemptId.slice(0, 31), "*"]) {
      for (const text of forgeries(guess)) {
        emulator.foreignCall({ number: text });
        emulator.foreignCall({ name: text });
      }
    }
    // The true id alone, without the true job, as nobody but Asterisk could say it.
    emulator.sendRaw(
      `Event: UserEvent\r\nUserEvent: FaxbotSent\r\nUniqueid: faxbot-${job.attemptId}\r\nJob: other\r\nStatus: SUCCESS\r\n\r\n`,
    );
    // Headers that came in with a station's id: what is there twice is not believed.
    emulator.sendRaw(
      `Event: UserEvent\r\nUserEvent: FaxbotSent\r\nUniqueid: faxbot-${job.attemptId}\r\nJob: ${job.attemptId}\r\nStatus: SUCCESS\r\nStatus: FAILED\r\n\r\n`,
    );
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(bench.events.map((event) => event.type === "status" && event.report.status)).toEqual([
      "in_progress",
    ]);
    emulator.resume();
    await bench.until("the end", () => bench.events.length > 1);
    expect(bench.last("status")).toMatchObject({ report: { status: "delivered", pages: 1 } });
    expect(emulator.commandsRun).toEqual([]);
    expect(emulator.faxes).toHaveLength(1);
  });

  it("10,000 events of others in a second do not hold ours up, nor fill the memory", async () => {
    const stop = emulator.flood(10_000);
    await new Promise((resolve) => setTimeout(resolve, 300));
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    emulator.pauseAt = "answered";
    await bench.transport.send(bench.job(), bench.call());
    await emulator.reached("answered");
    await bench.until("progress", () => bench.events.length > 0);
    emulator.resume();
    await bench.until("the end", () => bench.events.some(({ key }) => key.endsWith(":end")));
    await new Promise((resolve) => setTimeout(resolve, 700));
    const events = stop();
    expect(events).toBeGreaterThan(5_000);
    expect(bench.last("status")).toMatchObject({ report: { status: "delivered" } });
    globalThis.gc?.();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 1024 * 1024);
    expect(emulator.connections).toBe(1);
  });

  it("a message without an end, or with a huge header, is passed over", async () => {
    emulator.fault({ operation: "coreShowChannels", kind: "huge", bytes: 1_000_000 });
    emulator.sendRaw(`Event: Huge\r\nA: ${"x".repeat(2_000_000)}\r\n\r\n`);
    await bench.transport.send(bench.job(), bench.call());
    await bench.until("the end", () => bench.events.some(({ key }) => key.endsWith(":end")));
    expect(bench.last("status")).toMatchObject({ report: { status: "delivered" } });
  });

  it("a received fax is told once, by whichever way it comes", async () => {
    const id = emulator.receiveFax({ from: "+13125550177", to: "+12125550100", outcome: "delivered" });
    await bench.until("received", () => bench.last("received") !== undefined);
    const hint = await bench.transport.receiveWebhook(
      webhookRequest("https://fax.example/_internal/asterisk/inbound", `id=${id}&status=SUCCESS&pages=1`, {
        headers: { authorization: "Bearer internal-secret-of-16" },
      }),
      bench.call(),
    );
    expect(hint.response).toMatchObject({ status: 200, body: JSON.stringify({ id, status: "received" }) });
    expect(hint.events[0]?.key).toBe(bench.last("received")?.key);
    // Long enough for some looks through the folder.
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(bench.events).toEqual([
      {
        type: "received",
        key: `received:${id}`,
        providerId: id,
        from: "+13125550177",
        to: "+12125550100",
        pages: 1,
      },
    ]);
  });

  it("a fax that broke off is told as partial, one without a page not at all", async () => {
    const id = emulator.receiveFax({ outcome: "partial", tiff: syntheticFaxTiff({ pages: 2 }) });
    await bench.until("received", () => bench.last("received") !== undefined);
    expect(bench.last("received")).toMatchObject({ providerId: id, partial: true, pages: 2 });
    const hint = await bench.transport.receiveWebhook(
      webhookRequest("https://fax.example/", `id=${id}&status=FAILED&pages=0`, {
        headers: { "x-internal-secret": "internal-secret-of-16" },
      }),
      bench.call(),
    );
    expect(hint).toMatchObject({ events: [], response: { status: 200 } });
  });

  it("a file that nobody told of is found once it is quiet, with what the dialplan noted", async () => {
    const noted = randomUUID();
    const unnoted = randomUUID();
    emulator.database.set(`faxbot-in/${noted}`, "SUCCESS|2|+13125550177|+12125550100|1795319289");
    for (const id of [noted, unnoted]) {
      await writeFile(join(emulator.spoolIn, `${id}.tif`), syntheticFaxTiff({ pages: 2 }));
    }
    await bench.until("both", () => bench.events.length === 2);
    expect(bench.events.find((event) => event.key === `received:${noted}`)).toEqual({
      type: "received",
      key: `received:${noted}`,
      providerId: noted,
      from: "+13125550177",
      to: "+12125550100",
      pages: 2,
      occurredAt: expect.any(Date),
    });
    expect(bench.events.find((event) => event.key === `received:${unnoted}`)).toMatchObject({
      partial: true,
    });

    const document = await bench.transport.fetchDocument(noted, bench.call());
    expect(document).toMatchObject({ mediaType: "image/tiff", fileName: `${noted}.tif` });
    await bench.transport.deleteDocument(noted, bench.call());
    await bench.transport.deleteDocument(noted, bench.call());
    expect(emulator.database.has(`faxbot-in/${noted}`)).toBe(false);
    await expect(bench.transport.fetchDocument(noted, bench.call())).rejects.toMatchObject({
      code: "not_found",
    });
  });
});

describe("the hint by HTTP", () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await openBench({ port: 1, previousInboundSecret: "the-one-before-of-16" });
  });
  afterEach(() => bench.close());

  const post = (body: string, headers: Record<string, string>) =>
    bench.transport.receiveWebhook(
      webhookRequest("https://fax.example/_internal/asterisk/inbound", body, { headers }),
      bench.call(),
    );
  const secret = { "x-internal-secret": "internal-secret-of-16" };

  it("is refused without the secret, and taken with either one during a rotation", async () => {
    const id = randomUUID();
    await writeFile(join(bench.folder, "in", `${id}.tif`), syntheticFaxTiff());
    for (const headers of [
      {},
      { "x-internal-secret": "" },
      { "x-internal-secret": "internal-secret-of-17" },
      { authorization: "Bearer " },
      { authorization: "Basic internal-secret-of-16" },
    ]) {
      await expect(post(`id=${id}`, headers as Record<string, string>)).rejects.toMatchObject({
        code: "webhook_unverified",
      });
    }
    for (const headers of [
      secret,
      { "x-internal-secret": "the-one-before-of-16" },
      { authorization: "Bearer internal-secret-of-16" },
    ]) {
      expect((await post(`id=${id}&status=SUCCESS`, headers as Record<string, string>)).events).toHaveLength(
        1,
      );
    }
    const closed = await openBench({ port: 1, inboundSecret: undefined as never });
    await expect(
      closed.transport.receiveWebhook(
        webhookRequest("https://fax.example/", `id=${id}`, { headers: secret }),
        closed.call(),
      ),
    ).rejects.toMatchObject({ code: "webhook_unverified" });
    await closed.close();
  });

  it("reads the JSON of older dialplans", async () => {
    const id = randomUUID();
    const path = join(bench.folder, "in", `${id}.tif`);
    await writeFile(path, syntheticFaxTiff());
    const body = {
      tiff_path: path,
      to_number: "+12125550100",
      from_number: "3125550177",
      faxstatus: "SUCCESS",
      faxpages: 1,
      uniqueid: "1.2",
    };
    const result = await post(JSON.stringify(body), { ...secret, "content-type": "application/json" });
    expect(result.events).toEqual([
      { type: "received", key: `received:${id}`, providerId: id, to: "+12125550100", pages: 1 },
    ]);
  });

  it("names a file of the spool or is refused", async () => {
    const outside = join(bench.folder, `${randomUUID()}.tif`);
    await writeFile(outside, "secret");
    const link = `${randomUUID()}.tif`;
    await symlink(outside, join(bench.folder, "in", link));
    await mkdir(join(bench.folder, "in", "00000000-folder.tif"), { recursive: true });
    const paths = [
      outside,
      "/etc/passwd",
      "../../etc/passwd",
      `../${outside.split("/").at(-1)}`,
      link,
      join(bench.folder, "in", link),
      "00000000-folder.tif",
      `${randomUUID()}.tif\0`,
      `${randomUUID()}.tif`,
      "",
      ".",
      "..",
    ];
    for (const path of paths) {
      const error: unknown = await post(JSON.stringify({ tiff_path: path }), {
        ...secret,
        "content-type": "application/json",
      }).catch((thrown: unknown) => thrown);
      expect(isFaxError(error, "webhook_malformed"), path).toBe(true);
    }
    for (const id of ["../../etc/passwd", "x", "%2e%2e", "a".repeat(65), `${randomUUID()}%0a`, ""]) {
      await expect(post(`id=${id}&status=SUCCESS`, secret)).rejects.toMatchObject({
        code: "webhook_malformed",
      });
    }
    for (const id of ["../out/x", "/etc/passwd", "x\0y", `${randomUUID()}\n`]) {
      await expect(bench.transport.fetchDocument(id, bench.call())).rejects.toMatchObject({
        code: "not_found",
      });
      await expect(bench.transport.deleteDocument(id, bench.call())).rejects.toMatchObject({
        code: "not_found",
      });
    }
  });
});
