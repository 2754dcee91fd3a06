import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";
import { fileURLToPath } from "node:url";

/** Where the recordings of real servers lie. */
export const recordingsFolder: string = fileURLToPath(new URL("../../testing/recordings", import.meta.url));

/** How a recording's bytes are cut: as they came, one by one, or as few pieces as the dialogue allows. */
export type Cutting = "recorded" | "bytes" | "whole";

interface Chunk {
  dir: "s" | "c";
  len: number;
}

/** A server that plays a recording. */
export interface AmiReplay {
  readonly port: number;
  /** What clients asked, by the action's name. */
  readonly actions: string[];
  stop(): Promise<void>;
}

const driven = /^(Login|Originate|Hangup)$/;

/**
 * Plays a recording: its answers follow the client's own login, calls and hang-ups. Ids are those of the client. Whatever
 * else a client asks is answered as an Asterisk would that has our dialplan, no channels and an empty database.
 */
export async function replay(folder: string, name: string, cutting: Cutting): Promise<AmiReplay> {
  const base = `${recordingsFolder}/${folder}/${name}`;
  const server = readFileSync(`${base}.server.txt`, "latin1");
  const client = readFileSync(`${base}.client.txt`, "latin1");
  const chunks = JSON.parse(readFileSync(`${base}.chunks.json`, "utf8")) as Chunk[];
  const actions: string[] = [];
  const listener = createServer((socket) => play(socket, { server, client, chunks }, cutting, actions));
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  return {
    port: (listener.address() as AddressInfo).port,
    actions,
    stop: () => stop(listener),
  };
}

function stop(listener: Server): Promise<void> {
  return new Promise((resolve) => listener.close(() => resolve()));
}

function play(
  socket: Socket,
  recorded: { server: string; client: string; chunks: Chunk[] },
  cutting: Cutting,
  actions: string[],
): void {
  const chunks = [...recorded.chunks];
  const ids = new Map<string, string>();
  const database = new Map<string, string>();
  const awaited = recorded.client
    .split("\r\n\r\n")
    .filter((text) => driven.test(header(text, "Action") ?? ""));
  let at = 0;
  let pending = "";
  let cut = Promise.resolve();
  const rename = (text: string): string => {
    let renamed = text;
    for (const [from, to] of ids) renamed = renamed.replaceAll(from, to);
    return renamed;
  };
  const write = (text: string): void => {
    if (text === "") return;
    const bytes = Buffer.from(text, "latin1");
    cut = cut.then(async () => {
      if (cutting !== "bytes") return void socket.write(bytes);
      for (let each = 0; each < bytes.byteLength; each += 1) {
        socket.write(bytes.subarray(each, each + 1));
        if (each % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    });
  };
  /** Plays until the recorded client spoke. */
  const playOn = (): void => {
    let text = "";
    for (; chunks[0]?.dir === "s"; chunks.shift()) {
      const piece = recorded.server.slice(at, at + chunks[0].len);
      at += chunks[0].len;
      if (cutting === "recorded") write(rename(piece));
      else text += piece;
    }
    write(rename(text));
    if (chunks.length === 0 && recorded.server.includes("Authentication failed")) {
      cut = cut.then(() => void socket.end());
    }
  };
  socket.on("error", () => {});
  socket.on("data", (data) => {
    pending += data.toString("latin1");
    for (let end = pending.indexOf("\r\n\r\n"); end !== -1; end = pending.indexOf("\r\n\r\n")) {
      const action = pending.slice(0, end);
      pending = pending.slice(end + 4);
      const name = header(action, "Action") ?? "";
      actions.push(name);
      const own = header(action, "ActionID") ?? "";
      if (!driven.test(name)) {
        write(answer(name, action, own, database));
        continue;
      }
      const recordedAction = awaited.shift();
      if (recordedAction) {
        ids.set(header(recordedAction, "ActionID") ?? "?", own);
        const channel = header(recordedAction, "ChannelId");
        if (channel) {
          const job = /FAXBOT_JOB=(\S+)/.exec(recordedAction)?.[1] ?? "?";
          const ours = header(action, "ChannelId") ?? "";
          ids.set(`id: ${channel}`, `id: ${ours}`);
          ids.set(job, ours.replace("faxbot-", ""));
        }
      }
      if (chunks[0]?.dir === "c") chunks.shift();
      playOn();
    }
  });
  playOn();
}

function header(text: string, name: string): string | undefined {
  return new RegExp(`^${name}: (.*?)\\r?$`, "m").exec(text)?.[1];
}

function answer(name: string, action: string, id: string, database: Map<string, string>): string {
  const key = `${header(action, "Family")}/${header(action, "Key")}`;
  switch (name) {
    case "Getvar":
      return `Response: Success\r\nActionID: ${id}\r\nVariable: FAXBOT_DIALPLAN\r\nValue: 1\r\n\r\n`;
    case "DBPut":
      database.set(key, header(action, "Val") ?? "");
      return `Response: Success\r\nActionID: ${id}\r\nMessage: Updated database successfully\r\n\r\n`;
    case "DBGet": {
      const value = database.get(key);
      if (value === undefined) {
        return `Response: Error\r\nActionID: ${id}\r\nMessage: Database entry not found\r\n\r\n`;
      }
      return (
        `Response: Success\r\nActionID: ${id}\r\nEventList: start\r\nMessage: Result will follow\r\n\r\n` +
        `Event: DBGetResponse\r\nVal: ${value}\r\nActionID: ${id}\r\n\r\n` +
        `Event: DBGetComplete\r\nActionID: ${id}\r\nEventList: Complete\r\nListItems: 1\r\n\r\n`
      );
    }
    case "CoreShowChannels":
    case "FAXSessions": {
      const end = name === "FAXSessions" ? "FAXSessionsComplete" : "CoreShowChannelsComplete";
      return (
        `Response: Success\r\nActionID: ${id}\r\nEventList: start\r\n\r\n` +
        `Event: ${end}\r\nActionID: ${id}\r\nListItems: 0\r\n\r\n`
      );
    }
    default:
      return `Response: Success\r\nActionID: ${id}\r\n\r\n`;
  }
}
