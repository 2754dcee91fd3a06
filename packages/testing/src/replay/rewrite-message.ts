import type { Recording } from "./recording.ts";

/** A message of the server and the segment borders inside it, as offsets. */
export interface CutMessage {
  bytes: Buffer;
  cuts: number[];
}

interface Edit {
  start: number;
  end: number;
  text: string;
}

/**
 * Puts the ids that a client really sent in the place of the recorded ones, wherever the server repeats them, and makes
 * `Content-Length` fit again. Segment borders stay where they were in the text.
 *
 * @param ids recorded id → the client's
 */
export function rewriteMessage(
  message: CutMessage,
  protocol: Recording["protocol"],
  ids: ReadonlyMap<string, string>,
): CutMessage {
  if (ids.size === 0) return message;
  const text = message.bytes.toString("latin1");
  const contentType = protocol === "esl" ? (/^content-type: *(\S+)/im.exec(text)?.[1] ?? "") : "";
  const encode = encoderOf(contentType);
  const spellings = new Map([...ids].flatMap(([old, now]) => [old, encode(old)].map((each) => [each, now])));
  // The longest first: one recorded id may begin with another.
  const pattern = [...spellings.keys()]
    .sort((a, b) => b.length - a.length)
    .map((id) => id.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"))
    .join("|");
  const edits = [...text.matchAll(new RegExp(pattern, "g"))].map((match) => ({
    start: match.index,
    end: match.index + match[0].length,
    text: latin1(encode(spellings.get(match[0]) ?? match[0])),
  }));
  let edited = applyEdits(text, message.cuts, edits);
  if (protocol === "esl" && edits.length > 0) {
    for (const fit of [innerLength, outerLength])
      edited = applyEdits(edited.text, edited.cuts, fit(edited.text));
  }
  return { bytes: Buffer.from(edited.text, "latin1"), cuts: edited.cuts };
}

/**
 * Turns an event that was recorded as `text/event-plain` into the `text/event-json` that a client asked for. Other
 * messages stay as they are.
 */
export function plainEventAsJson(message: CutMessage): CutMessage {
  const text = message.bytes.toString("latin1");
  if (!/^content-type: *text\/event-plain/im.test(text)) return message;
  const event = text.slice(text.indexOf("\n\n") + 2);
  const headersEnd = event.indexOf("\n\n");
  const entries = event
    .slice(0, headersEnd)
    .split("\n")
    .map((line) => {
      const colon = line.indexOf(": ");
      return [line.slice(0, colon), decodeURIComponent(line.slice(colon + 2))];
    });
  const inner = event.slice(headersEnd + 2);
  if (inner !== "") entries.push(["_body", Buffer.from(inner, "latin1").toString()]);
  const body = JSON.stringify(Object.fromEntries(entries));
  const head = `Content-Length: ${Buffer.byteLength(body)}\nContent-Type: text/event-json\n\n`;
  return { bytes: Buffer.from(head + body), cuts: [] };
}

function encoderOf(contentType: string): (value: string) => string {
  // FreeSWITCH leaves the slash as it is.
  if (contentType === "text/event-plain") return (value) => encodeURIComponent(value).replaceAll("%2F", "/");
  if (contentType === "text/event-json") return (value) => JSON.stringify(value).slice(1, -1);
  return (value) => value;
}

/** The event's own length of its body. */
function innerLength(text: string): Edit[] {
  const json = /"Content-Length":"(\d+)","_body":("(?:[^"\\]|\\.)*")/.exec(text);
  if (json?.[1] && json[2]) {
    const body = JSON.parse(Buffer.from(json[2], "latin1").toString()) as string;
    return lengthEdit(json.index + '"Content-Length":"'.length, json[1], Buffer.byteLength(body));
  }
  const event = text.indexOf("\n\n") + 2;
  const plain = /^Content-Length: (\d+)\n\n/m.exec(text.slice(event));
  if (!plain?.[1]) return [];
  const bodyStart = event + plain.index + plain[0].length;
  return lengthEdit(event + plain.index + "Content-Length: ".length, plain[1], text.length - bodyStart);
}

/** The message's length of its content. */
function outerLength(text: string): Edit[] {
  const end = text.indexOf("\n\n");
  const header = /^Content-Length: (\d+)/m.exec(text.slice(0, end));
  if (!header?.[1]) return [];
  return lengthEdit(header.index + "Content-Length: ".length, header[1], text.length - end - 2);
}

function lengthEdit(start: number, old: string, length: number): Edit[] {
  return [{ start, end: start + old.length, text: String(length) }];
}

function applyEdits(
  text: string,
  cuts: readonly number[],
  edits: readonly Edit[],
): { text: string; cuts: number[] } {
  let result = "";
  let from = 0;
  const moved = cuts.map((cut) => ({ cut, at: cut }));
  for (const edit of edits) {
    const shift = edit.text.length - (edit.end - edit.start);
    for (const each of moved) {
      if (each.cut >= edit.end) each.at += shift;
      else if (each.cut > edit.start) each.at -= Math.max(0, each.cut - edit.start - edit.text.length);
    }
    result += text.slice(from, edit.start) + edit.text;
    from = edit.end;
  }
  return { text: result + text.slice(from), cuts: moved.map(({ at }) => at) };
}

function latin1(text: string): string {
  return Buffer.from(text).toString("latin1");
}
