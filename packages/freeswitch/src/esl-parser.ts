/** One message of the event socket: headers up to an empty line, and as many bytes as `Content-Length` says. */
export interface EslMessage {
  readonly headers: ReadonlyMap<string, string>;
  /** The `Content-Type`, in lower case; empty when there is none. */
  readonly type: string;
  readonly body: Buffer;
  /** True when the body was longer than allowed: then it was passed over, and `body` is empty. */
  readonly oversized: boolean;
}

/** What a server may send before it counts as broken. */
export interface EslLimits {
  /** Bytes of a message's headers; a longer head ends the connection. */
  readonly headBytes: number;
  /** Bytes of a message's body; a longer one is passed over without being held. */
  readonly bodyBytes: number;
}

/** Real heads have about 100 bytes, events of a fax call 4 to 12 kB. */
const eslLimits: EslLimits = { headBytes: 16 * 1024, bodyBytes: 1024 * 1024 };

const lineFeed = 0x0a;
const noBytes = Buffer.alloc(0);

/**
 * Cuts the byte stream of FreeSWITCH's event socket into messages, in time that grows with the bytes alone however they
 * are cut up. Memory is bounded by the limits.
 *
 * @example
 * const parser = new EslParser((message) => console.log(message.type));
 * socket.on("data", (chunk) => parser.push(chunk));
 */
export class EslParser {
  readonly #onMessage: (message: EslMessage) => void;
  readonly #limits: EslLimits;
  /** The head that is being read, in a buffer that is used again for every head. */
  readonly #head: Buffer;
  #headLength = 0;
  #headers: ReadonlyMap<string, string> | undefined;
  /** `undefined` while a body is passed over. */
  #body: Buffer | undefined;
  #bodyLength = 0;
  #missing = 0;

  constructor(onMessage: (message: EslMessage) => void, limits: EslLimits = eslLimits) {
    this.#onMessage = onMessage;
    this.#limits = limits;
    this.#head = Buffer.allocUnsafe(limits.headBytes);
  }

  /**
   * Takes the next bytes and hands over every message that is whole.
   *
   * @throws RangeError when the bytes are no event socket's: the connection cannot be understood any more
   */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      at = this.#headers ? this.#readBody(chunk, at) : this.#readHead(chunk, at);
    }
  }

  #readHead(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at] as number;
      if (this.#headLength === this.#head.length) throw new RangeError("a message's head is too long");
      const ends = byte === lineFeed && this.#endsLine();
      // Empty lines between two messages mean nothing.
      if (ends && this.#headLength === 0) continue;
      this.#head[this.#headLength] = byte;
      this.#headLength += 1;
      if (ends) {
        this.#startBody();
        return at + 1;
      }
    }
    return chunk.length;
  }

  /** Whether what came so far ends with a line feed, so that another one makes an empty line. */
  #endsLine(): boolean {
    return this.#headLength === 0 || this.#head[this.#headLength - 1] === lineFeed;
  }

  #startBody(): void {
    const headers = readHeaders(this.#head.toString("utf8", 0, this.#headLength));
    this.#headLength = 0;
    const told = headers.get("content-length") ?? "0";
    if (!/^\d{1,10}$/.test(told)) throw new RangeError("a message's length is no number");
    const length = Number(told);
    this.#headers = headers;
    this.#bodyLength = 0;
    this.#missing = length;
    this.#body = length > this.#limits.bodyBytes ? undefined : noBytes;
    if (length === 0) this.#finish(noBytes, false);
  }

  #readBody(chunk: Buffer, from: number): number {
    const taken = Math.min(this.#missing, chunk.length - from);
    const whole = this.#bodyLength === 0 && taken === this.#missing;
    this.#missing -= taken;
    if (!this.#body) {
      if (this.#missing === 0) this.#finish(noBytes, true);
    } else if (whole) {
      // The common case: nothing has to be copied.
      this.#finish(chunk.subarray(from, from + taken), false);
    } else {
      if (this.#bodyLength === 0) this.#body = Buffer.allocUnsafe(taken + this.#missing);
      chunk.copy(this.#body, this.#bodyLength, from, from + taken);
      this.#bodyLength += taken;
      if (this.#missing === 0) this.#finish(this.#body, false);
    }
    return from + taken;
  }

  #finish(body: Buffer, oversized: boolean): void {
    const headers = this.#headers as ReadonlyMap<string, string>;
    this.#headers = undefined;
    this.#body = undefined;
    this.#onMessage({
      headers,
      type: (headers.get("content-type") ?? "").toLowerCase(),
      body,
      oversized,
    });
  }
}

/**
 * Reads lines of `Name: value`. Names are kept in lower case, and the first of a name stays: what is printed later may
 * be somebody else's text.
 */
export function readHeaders(text: string): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon < 1) continue;
    const name = line.slice(0, colon).trim().toLowerCase();
    if (!headers.has(name)) headers.set(name, line.slice(colon + 1).trim());
  }
  return headers;
}
