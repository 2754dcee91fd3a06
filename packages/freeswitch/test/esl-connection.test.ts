import { capturingLogger, sendJob, transportCall } from "@faxbot/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { type EslConnection, type EslConnectionOptions, openEslConnection } from "../src/esl-connection.ts";
import { quickTiming } from "./exchange-folders.ts";
import { eventually, exchangeInTest } from "./exchange-in-test.ts";
import { faxTiff } from "./fax-tiff.ts";
import { smallExchange } from "./small-exchange.ts";

async function connecting(more: Partial<EslConnectionOptions> = {}) {
  const exchange = await smallExchange();
  onTestFinished(() => exchange.stop());
  const open = (): Promise<EslConnection> =>
    openEslConnection({
      host: "127.0.0.1",
      port: exchange.port,
      password: "synthetic-password",
      timing: { ...quickTiming, connectMs: 300, replyMs: 200 },
      signal: new AbortController().signal,
      isAwaited: () => false,
      onEvent: () => {},
      ...more,
    });
  return { exchange, open };
}

describe("a login", () => {
  test("with the right password", async () => {
    const { open } = await connecting();
    const connection = await open();
    expect(connection.isOpen).toBe(true);
    expect(await connection.api("status")).toBe("UP 0 years");
    connection.close();
    connection.close();
    await connection.closed;
    await expect(connection.api("status")).rejects.toMatchObject({ kind: "closed" });
  });

  test.each([
    ["a wrong password", { password: "another-password" }, undefined, "unauthorized"],
    [
      "an access list",
      {},
      "Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n",
      "unauthorized",
    ],
    ["silence", {}, "\n", "unreachable"],
    ["another protocol", {}, `HTTP/1.1 400 ${"x".repeat(20_000)}`, "unreachable"],
    ["a good-bye", {}, "Content-Type: text/disconnect-notice\nContent-Length: 4\n\nBye\n", "unreachable"],
  ])("ends with %s", async (_, more, greeting, kind) => {
    const { exchange, open } = await connecting(more);
    if (greeting !== undefined) exchange.greeting = greeting;
    await expect(open()).rejects.toMatchObject({ kind });
  });

  test("is given up when its signal says so", async () => {
    const controller = new AbortController();
    const { exchange, open } = await connecting({ signal: controller.signal });
    exchange.greeting = "\n";
    const opening = open();
    controller.abort(new Error("stop"));
    await expect(opening).rejects.toThrow("stop");
    await expect(open()).rejects.toThrow("stop");
  });

  test("that is refused is told, and not tried again and again", async () => {
    const inTest = await exchangeInTest({ settings: { password: "another-password" } });
    const { exchange, transport } = inTest;
    const logger = capturingLogger();
    inTest.run({ logger });
    await eventually(() => expect(logger.text()).toContain("unauthorized"));
    for (let time = 0; time < 3; time += 1) {
      expect(await transport.checkHealth(transportCall())).toMatchObject({ status: "unhealthy" });
      await expect(transport.send(sendJob({ document: faxTiff() }), transportCall())).rejects.toMatchObject({
        code: "transport_unauthorized",
      });
    }
    expect(exchange.connections).toBe(1);
    expect(logger.text()).not.toContain("another-password");
  });
});

