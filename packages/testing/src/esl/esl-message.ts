/** One command as FreeSWITCH reads it. */
export interface EslCommand {
  /** The first line, e.g. `bgapi originate …`. */
  readonly line: string;
  /** The first word, e.g. `bgapi`. */
  readonly verb: string;
  /** What follows the first word. */
  readonly rest: string;
  /** The value of a header line, in any case. */
  readonly header: (name: string) => string | undefined;
}

/** Reads one command, up to and with its empty line. */
export function readEslCommand(text: string): EslCommand {
  const [line = "", ...lines] = text.replaceAll("\r", "").split("\n");
  const [, verb = "", rest = ""] = /^\s*(\S*)\s?(.*)$/.exec(line) ?? [];
  const header = (name: string): string | undefined => {
    const found = lines.find((each) => each.toLowerCase().startsWith(`${name.toLowerCase()}:`));
    return found?.slice(name.length + 1).trim();
  };
  return { line, verb, rest: rest.trim(), header };
}

/** A message of a server: headers, an empty line, and a body of so many bytes. */
export function writeEslMessage(headers: readonly (readonly [string, string])[], body?: string): string {
  return `${headers.map(([name, value]) => `${name}: ${value}\n`).join("")}\n${body ?? ""}`;
}

/** The answer to a command. */
export function eslReply(text: string, more: readonly (readonly [string, string])[] = []): string {
  return writeEslMessage([["Content-Type", "command/reply"], ["Reply-Text", text], ...more]);
}

/** What an API function answered. */
export function eslApiResponse(body: string): string {
  return writeEslMessage(
    [
      ["Content-Type", "api/response"],
      ["Content-Length", String(Buffer.byteLength(body))],
    ],
    body,
  );
}

/** Said before the server closes. */
export function eslDisconnectNotice(): string {
  const body = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n";
  return writeEslMessage(
    [
      ["Content-Type", "text/disconnect-notice"],
      ["Content-Length", String(body.length)],
    ],
    body,
  );
}

/** An event: its headers in order, and for some a body. */
export interface EslEvent {
  headers: readonly (readonly [name: string, value: string])[];
  body?: string;
}

/** Writes an event in one of the two formats. Neither lets a value make a line of its own. */
export function writeEslEvent(event: EslEvent, format: "json" | "plain"): string {
  const headers = [...event.headers];
  if (event.body !== undefined) headers.push(["Content-Length", String(Buffer.byteLength(event.body))]);
  const text =
    format === "json"
      ? JSON.stringify(
          Object.fromEntries(event.body === undefined ? headers : [...headers, ["_body", event.body]]),
        )
      : writeEslMessage(
          headers.map(([name, value]) => [name, eslEncode(value)] as const),
          event.body,
        );
  return writeEslMessage(
    [
      ["Content-Length", String(Buffer.byteLength(text))],
      ["Content-Type", `text/event-${format}`],
    ],
    text,
  );
}

/** The URL encoding of event headers. */
export function eslEncode(text: string): string {
  return encodeURIComponent(text).replaceAll("%2F", "/").replaceAll("%2C", ",");
}
