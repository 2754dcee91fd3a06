import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { setImmediate as nextTurn, setTimeout as pause } from "node:timers/promises";
import { type ClientCommand, commandOfClient } from "./command-of-client.ts";
import { improviseAnswer } from "./improvise-answer.ts";
import { splitAmi, splitEsl } from "./message-borders.ts";
import { type Recording, readRecording } from "./recording.ts";
import { type CutMessage, plainEventAsJson, rewriteMessage } from "./rewrite-message.ts";

/** How {@link replayRecording} says what the server said. */
export interface ReplayOptions {
  /**
   * `recorded`: segment by segment, with the recorded borders; `bytes`: every byte for itself; `whole`: everything up to
   * the client's next command in one write.
   */
  mode: "recorded" | "bytes" | "whole";
  /** Only for `recorded`: how many times faster than it was; default 1000, `Infinity` for no pauses. */
  speed?: number;
  /** Global variables of the exchange, for a client that asks; default none. */
  variables?: Readonly<Record<string, string>>;
  /** Further texts to put in the place of recorded ones, beside the ids that are found by themselves. */
  replace?: Readonly<Record<string, string>>;
}

/** A server that says what a real one said. */
export interface RecordingReplay {
  readonly recording: Recording;
  readonly host: "127.0.0.1";
  readonly port: number;
  /** Everything that clients sent, message by message. */
  readonly received: readonly string[];
  /** Resolves when one connection has heard all of it. */
  readonly done: Promise<void>;
  stop(): Promise<void>;
}

type Scene =
  | { from: "client"; command: ClientCommand }
  | { from: "server"; messages: CutMessage[]; pauses: number[] };

/**
 * Starts a TCP server on 127.0.0.1 that replays one recorded session with Asterisk or FreeSWITCH to whoever connects,
 * from the beginning for each connection. It waits for the client's commands where the recorded client gave them. They
 * need not be the same: it goes by the kind of command, puts the client's own ids (ActionID, ChannelId, job, Job-UUID,
 * origination uuid, file) in the place of the recorded ones, and answers further commands by itself, between messages.
 *
 * @param name as `listRecordings` has it, e.g. `asterisk/busy`
 * @throws RangeError when there is no such recording
 * @example
 * const replay = await replayRecording("freeswitch/busy", { mode: "bytes" });
 * // … connect to replay.host and replay.port, send a fax …
 * await replay.stop();
 */
