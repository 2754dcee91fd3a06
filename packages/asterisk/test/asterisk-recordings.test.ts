import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isFaxError, type StatusReport } from "@faxbot/core/transport";
import { listRecordings, type RecordingInfo, replayRecording, syntheticFaxTiff } from "@faxbot/testing";
import { describe, expect, it } from "vitest";
import { intakePatience } from "../src/asterisk-intake.ts";
import type { Patience } from "../src/asterisk-transport.ts";
import { type Bench, openBench, quick } from "./asterisk-bench.ts";

/** The event is to bring the received fax, before anybody looks into the folder. */
const patience: Patience = { line: { ...quick.line, graceMs: 1_500 }, intake: intakePatience };

/** The received fax of the recording. */
const receivedId = "ffa304f3-52c1-4cde-90b1-43dd0dee3706";

/** What the failures are kept as. */
const codes: Readonly<Record<string, string>> = {
  "asterisk/answered-silent-maxsecs": "T.30/49",
  "asterisk/answered-voice": "T.30/2",
  "asterisk/busy": "Q.850/17",
  "asterisk/far-end-cut": "T.30/49",
  "asterisk/file-garbage": "T.30/41",
  "asterisk/file-missing": "FAXOPT/FILE_ERROR",
  "asterisk/no-answer": "Q.850/19",
  "asterisk/rejected": "Q.850/21",
  "asterisk/result-recovery-astdb": "FAXOPT/T38_NEG_ERROR",
  "asterisk/unknown-endpoint": "AMI/no_channel",
  "asterisk/wrong-number": "Q.850/1",
};

describe.each(["recorded", "bytes", "whole"] as const)("with the server's words in pieces: %s", (mode) => {
  it.concurrent.each(listRecordings("ami"))("$name: $outcome", async (recording) => {
    const replay = await replayRecording(recording.name, {
      mode,
      speed: Number.POSITIVE_INFINITY,
      variables: { FAXBOT_DIALPLAN: "1" },
    });
    const bench = await openBench({ port: replay.port }, patience);
    try {
      await endsAsRecorded(bench, recording, () =>
        replay.received.some((text) => /CoreShowChannels/.test(text)),
      );
      const said = replay.received.join("");
      expect(said.match(/^Action: Originate/gm)?.length ?? 0).toBeLessThanOrEqual(1);
      expect(said).not.toMatch(/^Application:|^Action: (Command|System|Setvar|UpdateConfig)/im);
    } finally {
      await bench.close();
      await replay.stop();
    }
  });
});

async function endsAsRecorded(
  bench: Bench,
  { name, outcome }: RecordingInfo,
  isConnected: () => boolean,
): Promise<void> {
  if (outcome === "connect error") {
    const health = await bench.transport.checkHealth(bench.call());
    expect(health).toMatchObject({ status: "unhealthy", message: expect.stringMatching(/refuses user/) });
    return;
  }
  if (outcome === "received") {
    await writeFile(join(bench.folder, "in", `${receivedId}.tif`), syntheticFaxTiff({ pages: 3 }));
  }
  bench.start();
  await bench.until("connected", isConnected);
  if (outcome === "received") {
    await bench.until("received", () => bench.last("received") !== undefined);
    expect(bench.events).toEqual([
      {
        type: "received",
        key: `received:${receivedId}`,
        providerId: receivedId,
        from: "+13125550177",
        pages: 3,
      },
    ]);
    return;
  }
  if (outcome === "attack") {
    // Time for a forged event to do its work.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(bench.events).toEqual([]);
    return;
  }
  await endsAs(bench, name, outcome);
}

async function endsAs(bench: Bench, name: string, outcome: RecordingInfo["outcome"]): Promise<void> {
  const job = bench.job();
  let sent: StatusReport;
  try {
    sent = await bench.transport.send(job, bench.call());
  } catch (error) {
    expect(outcome).toBe("failed/config");
    expect(isFaxError(error, name.endsWith("denied") ? "transport_unauthorized" : "transport_rejected")).toBe(
      true,
    );
    return;
  }
  expect(sent).toEqual({
    providerId: `faxbot-${job.attemptId}`,
    reference: job.attemptId,
    status: "queued",
    providerStatus: "Originate",
  });
  if (outcome === "canceled") await bench.transport.cancel(sent.providerId, bench.call());
  await bench.until("the end", () => {
    const event = bench.last("status");
    return event?.type === "status" && event.key.endsWith(":end");
  });
  const event = bench.last("status");
  if (event?.type !== "status") throw new Error("no event");
  const { report } = event;
  expect(report).toMatchObject({ providerId: sent.providerId, reference: job.attemptId });
  if (outcome === "delivered") expect(report).toMatchObject({ status: "delivered", pages: 3 });
  else if (outcome === "canceled") expect(report.status).toBe("canceled");
  else if (outcome === "failed/config")
    expect(report.failure).toMatchObject({ reason: "account", retryable: false });
  else {
    expect(report.status).toBe("failed");
    expect(report.failure?.retryable).toBe(outcome === "failed/retryable");
  }
  expect(report.failure?.providerCode).toBe(codes[name]);
  expect(await bench.transport.getStatus(sent.providerId, bench.call())).toEqual(report);
}
