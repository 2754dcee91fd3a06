import { readdir } from "node:fs/promises";
import { parseSettings, type StatusReport } from "@faxbot/core/transport";
import {
  capturingLogger,
  listRecordings,
  type ReplayOptions,
  readRecording,
  replayRecording,
  sendJob,
  transportCall,
  transportHost,
} from "@faxbot/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { readEvent } from "../src/esl-event.ts";
import { EslParser } from "../src/esl-parser.ts";
import { FreeSwitchCall } from "../src/freeswitch-call.ts";
import { freeswitchSettings } from "../src/freeswitch-settings.ts";
import { type FreeSwitchTransport, makeTransport } from "../src/freeswitch-transport.ts";
import {
  type Cleanup,
  exchangeFolders,
  exchangeSettings,
  quickTiming,
  receivedFile,
} from "./exchange-folders.ts";
import { faxTiff } from "./fax-tiff.ts";

const modes = ["recorded", "bytes", "whole"] as const;

async function replayed(name: string, mode: ReplayOptions["mode"], cleanup: Cleanup = onTestFinished) {
  const replay = await replayRecording(name, { mode });
  const folders = await exchangeFolders(cleanup);
  const settings = parseSettings("freeswitch", freeswitchSettings, {
    ...exchangeSettings(folders),
    gateway: /sofia\/gateway\/([^/]+)\//.exec(replay.recording.client.toString())?.[1] ?? "trunk",
    port: replay.port,
  });
  // Byte by byte an answer can take seconds.
  const timing = { ...quickTiming, replyMs: 20_000, earlyMs: 20_000, settleMs: 20_000 };
  const transport = makeTransport("freeswitch", settings, timing);
  const controller = new AbortController();
  const host = transportHost({ signal: controller.signal });
  const running = transport.run(host);
  cleanup(async () => {
    controller.abort();
    await running;
    await replay.stop();
  });
  return { replay, transport, host, folders };
}

type Host = Awaited<ReturnType<typeof replayed>>["host"];

async function finalReport(host: Host, sent: StatusReport): Promise<StatusReport> {
  const isFinal = ({ status }: StatusReport) => ["delivered", "failed", "canceled"].includes(status);
  return vi.waitFor(
    () => {
      const reports = host.events.flatMap((event) => (event.type === "status" ? [event.report] : []));
      const found = reports.find((report) => report.providerId === sent.providerId && isFinal(report));
      if (!found) throw new Error("no final report yet");
      return found;
    },
    { timeout: 15_000, interval: 5 },
  );
}

function send(transport: FreeSwitchTransport) {
  const job = sendJob({ document: faxTiff(3) });
  return { job, sent: transport.send(job, transportCall()) };
}

/** What each recorded call came to, more exactly than the list of recordings says it. */
const expected: Readonly<Record<string, Partial<StatusReport>>> = {
  "answered-no-fax": {
    failure: { reason: "no_fax_tone", retryable: true, providerCode: "T.30/2" },
    pages: 0,
  },
  busy: { failure: { reason: "busy", retryable: true, providerCode: "Q.850/17" } },
  "file-garbage": { failure: { reason: "document", retryable: false, providerCode: "T.30/41" } },
  "bad-gateway": {
    failure: { reason: "account", retryable: false, providerCode: "FreeSWITCH/INVALID_GATEWAY" },
  },
  "file-missing": {
    failure: { reason: "document", retryable: false, providerCode: "FreeSWITCH/txfax_not_started" },
  },
  "no-answer": { failure: { reason: "no_answer", retryable: true, providerCode: "Q.850/19" } },
  rejected: { failure: { reason: "rejected", retryable: false, providerCode: "Q.850/21" } },
  "wrong-number": { failure: { reason: "invalid_number", retryable: false, providerCode: "Q.850/3" } },
};

function expectedOf(name: string, outcome: string): Partial<StatusReport> {
  return expected[name] ?? (outcome === "delivered" ? { pages: 3 } : {});
}

/** A byte a turn of the loop takes long: only the short ones go so over a socket, and all of them without one below. */
const longestByBytes = 30_000;

