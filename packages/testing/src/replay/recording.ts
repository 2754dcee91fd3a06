import { existsSync, readFileSync } from "node:fs";

/** What a recorded session came to, in the words of `recordings/manifest.json`. */
export type RecordingOutcome =
  | "delivered"
  | "received"
  | "canceled"
  | "failed/retryable"
  | "failed/permanent"
  | "failed/config"
  | "connect error"
  | "attack";

/** One entry of the list of recordings. */
export interface RecordingInfo {
  /** Folder and name, e.g. `asterisk/busy`. */
  readonly name: string;
  /** The protocol that was recorded. */
  readonly protocol: "ami" | "esl";
  readonly outcome: RecordingOutcome;
  /** One line about what happened. */
  readonly note: string;
}

/** One segment as it came or went: `s` from the server, `c` from the client. */
export interface RecordedChunk {
  /** Milliseconds since the connection was made. */
  readonly ms: number;
  readonly dir: "s" | "c";
  /** Bytes. */
  readonly len: number;
}

/** A session with a real server: all bytes of both directions, and where the segments began and ended. */
export interface Recording extends RecordingInfo {
  readonly server: Buffer;
  readonly client: Buffer;
  readonly chunks: readonly RecordedChunk[];
}

/** The package's folder, seen from the sources and from what is built of them. */
const folder = ["../../recordings/", "../recordings/"]
  .map((path) => new URL(path, import.meta.url))
  .find((url) => existsSync(new URL("manifest.json", url)));

/**
 * Lists the recordings of real servers that come with this package: Asterisk 22 (AMI) and FreeSWITCH 1.11 (ESL), with
 * synthetic numbers and names.
 *
 * @param protocol only these
 * @example
 * test.each(listRecordings("ami"))("$name ends as it did", async ({ name, outcome }) => { … });
 */
export function listRecordings(protocol?: "ami" | "esl"): RecordingInfo[] {
  const manifest = JSON.parse(read("manifest.json").toString()) as {
    transcripts: { dir: string; name: string; outcome: RecordingOutcome; note: string }[];
  };
  return manifest.transcripts
    .map(({ dir, name, outcome, note }) => ({
      name: `${dir}/${name}`,
      protocol: dir === "freeswitch" ? ("esl" as const) : ("ami" as const),
      outcome,
      note,
    }))
    .filter((recording) => protocol === undefined || recording.protocol === protocol);
}

/**
 * Reads one recording.
 *
 * @param name as {@link listRecordings} has it
 * @throws RangeError when there is no such recording
 */
export function readRecording(name: string): Recording {
  const info = listRecordings().find((each) => each.name === name);
  if (!info) throw new RangeError(`there is no recording ${name}`);
  return {
    ...info,
    server: read(`${name}.server.txt`),
    client: read(`${name}.client.txt`),
    chunks: JSON.parse(read(`${name}.chunks.json`).toString()) as RecordedChunk[],
  };
}

function read(path: string): Buffer {
  if (!folder) throw new Error("the recordings of @faxbot/testing are not there");
  return readFileSync(new URL(path, folder));
}