export async function replayRecording(name: string, options: ReplayOptions): Promise<RecordingReplay> {
  const recording = readRecording(name);
  const script = scenesOf(recording);
  const received: string[] = [];
  const sockets = new Set<Socket>();
  let heard = (): void => {};
  const done = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    play(socket, recording, script, options, received)
      .then((complete) => complete && heard())
      .catch(() => void socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    recording,
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    received,
    done,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** Cuts a recording into what the server said and what the client had to say first. */
function scenesOf(recording: Recording): Scene[] {
  const split = recording.protocol === "ami" ? splitAmi : splitEsl;
  const scenes: Scene[] = [];
  const offsets = { s: 0, c: 0 };
  let last = 0;
  for (let index = 0; index < recording.chunks.length; ) {
    const direction = recording.chunks[index]?.dir ?? "s";
    const start = offsets[direction];
    const ends: number[] = [];
    const pauses: number[] = [];
    for (let chunk = recording.chunks[index]; chunk?.dir === direction; chunk = recording.chunks[index]) {
      offsets[direction] += chunk.len;
      ends.push(offsets[direction]);
      pauses.push(chunk.ms - last);
      last = chunk.ms;
      index += 1;
    }
    const bytes = recording[direction === "s" ? "server" : "client"].subarray(start, offsets[direction]);
    const { messages, rest } = split(bytes);
    const whole = rest.length > 0 ? [...messages, rest] : messages;
    if (direction === "c") {
      for (const each of whole) {
        scenes.push({ from: "client", command: commandOfClient(each, recording.protocol) });
      }
      continue;
    }
    let at = start;
    scenes.push({
      from: "server",
      pauses,
      messages: whole.map((each) => {
        const from = at;
        at += each.length;
        return { bytes: each, cuts: ends.filter((end) => end > from && end <= at).map((end) => end - from) };
      }),
    });
  }
  return scenes;
}

/** @returns whether the client heard everything */
async function play(
  socket: Socket,
  recording: Recording,
  script: readonly Scene[],
  options: ReplayOptions,
  received: string[],
): Promise<boolean> {
  const { protocol } = recording;
  const expected = script.filter((scene) => scene.from === "client").map(({ command }) => command);
  const ids = new Map(Object.entries(options.replace ?? {}));
  const improvised: { text: string; close: boolean; after: number }[] = [];
  /** What was recorded for a command that the client gave in another way. */
  const unsaid: string[] = [];
  let given = 0;
  /** How many of the recorded commands have begun to be answered; -1 until the greeting is out. */
  let answered = -1;
  let atBorder = true;
  let originated: string | undefined;
  let ended = false;
  let wantsJson = false;
  let arrived = (): void => {};

  const write = (bytes: Buffer | string): Promise<void> =>
    new Promise((resolve) => {
      if (socket.destroyed) return resolve();
      socket.write(bytes, () => resolve());
    });
  const improvise = async (): Promise<void> => {
    for (let next = improvised[0]; atBorder && next && next.after <= answered; next = improvised[0]) {
      improvised.shift();
      await write(next.text);
      if (next.close) socket.end();
    }
  };
  const say = (command: ClientCommand): void => {
    const liveChannel = ended ? undefined : originated;
    const state = { variables: options.variables ?? {}, liveChannel };
    const { text, close = false } = improviseAnswer(command, protocol, state);
    improvised.push({ text, close, after: given });
  };
  const take = (message: Buffer): void => {
    const command = commandOfClient(message, protocol);
    received.push(command.text);
    const next = expected[given];
    const inForeground = next?.kind.startsWith("bgapi ") && next.kind === `bg${command.kind}`;
    if (next === undefined || (next.kind !== command.kind && !inForeground)) {
      say(command);
      return;
    }
    given += 1;
    for (const [what, id] of next.ids) {
      const now = command.ids.get(what);
      if (now !== undefined) ids.set(id, now);
    }
    if (command.kind === "event") wantsJson = /^event\s+json\b/.test(command.text);
    if (inForeground) {
      // It waits for the answer itself, so nothing is said of a background job.
      unsaid.push(next.ids.get("Job-UUID") ?? next.text);
      const body = "+OK\n";
      const text = `Content-Type: api/response\nContent-Length: ${body.length}\n\n${body}`;
      improvised.push({ text, close: false, after: given - 1 });
    }
    originated ??= command.ids.get(protocol === "ami" ? "ChannelId" : "uuid");
  };

  let pending: Buffer = Buffer.alloc(0);
  socket.on("data", (data) => {
    const { messages, rest } = (protocol === "ami" ? splitAmi : splitEsl)(Buffer.concat([pending, data]));
    pending = rest;
    for (const message of messages) take(message);
    void improvise();
    arrived();
  });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));

  let waitedFor = 0;
  for (const [index, scene] of script.entries()) {
    if (socket.destroyed) return false;
    if (scene.from === "client") {
      waitedFor += 1;
      while (given < waitedFor && !socket.destroyed) {
        const more = new Promise<void>((resolve) => {
          arrived = resolve;
        });
        await Promise.race([more, closed]);
      }
      if (script[index + 1]?.from !== "server") answered = waitedFor;
      await improvise();
      continue;
    }
    const { speed = 1000 } = options;
    const wait = async (index: number): Promise<void> => {
      const ms = options.mode === "recorded" ? (scene.pauses[index] ?? 0) / speed : 0;
      if (ms >= 1) await pause(ms);
      // A turn of the loop lets the reader see the border.
      else await nextTurn();
    };
    let held: Buffer = Buffer.alloc(0);
    let segment = 0;
    for (const recorded of scene.messages) {
      if (unsaid.some((text) => recorded.bytes.includes(text))) continue;
      const message = rewriteMessage(wantsJson ? plainEventAsJson(recorded) : recorded, protocol, ids);
      if (options.mode === "bytes") {
        atBorder = false;
        for (let at = 0; at < message.bytes.length && !socket.destroyed; at += 1) {
          socket.write(message.bytes.subarray(at, at + 1));
          await nextTurn();
        }
        atBorder = true;
        answered = waitedFor;
        await improvise();
        continue;
      }
      let from = 0;
      for (const cut of options.mode === "recorded" ? message.cuts : []) {
        await wait(segment);
        segment += 1;
        await write(Buffer.concat([held, message.bytes.subarray(from, cut)]));
        held = Buffer.alloc(0);
        from = cut;
        atBorder = cut === message.bytes.length;
        if (atBorder) answered = waitedFor;
        await improvise();
      }
      held = Buffer.concat([held, message.bytes.subarray(from)]);
    }
    if (held.length > 0) await write(held);
    atBorder = true;
    answered = waitedFor;
    await improvise();
  }
  ended = true;
  if (recording.outcome === "connect error") socket.end();
  return !socket.destroyed;
}