describe.each(modes)("recordings, cut up as %s", (mode) => {
  for (const { name, outcome } of listRecordings("esl")) {
    if (mode === "bytes" && readRecording(name).server.length > longestByBytes) continue;
    const short = name.replace(/^.*\//, "");
    test.concurrent(`${short} ends as ${outcome}`, async ({ expect, onTestFinished: cleanup }) => {
      const { replay, transport, host, folders } = await replayed(name, mode, cleanup);
      if (outcome === "received") {
        const id = "4f91df44-e02a-4451-b3ef-5cdd233995bc";
        await receivedFile(folders.spoolIn, id, 3);
        await vi.waitFor(() => expect(host.events).toHaveLength(1), { timeout: 10_000, interval: 5 });
        expect(host.events[0]).toMatchObject({
          type: "received",
          key: `received:${id}`,
          providerId: id,
          from: "+13125550177",
          pages: 3,
          partial: false,
        });
        return;
      }
      const { job, sent } = send(transport);
      if (outcome === "connect error") {
        await expect(sent).rejects.toMatchObject({ code: "transport_unauthorized" });
        return;
      }
      if (outcome === "failed/config") {
        await expect(sent).rejects.toMatchObject({
          code: "transport_rejected",
          failure: { reason: "account", retryable: false, providerCode: "FreeSWITCH/INVALID_GATEWAY" },
        });
        expect(await readdir(folders.spoolOut)).toEqual([]);
        return;
      }
      const report = await sent;
      expect(report.reference).toBe(job.attemptId);
      if (short === "cancel-ringing") await transport.cancel(report.providerId, transportCall());
      const final = await finalReport(host, report);
      const [status, retry] = outcome.split("/");
      expect(final).toMatchObject({ status, reference: job.attemptId, ...expectedOf(short, outcome) });
      if (retry) expect(final.failure?.retryable).toBe(retry === "retryable");
      expect(await transport.getStatus(report.providerId, transportCall())).toEqual(final);
      // The file goes once the result is durable, and the line is free again.
      await vi.waitFor(async () => expect(await readdir(folders.spoolOut)).toEqual([]), { interval: 5 });
      expect(transport.hasLine()).toBe(true);
      expect(replay.received.filter((command) => command.includes("originate "))).toHaveLength(1);
    });
  }
});

describe("recordings, byte by byte into the parser", () => {
  const calls = listRecordings("esl").filter(({ outcome }) => /^(delivered|failed\/|canceled)/.test(outcome));
  for (const { name, outcome } of calls) {
    const short = name.replace(/^.*\//, "");
    test(`${short} ends as ${outcome}`, () => {
      const { server, client } = readRecording(name);
      const uuid = /origination_uuid=([0-9a-f-]+)/.exec(client.toString())?.[1] ?? "";
      const jobId = /^Job-UUID: (\S+)/m.exec(client.toString())?.[1] ?? "";
      const call = new FreeSwitchCall(uuid, uuid.replaceAll("-", ""));
      if (short === "cancel-ringing") call.cancel();
      const parser = new EslParser((message) => {
        const event = readEvent(message);
        if (event && [uuid, jobId].includes(event.field("Unique-ID") ?? event.field("Job-UUID") ?? "")) {
          call.take(event);
        }
      });
      for (const byte of server) parser.push(Buffer.of(byte));
      const [status, retry = ""] = outcome.split("/");
      expect(call.report()).toMatchObject({ status, ...expectedOf(short, outcome) });
      if (/able|permanent/.test(retry)) expect(call.report().failure?.retryable).toBe(retry === "retryable");
    });
  }
});

test("pages are reported as they go", async () => {
  const { transport, host } = await replayed("freeswitch/t38-success", "whole");
  const report = await send(transport).sent;
  await finalReport(host, report);
  const pages = host.events.map((event) =>
    event.type === "status" ? [event.report.status, event.report.pages] : [],
  );
  expect(pages).toEqual([
    ["in_progress", undefined],
    ["in_progress", 1],
    ["in_progress", 2],
    ["in_progress", 3],
    ["delivered", 3],
  ]);
  expect(new Set(host.events.map(({ key }) => key)).size).toBe(host.events.length);
});

test("no log line holds a number, a password or a station id", async () => {
  const { transport, host } = await replayed("freeswitch/busy", "whole");
  const logger = capturingLogger();
  const job = sendJob({ document: faxTiff(), to: "+12025550177" });
  const report = await transport.send(job, transportCall({ logger }));
  await finalReport(host, report);
  const text = logger.text() + JSON.stringify(host.events);
  for (const hidden of ["2025550177", "synthetic-password", "2125550100"]) expect(text).not.toContain(hidden);
});