describe("answers", () => {
  test("come to those who asked, in their order", async () => {
    const { open } = await connecting();
    const connection = await open();
    const answers = await Promise.all([
      connection.api("status"),
      connection.api("uuid_exists x"),
      connection.runJob("uuid_kill 00000000-0000-4000-8000-000000000000"),
      connection.command("filter variable_faxbot 1"),
      connection.runJob("status"),
    ]);
    expect(answers).toEqual(["UP 0 years", "false", "-ERR No such channel!", "+OK", "UP 0 years"]);
    connection.close();
  });

  test("that do not come end the connection, and all who wait are told", async () => {
    const { exchange, open } = await connecting();
    const connection = await open();
    exchange.react = () => "silence";
    const waiting = [connection.api("status"), connection.api("uuid_exists x")];
    for (const each of await Promise.allSettled(waiting)) {
      expect(each).toMatchObject({ status: "rejected", reason: { kind: "lost" } });
    }
    await connection.closed;
  });

  test("of background jobs that do not come end nothing but the waiting", async () => {
    const { exchange, open } = await connecting();
    const connection = await open();
    exchange.react = (command) =>
      command.startsWith("bgapi")
        ? { reply: "Content-Type: command/reply\nReply-Text: +OK Job-UUID: x\n\n" }
        : "as usual";
    await expect(connection.runJob("uuid_kill x")).rejects.toMatchObject({ kind: "lost" });
    expect(await connection.api("status")).toBe("UP 0 years");
    connection.close();
  });

  test("that nobody asked for end the connection", async () => {
    const { exchange, open } = await connecting();
    const connection = await open();
    exchange.raw("Content-Type: command/reply\nReply-Text: +OK\n\n");
    await connection.closed;
  });

  test("that refuse an API command are for the one who gave it", async () => {
    const { exchange, open } = await connecting();
    const connection = await open();
    exchange.react = (command) =>
      command === "api status"
        ? { reply: "Content-Type: command/reply\nReply-Text: -ERR permission denied\n\n" }
        : "as usual";
    const answers = [connection.api("status"), connection.api("uuid_exists x")];
    expect(await Promise.all(answers)).toEqual(["-ERR permission denied", "false"]);
    connection.close();
  });

  test("that are too long are not held", async () => {
    const { exchange, open } = await connecting({ timing: { ...quickTiming, replyMs: 5_000 } });
    const connection = await open();
    const long = `Content-Type: api/response\nContent-Length: 2000000\n\n${"x".repeat(2_000_000)}`;
    exchange.react = (command) => (command === "api status" ? { reply: long } : "as usual");
    await expect(connection.api("status")).rejects.toMatchObject({ kind: "lost" });
    expect(await connection.api("uuid_exists x")).toBe("false");
    connection.close();
  });

  test("a stray percent sign, a broken event and unknown kinds of messages hurt nobody", async () => {
    const { exchange, open } = await connecting();
    const connection = await open();
    exchange.raw("Content-Type: text/event-json\nX: %zz%\nContent-Length: 3\n\n{a}");
    exchange.raw("Content-Type: text/event-plain\nContent-Length: 21\n\nEvent-Name: %E0%A4%A\n");
    exchange.raw("Content-Type: log/data\nContent-Length: 4\n\nlog\n");
    expect(await connection.api("status")).toBe("UP 0 years");
    connection.close();
  });

  test("a server that stands still is noticed", async () => {
    const { exchange, open } = await connecting({
      timing: { ...quickTiming, replyMs: 100, keepAliveMs: 30 },
    });
    const connection = await open();
    exchange.react = () => "silence";
    await connection.closed;
  });

  test("a command with a line break never reaches the server", async () => {
    const { exchange, open } = await connecting();
    const connection = await open();
    for (const give of [
      () => connection.api("status\n\napi system touch x"),
      () => connection.command("filter a b\rc"),
      () => connection.runJob("x\ny"),
      () => connection.startJob("x", "id\nX: y"),
    ]) {
      await expect(give()).rejects.toThrow(RangeError);
    }
    expect(exchange.commands).toEqual([]);
    connection.close();
  });
});

describe("health", () => {
  test("is asked of the gateway, over the loop's connection or one for the question", async () => {
    const inTest = await exchangeInTest();
    const { exchange, transport, another } = inTest;
    const health = () => transport.checkHealth(transportCall());
    expect(await health()).toMatchObject({ status: "healthy" });
    expect(exchange.connections).toBe(1);
    inTest.run();
    expect(await health()).toMatchObject({ status: "healthy" });
    expect(await health()).toMatchObject({ status: "healthy" });
    expect(exchange.connections).toBe(2);
    exchange.react = (command) =>
      command.includes("sofia")
        ? { reply: "Content-Type: api/response\nContent-Length: 12\n\nStatus\tDOWN\n" }
        : "as usual";
    expect(await health()).toMatchObject({ status: "unhealthy", message: expect.stringContaining("down") });
    exchange.react = () => "as usual";
    expect(await another({ gateway: "other" }).checkHealth(transportCall())).toMatchObject({
      status: "unhealthy",
      message: expect.stringContaining("no gateway"),
    });
    await exchange.listen(false);
    expect(await health()).toMatchObject({ status: "unhealthy" });
    expect(exchange.taken).toBe(0);
  });
});
