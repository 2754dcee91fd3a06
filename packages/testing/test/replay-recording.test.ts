import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import {
  listRecordings,
  type RecordingReplay,
  type ReplayOptions,
  readRecording,
  replayRecording,
} from "../src/index.ts";

const modes = ["recorded", "bytes", "whole"] as const;
let replay: RecordingReplay | undefined;
afterEach(async () => {
  await replay?.stop();
  replay = undefined;
});

/** Says the recorded client's commands, changed, each as soon as something new was heard; returns all that was heard. */
async function listen(
  name: string,
  options: ReplayOptions,
  change = (text: string): string => text,
): Promise<{ text: string; segments: number[] }> {
  replay = await replayRecording(name, options);
  const { recording } = replay;
  const socket = connect(replay.port, replay.host);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  await once(socket, "connect");
  for (const command of change(recording.client.toString()).split(/(?<=\r?\n\r?\n)/)) socket.write(command);
  await replay.done;
  const closed = once(socket, "close");
  await replay.stop();
  await closed;
  return { text: Buffer.concat(chunks).toString(), segments: chunks.map(({ length }) => length) };
}

describe.each(modes)("%s", (mode) => {
  // Byte by byte, the long ones take seconds and show nothing that the short ones do not.
  const all = listRecordings().filter(
    ({ name }) => mode !== "bytes" || readRecording(name).server.length < 6_000,
  );
  test.each(all)("$name says to the recorded client what it said then", async ({ name }) => {
    const { text, segments } = await listen(name, { mode, speed: Number.POSITIVE_INFINITY });
    expect(text).toBe(readRecording(name).server.toString());
    if (mode === "bytes") expect(segments.length).toBeGreaterThan(text.length / 10);
    if (mode === "recorded") {
      // The system may hand two segments on as one when it is busy, but not as a rule.
      const recorded = readRecording(name).chunks.filter(({ dir }) => dir === "s");
      expect(segments.length).toBeGreaterThan(recorded.length / 2);
    }
  });

  test("another client's ids come back, also those of another length", async () => {
    const ours: Record<string, string> = {
      "orig-5551486": "0b54d1f6-1b7f-4a8e-9d0c-0d1f0b3b2a11",
      "faxbot-5551486": "faxbot-7c9e6679742540de944be07fc1f90ae7",
      "job-5551486": "7c9e6679742540de944be07fc1f90ae7",
      "std-g4.tif": "7c9e6679742540de944be07fc1f90ae7.tif",
    };
    const change = (text: string) =>
      text.replace(new RegExp(Object.keys(ours).join("|"), "g"), (id) => ours[id] ?? id);
    const { text } = await listen("asterisk/busy", { mode }, change);
    expect(text).toBe(change(readRecording("asterisk/busy").server.toString()));
    expect(text).not.toContain("5551486\r\nMessage");
  });

  test("lengths fit when the ids are longer", async () => {
    const change = (text: string) =>
      text
        .replaceAll("00000000-0000-4000-8000-000005552000", "7c9e6679-7425-40de-944b-e07fc1f90ae7")
        .replaceAll("10000000-0000-4000-8000-000005552000", "a-job-of-our-own")
        .replaceAll("job-5552000", "7c9e6679742540de944be07fc1f90ae7");
    for (const name of [
      "freeswitch/bad-gateway",
      ...(mode === "bytes" ? [] : ["freeswitch/t38-success-plain"]),
    ]) {
      const { text } = await listen(name, { mode }, change);
      expect(text).not.toContain("000005552000");
      let at = 0;
      let events = 0;
      while (at < text.length) {
        const end = text.indexOf("\n\n", at);
        const head = text.slice(at, end);
        const length = Number(/^Content-Length: (\d+)/m.exec(head)?.[1] ?? 0);
        const body = text.slice(end + 2, end + 2 + length);
        if (head.includes("text/event-json")) expect(JSON.parse(body)).toHaveProperty("Event-Name");
        if (head.includes("text/event-plain")) expect(body).toMatch(/^Event-\w+: \S+\n(.|\n)*\n\n/);
        events += length > 0 ? 1 : 0;
        at = end + 2 + length;
      }
      expect(events).toBeGreaterThan(0);
      await replay?.stop();
    }
  });
});

test("further commands are answered between messages", async () => {
  const { text } = await listen("asterisk/busy", { mode: "bytes", variables: { COLOR: "blue" } }, (said) =>
    said.replace(
      "Action: Originate",
      [
        "Action: Ping\r\nActionID: p\r\n\r\n",
        "Action: Getvar\r\nActionID: g\r\nVariable: COLOR\r\n\r\n",
        "Action: Nonsense\r\n\r\n",
        "Action: Originate",
      ].join(""),
    ),
  );
  const messages = text.split("\r\n\r\n");
  expect(messages).toContainEqual(expect.stringMatching(/^Response: Success\r\nActionID: p\r\nPing: Pong/));
  expect(messages).toContain("Response: Success\r\nActionID: g\r\nVariable: COLOR\r\nValue: blue");
  expect(messages).toContainEqual(
    expect.stringMatching(/^Response: Error\r\nMessage: Invalid\/unknown command/),
  );
  expect(messages.filter((each) => /^(Asterisk|Response|Event): /.test(each) || each === "")).toHaveLength(
    messages.length - 1,
  );
  expect(replay?.received).toHaveLength(5);
});

test("a client that kills in the foreground hears nothing of a background job", async () => {
  const { text } = await listen("freeswitch/cancel-ringing", { mode: "recorded" }, (said) =>
    said.replace(/bgapi uuid_kill (\S+)\nJob-UUID: .*\n/, "api uuid_kill $1\n"),
  );
  expect(text).toContain("Content-Type: api/response\nContent-Length: 4\n\n+OK\n");
  expect(text).not.toContain("20000000-0000-4000-8000-000005552480");
});

test("plain events become JSON for a client that asks for JSON", async () => {
  const { text } = await listen("freeswitch/t38-success-plain", { mode: "whole" }, (said) =>
    said.replace("event plain", "event json"),
  );
  expect(text).not.toContain("text/event-plain");
  expect(text).toContain('"Event-Subclass":"spandsp::txfaxresult"');
});

test("every connection hears it from the beginning, and a refused one is closed", async () => {
  replay = await replayRecording("freeswitch/auth-failed", { mode: "whole" });
  for (const _ of [1, 2]) {
    const socket = connect(replay.port, replay.host);
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.write("auth whatever\n\n");
    await once(socket, "end");
    expect(text).toBe(replay.recording.server.toString());
    socket.destroy();
  }
  await expect(replayRecording("asterisk/nothing", { mode: "whole" })).rejects.toThrow(RangeError);
});
