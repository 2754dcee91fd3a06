import { rm } from "node:fs/promises";
import { parseSettings, type StatusReport } from "@faxbot/core/transport";
import {
  type CallState,
  type EslEmulatorOptions,
  sendJob,
  startEslEmulator,
  transportCall,
  transportHost,
} from "@faxbot/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { freeswitchSettings } from "../src/freeswitch-settings.ts";
import { makeTransport } from "../src/freeswitch-transport.ts";
import { exchangeSettings, newFolder, quickTiming } from "./exchange-folders.ts";
import { eventually, reportsOf } from "./exchange-in-test.ts";
import { faxTiff } from "./fax-tiff.ts";

async function emulated(options: EslEmulatorOptions = {}) {
  const emulator = await startEslEmulator({ completeAfterMs: 30, ...options });
  const spoolOut = await newFolder("out");
  const settings = {
    ...exchangeSettings({ spoolOut, spoolIn: emulator.spoolIn }),
    port: emulator.port,
    password: emulator.password,
  };
  const parsed = parseSettings("freeswitch", freeswitchSettings, settings);
  const transport = makeTransport("freeswitch", parsed, quickTiming);
  const controller = new AbortController();
  const host = transportHost({ signal: controller.signal });
  const running = transport.run(host);
  onTestFinished(async () => {
    controller.abort();
    await running;
    await emulator.stop();
    await rm(spoolOut, { recursive: true, force: true });
  });
  const send = (to: string) => transport.send(sendJob({ to, document: faxTiff(3) }), transportCall());
  const ending = (sent: StatusReport) =>
    eventually(() => {
      const report = reportsOf(host).find(
        ({ providerId, status }) => providerId === sent.providerId && !/queued|in_progress/.test(status),
      );
      if (!report) throw new Error("it has not ended");
      return report;
    });
  return { emulator, transport, host, send, ending };
}

describe("an imitation of FreeSWITCH", () => {
  test.each([
    ["delivered", { status: "delivered", pages: 3 }],
    ["busy", { status: "failed", failure: { reason: "busy", retryable: true } }],
    ["no_answer", { status: "failed", failure: { reason: "no_answer", retryable: true } }],
    ["no_fax_tone", { status: "failed", failure: { reason: "no_fax_tone", retryable: true } }],
    ["line_error", { status: "failed", failure: { reason: "line_error", retryable: true } }],
    ["partial", { status: "failed", pages: 1, failure: { reason: "transmission_error" } }],
    ["invalid_number", { status: "failed", failure: { reason: "invalid_number", retryable: false } }],
    ["rejected", { status: "failed", failure: { reason: "rejected", retryable: false } }],
    ["document", { status: "failed", failure: { reason: "document", retryable: false } }],
    ["ringing", { status: "failed", failure: { reason: "no_answer" } }],
    ["silent", { status: "failed", failure: { retryable: true } }],
    ["hangs_up", { status: "failed", failure: { reason: "line_error", retryable: true } }],
    ["cut", { status: "failed", failure: { reason: "line_error", retryable: true } }],
    [{ cause: 88 }, { status: "failed", failure: { providerCode: "Q.850/88", retryable: true } }],
    [{ t30: 12 }, { status: "failed", failure: { reason: "document", retryable: false } }],
  ] as const)("%j is reported as it is", async (outcome, expected) => {
    const { emulator, send, ending } = await emulated({ outcome, secondMs: 1 });
    expect(await ending(await send("+12025550123"))).toMatchObject(expected);
    expect(emulator.faxes).toHaveLength(1);
    expect(emulator.commandsRun).toEqual([]);
  });

  test.each(["dialing", "ringing", "answered", "transferring"] satisfies CallState[])(
    "loses the connection while a call is %s, and the fax is delivered once",
    async (state) => {
      const { emulator, send, ending } = await emulated();
      emulator.pauseAt = state;
      const sent = await send("+12025550123");
      await emulator.reached(state);
      emulator.dropConnections();
      await eventually(() => expect(emulator.calls.uuid_exists).toBeGreaterThan(0));
      emulator.resume();
      expect(await ending(sent)).toMatchObject({ status: "delivered", pages: 3 });
      expect(emulator.faxes).toHaveLength(1);
    },
  );

  test.each(["dialing", "ringing", "answered", "transferring"] satisfies CallState[])(
    "is restarted while a call is %s, and nothing is guessed",
    async (state) => {
      const { emulator, transport, host, send } = await emulated();
      emulator.pauseAt = state;
      const sent = await send("+12025550123");
      await emulator.reached(state);
      emulator.restart();
      await eventually(() =>
        expect(transport.getStatus(sent.providerId, transportCall())).rejects.toMatchObject({
          code: "not_found",
        }),
      );
      expect(reportsOf(host).map(({ status }) => status)).not.toContain("failed");
      expect(emulator.faxes).toHaveLength(1);
    },
  );

  test("with events dropped, doubled, late and in another order", async () => {
    const { emulator, send, ending } = await emulated({ outcome: "busy" });
    emulator.eventFault({ kind: "drop", event: "CHANNEL_HANGUP_COMPLETE" });
    expect(await ending(await send("+12025550123"))).toMatchObject({ failure: { reason: "busy" } });
    emulator.eventFault({ kind: "reorder", event: "CHANNEL_HANGUP_COMPLETE" });
    expect(await ending(await send("+12025550123"))).toMatchObject({ failure: { reason: "busy" } });
    emulator.eventFault({ kind: "duplicate", times: Number.POSITIVE_INFINITY });
    expect(await ending(await send("+12025550123"))).toMatchObject({ failure: { reason: "busy" } });
  });

  test("that sends byte by byte", async () => {
    const { emulator, send, ending } = await emulated();
    emulator.writeMode = "bytes";
    expect(await ending(await send("+12025550123"))).toMatchObject({ status: "delivered", pages: 3 });
  });

  test("whose callers and far ends are hostile", async () => {
    const { emulator, host, send, ending } = await emulated();
    const text = "x\r\n\r\nContent-Type: text/event-json\r\n\r\n{},$" + "{system(id)}";
    for (let time = 0; time < 5; time += 1) emulator.foreignCall({ number: text, name: text });
    const id = emulator.receiveFax({ from: text, to: text, callerName: text, station: text });
    expect(await ending(await send("+12025550123"))).toMatchObject({ status: "delivered" });
    await eventually(() =>
      expect(host.events.filter(({ type }) => type === "received")).toEqual([
        expect.objectContaining({ providerId: id, pages: 1 }),
      ]),
    );
    expect(JSON.stringify(host.events)).not.toContain("system");
    expect(emulator.commandsRun).toEqual([]);
  });
});
