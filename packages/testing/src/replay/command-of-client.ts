import type { Recording } from "./recording.ts";

/** One command of a client, read just far enough to compare it with a recorded one. */
export interface ClientCommand {
  /** What it is: the action of AMI, or the words before the arguments of ESL, e.g. `originate`, `bgapi uuid_kill`. */
  readonly kind: string;
  readonly text: string;
  /** Ids that the server will repeat, by what they are. */
  readonly ids: ReadonlyMap<string, string>;
  /** The value of a header, in any case. */
  readonly header: (name: string) => string | undefined;
}

/** Reads one message of a client. */
export function commandOfClient(message: Buffer, protocol: Recording["protocol"]): ClientCommand {
  const text = message.toString();
  const headers = text
    .split(/\r?\n/)
    .map((line) => /^([^:]+): *(.*)$/.exec(line))
    .filter((match) => match !== null)
    .map((match): [string, string] => [(match[1] ?? "").toLowerCase(), match[2] ?? ""]);
  const header = (name: string): string | undefined =>
    headers.find(([each]) => each === name.toLowerCase())?.[1];
  const ids = new Map<string, string>();
  const note = (what: string, id: string | undefined): void => {
    if (id) ids.set(what, id);
  };
  if (protocol === "ami") {
    for (const name of ["ActionID", "ChannelId", "OtherChannelId", "Channel", "Key"])
      note(name, header(name));
    // The channel of an Originate is a dial string, of a Hangup it is an id.
    if (header("Action")?.toLowerCase() === "originate") ids.delete("Channel");
    for (const [, value] of headers.filter(([name]) => name === "variable")) {
      for (const [, name, id] of value.matchAll(/(FAXBOT_JOB|FAXBOT_FILE)=([^,]*)/g)) note(name ?? "", id);
    }
    return { kind: header("Action")?.toLowerCase() ?? "", text, ids, header };
  }
  const [first = ""] = text.split(/\r?\n/);
  const words = first.trim().split(/\s+/);
  const kind = words.slice(0, words[0] === "api" || words[0] === "bgapi" ? 2 : 1).join(" ");
  note("Job-UUID", header("Job-UUID"));
  note("uuid", /origination_uuid=([0-9a-f-]+)/i.exec(first)?.[1]);
  if (kind.endsWith(" uuid_kill")) note("uuid", words[2]);
  note("job", /faxbot_job='?([^,'}]*)/.exec(first)?.[1]);
  note("file", /&txfax\(([^)]*)\)/.exec(first)?.[1]);
  return { kind, text, ids, header };
}
