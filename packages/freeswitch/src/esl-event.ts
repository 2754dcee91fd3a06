import type { EslMessage } from "./esl-parser.ts";
import { readHeaders } from "./esl-parser.ts";

/** One event of FreeSWITCH: names are compared without case, and only texts are kept. */
export interface EslEvent {
  /** e.g. `CHANNEL_ANSWER`; for `CUSTOM` the subclass stands in {@link subclass}. */
  readonly name: string;
  /** e.g. `spandsp::txfaxresult`. */
  readonly subclass: string;
  /** A header of the event; `undefined` when it is absent or empty. */
  field(name: string): string | undefined;
  /** The event's own body, e.g. the answer of a background job. */
  readonly body: string;
}

/**
 * Reads an event, as JSON or in plain form (URL-encoded lines). Both are read so that no text of a far end can make a
 * header: JSON escapes, and a value that is decoded stays one value.
 *
 * @returns `undefined` when it is no event or cannot be read
 */
export function readEvent({ type, body, oversized }: EslMessage): EslEvent | undefined {
  if (oversized) return undefined;
  if (type === "text/event-json") return readJsonEvent(body);
  if (type === "text/event-plain") return readPlainEvent(body);
  return undefined;
}

function readJsonEvent(bytes: Buffer): EslEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const fields = new Map<string, string>();
  let body = "";
  for (const [name, text] of Object.entries(value)) {
    if (typeof text !== "string") continue;
    if (name === "_body") body = text;
    else if (!fields.has(name.toLowerCase())) fields.set(name.toLowerCase(), text);
  }
  return eventOf(fields, body);
}

function readPlainEvent(bytes: Buffer): EslEvent | undefined {
  const end = bytes.indexOf("\n\n");
  const head = end < 0 ? bytes : bytes.subarray(0, end);
  const fields = readHeaders(head.toString("utf8"));
  for (const [name, text] of fields) fields.set(name, decoded(text));
  return eventOf(fields, end < 0 ? "" : bytes.toString("utf8", end + 2));
}

function eventOf(fields: ReadonlyMap<string, string>, body: string): EslEvent | undefined {
  const field = (name: string): string | undefined => fields.get(name.toLowerCase()) || undefined;
  const name = field("Event-Name");
  if (name === undefined) return undefined;
  return { name, subclass: field("Event-Subclass") ?? "", field, body };
}

/** What is not well encoded stays as it is: a stray percent sign must not end the connection. */
function decoded(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const marks = ['"variable_faxbot":"', "spandsp::rxfaxresult", "spandsp%3A%3Arxfaxresult", "variable_faxbot:"];

/**
 * Tells from an event's raw bytes whether it can be of interest, without reading it: an exchange may have thousands of
 * other calls. What passes is read and then checked properly.
 *
 * @param isAwaited tells whether a channel or job is one of ours
 */
export function mayConcernUs(body: Buffer, isAwaited: (id: string) => boolean): boolean {
  for (const key of ["Unique-ID", "Job-UUID"]) {
    const id = idAfter(body, key);
    if (id !== undefined && isAwaited(id)) return true;
  }
  return marks.some((mark) => body.includes(mark));
}

const uuidLength = 36;

/** The UUID behind the first key of this name, in JSON or plain form. */
function idAfter(body: Buffer, key: string): string | undefined {
  const quoted = body.indexOf(`"${key}":"`);
  if (quoted >= 0)
    return body.toString("latin1", quoted + key.length + 4, quoted + key.length + 4 + uuidLength);
  const plain = body.indexOf(`\n${key}: `);
  if (plain < 0) return undefined;
  return body.toString("latin1", plain + key.length + 3, plain + key.length + 3 + uuidLength);
}
