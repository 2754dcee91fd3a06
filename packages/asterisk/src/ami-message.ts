import { FaxError } from "@faxbot/core/transport";

/** One event or answer of Asterisk's manager interface. Its headers are looked at only when they are asked for. */
export class AmiMessage {
  /** What the first header says: Asterisk starts everything with `Event` or `Response`. */
  readonly kind: "event" | "response" | "other";
  /** The first header's value: an event's name, or `Success`, `Error`, `Goodbye`. */
  readonly name: string;
  readonly #text: string;
  #fields: ReadonlyArray<readonly [name: string, value: string]> | undefined;

  /** @param text lines between CR LF */
  constructor(text: string) {
    this.#text = text;
    this.kind = text.startsWith("Event: ") ? "event" : text.startsWith("Response: ") ? "response" : "other";
    const end = text.indexOf("\r\n");
    const line = end === -1 ? text : text.slice(0, end);
    this.name = line.slice(line.indexOf(": ") + 2);
  }

  /**
   * A header's value; `undefined` when it is not there, and also when it is there twice: then somebody put text of his
   * own into the message (a caller's name, a fax machine's id), and none of the two is to be believed.
   *
   * @param name to the letter, as Asterisk writes it
   */
  get(name: string): string | undefined {
    this.#fields ??= fieldsOf(this.#text);
    let found: string | undefined;
    for (const [each, value] of this.#fields) {
      if (each !== name) continue;
      if (found !== undefined) return undefined;
      found = value;
    }
    return found;
  }
}

function fieldsOf(text: string): [name: string, value: string][] {
  const fields: [string, string][] = [];
  for (const line of text.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon < 1) continue;
    const start = line[colon + 1] === " " ? colon + 2 : colon + 1;
    fields.push([line.slice(0, colon), line.slice(start)]);
  }
  return fields;
}

/** What a peer may send before it is cut short. Asterisk's own messages have less than 4 KiB. */
const mostMessageBytes = 256 * 1024;
const firstBufferBytes = 16 * 1024;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * Cuts what comes from Asterisk into messages: headers end in CR LF, messages in an empty line. Holds at most one
 * message; one that is larger than any of Asterisk's is passed over as a whole.
 */
export class AmiReader {
  #buffer = Buffer.allocUnsafe(firstBufferBytes);
  #length = 0;
  /** Up to here no end of a message was found. */
  #searched = 0;
  #skipping = false;
  #banner: string | undefined;

  /** The greeting line, once it has come. */
  get banner(): string | undefined {
    return this.#banner;
  }

  /**
   * Takes bytes as they come and gives the messages that are complete.
   *
   * @throws FaxError `transport_unavailable` when the peer does not greet as Asterisk does
   */
  read(chunk: Uint8Array): AmiMessage[] {
    const messages: AmiMessage[] = [];
    // In pieces, so that a large chunk needs no large buffer.
    for (let at = 0; at < chunk.byteLength; at += mostMessageBytes) {
      this.#append(chunk.subarray(at, at + mostMessageBytes));
      this.#take(messages);
    }
    return messages;
  }

  #append(piece: Uint8Array): void {
    const needed = this.#length + piece.byteLength;
    if (needed > this.#buffer.byteLength) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.byteLength * 2));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    this.#buffer.set(piece, this.#length);
    this.#length = needed;
  }

  #take(messages: AmiMessage[]): void {
    let start = this.#banner === undefined ? this.#takeBanner() : 0;
    for (;;) {
      const end = this.#endOfMessage(Math.max(start, this.#searched));
      if (end === undefined) break;
      if (this.#skipping) this.#skipping = false;
      else if (end > start) messages.push(new AmiMessage(this.#buffer.toString("utf8", start, end)));
      start = end + 4;
      this.#searched = start;
    }
    this.#drop(start);
    if (this.#length > mostMessageBytes) {
      this.#skipping = true;
      // The end of a message may lie across the border.
      this.#drop(this.#length - 3);
    }
    this.#searched = this.#length;
    if (this.#length === 0 && this.#buffer.byteLength > firstBufferBytes) {
      this.#buffer = Buffer.allocUnsafe(firstBufferBytes);
    }
  }

  /** @returns where the first message starts */
  #takeBanner(): number {
    const end = this.#buffer.subarray(0, this.#length).indexOf(lineFeed);
    if (end === -1 && this.#length < 256) return 0;
    const line = this.#buffer.toString("latin1", 0, end === -1 ? 64 : end).trim();
    if (end === -1 || !line.startsWith("Asterisk Call Manager")) {
      throw new FaxError("transport_unavailable", "this is not Asterisk's manager interface", {
        transportId: "asterisk",
      });
    }
    this.#banner = line;
    return end + 1;
  }

  /** Where CR LF CR LF starts. */
  #endOfMessage(from: number): number | undefined {
    if (this.#banner === undefined) return undefined;
    const bytes = this.#buffer;
    for (let at = bytes.indexOf(lineFeed, from); at !== -1 && at < this.#length; ) {
      if (
        at >= 3 &&
        bytes[at - 1] === carriageReturn &&
        bytes[at - 2] === lineFeed &&
        bytes[at - 3] === carriageReturn
      ) {
        return at - 3;
      }
      at = bytes.indexOf(lineFeed, at + 1);
    }
    return undefined;
  }

  #drop(count: number): void {
    if (count === 0) return;
    this.#buffer.copy(this.#buffer, 0, count, this.#length);
    this.#length -= count;
  }
}

/** The headers of an action, in order; a name may come more than once (`Variable`). */
export type AmiFields = ReadonlyArray<readonly [name: string, value: string]>;

/** C0, DEL and C1: a line break among them would be the start of another header. */
const control = /[\p{Cc}\u2028\u2029]/u;

/**
 * Writes an action as it goes over the wire.
 *
 * @throws FaxError `request_invalid` for control characters anywhere and for odd header names
 * @example
 * encodeAction([["Action", "Ping"], ["ActionID", id]]); // "Action: Ping\r\nActionID: …\r\n\r\n"
 */
export function encodeAction(fields: AmiFields): string {
  let text = "";
  for (const [name, value] of fields) {
    if (!/^[A-Za-z]{1,32}$/.test(name) || name.includes("\n") || control.test(value)) {
      throw new FaxError("request_invalid", "a value holds characters that no AMI header can", {
        transportId: "asterisk",
      });
    }
    text += `${name}: ${value}\r\n`;
  }
  return `${text}\r\n`;
}

/**
 * A channel variable as a header of Originate. Asterisk cuts a value at commas and eats quotes and backslashes, so that
 * a value with one of them is refused instead of being sent as another one.
 *
 * @throws FaxError `request_invalid`
 * @example
 * channelVariable("FAXBOT_ECM", "yes"); // ["Variable", "FAXBOT_ECM=yes"]
 */
export function channelVariable(name: string, value: string): [name: "Variable", value: string] {
  if (!/^[A-Z0-9_]{1,32}$/.test(name) || /[,"'\\{}$<>|;]/.test(value)) {
    throw new FaxError("request_invalid", "a value holds characters that no channel variable can", {
      transportId: "asterisk",
    });
  }
  return ["Variable", `${name}=${value}`];
}
