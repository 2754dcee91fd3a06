import type { PdfReadBudget } from "./pdf-read-budget.ts";

/** A reference to an object of a PDF file, `12 0 R`. */
export interface PdfReference {
  readonly number: number;
  readonly generation: number;
}

/** A dictionary; the keys are names without their slash. */
export type PdfDictionary = Map<string, PdfValue>;

/**
 * A value of a PDF file (ISO 32000-1, 7.3). A name is a string without its slash; a string is its bytes, still
 * encrypted where the file is.
 */
export type PdfValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | PdfReference
  | PdfValue[]
  | PdfDictionary;

/** Thrown for what cannot be read as PDF. Never leaves this package: callers turn it into a `FaxError`. */
export class PdfSyntaxError extends Error {}

const maxDepth = 64;
// One object may take this much; far above what catalogs and page trees need, and a few milliseconds at most.
const maxObjectBytes = 1 << 19;
const maxObjectTokens = 30_000;
/** What a value costs besides its bytes. */
const tokenCost = 16;

// ISO 32000-1, 7.2.2: 1 white space, 2 delimiter, 0 regular.
const characterClass = new Uint8Array(256);
for (const code of [0, 9, 10, 12, 13, 32]) characterClass[code] = 1;
for (const character of "()<>[]{}/%") characterClass[character.charCodeAt(0)] = 2;

const backslash = 0x5c;

/** Reads the objects of a PDF file out of its bytes, with bounds on depth, tokens and bytes of each object. */
export class PdfParser {
  readonly bytes: Uint8Array;
  position: number;
  #end: number;
  #tokens = 0;
  readonly #budget: PdfReadBudget;

  /**
   * @param bytes the file, or the content of an object stream
   * @param position where to start, in bytes
   * @param budget of the file that they are in
   */
  constructor(bytes: Uint8Array, position: number, budget: PdfReadBudget) {
    if (!(position >= 0 && position < bytes.length)) throw new PdfSyntaxError("offset outside the file");
    this.bytes = bytes;
    this.position = position;
    this.#budget = budget;
    this.#end = Math.min(bytes.length, position + maxObjectBytes);
  }

  /** Skips white space and comments. */
  skipSpace(): void {
    const start = this.position;
    try {
      this.#skipSpace();
    } finally {
      this.#budget.parse(this.position - start);
    }
  }

  #skipSpace(): void {
    const { bytes } = this;
    for (;;) {
      if (this.position >= this.#end) throw new PdfSyntaxError("unexpected end");
      const code = bytes[this.position] as number;
      if (code === 0x25) {
        while (this.position < this.#end && bytes[this.position] !== 10 && bytes[this.position] !== 13) {
          this.position += 1;
        }
      } else if (characterClass[code] === 1) {
        this.position += 1;
      } else return;
    }
  }

  /** Reads a run of regular characters, e.g. `obj`, `xref`, `12`; empty when a delimiter is next. */
  readWord(): string {
    this.skipSpace();
    const start = this.position;
    while (this.position < this.#end && characterClass[this.bytes[this.position] as number] === 0) {
      this.position += 1;
    }
    this.#budget.parse(this.position - start);
    if (this.position - start > 256) throw new PdfSyntaxError("word too long");
    let word = "";
    for (let i = start; i < this.position; i += 1) word += String.fromCharCode(this.bytes[i] as number);
    return word;
  }

  /** Reads a non-negative integer. */
  readInteger(): number {
    const word = this.readWord();
    if (!/^\+?\d{1,15}$/.test(word)) throw new PdfSyntaxError("integer expected");
    return Number(word);
  }

  /** Reads the word that must come next. */
  expectWord(word: string): void {
    if (this.readWord() !== word) throw new PdfSyntaxError(`${word} expected`);
  }

  /** Reads `12 0 obj` and gives the two numbers. */
  readObjectHeader(): PdfReference {
    const number = this.readInteger();
    const generation = this.readInteger();
    // Some writers leave no space: `1 0 obj<<` is fine, as `<` is a delimiter.
    this.expectWord("obj");
    return { number, generation };
  }

  /** Reads one value. */
  readValue(depth = 0): PdfValue {
    if (depth > maxDepth) throw new PdfSyntaxError("nested too deeply");
    this.#tokens += 1;
    this.#budget.parse(tokenCost);
    if (this.#tokens > maxObjectTokens) throw new PdfSyntaxError("object too large");
    this.skipSpace();
    const code = this.bytes[this.position] as number;
    switch (code) {
      case 0x2f:
        return this.#readName();
      case 0x28:
        return this.#readLiteralString();
      case 0x5b:
        return this.#readArray(depth);
      case 0x3c:
        if (this.bytes[this.position + 1] === 0x3c) return this.#readDictionary(depth);
        return this.#readHexString();
      default:
        break;
    }
    if (code >= 0x30 && code <= 0x39) return this.#readNumberOrReference();
    const word = this.readWord();
    if (word === "true") return true;
    if (word === "false") return false;
    if (word === "null") return null;
    return parseNumber(word);
  }

  /** Where a stream's data starts, when the word `stream` comes next; else `undefined`. */
  readStreamStart(): number | undefined {
    const { bytes } = this;
    const before = this.position;
    try {
      if (this.readWord() !== "stream") {
        this.position = before;
        return undefined;
      }
    } catch (error) {
      if (error instanceof PdfSyntaxError) return undefined;
      throw error;
    }
    let at = this.position;
    if (bytes[at] === 13 && bytes[at + 1] === 10) at += 2;
    else if (bytes[at] === 10 || bytes[at] === 13) at += 1;
    return at;
  }

  #readName(): string {
    this.position += 1;
    let name = "";
    for (; this.position < this.#end; this.position += 1) {
      let code = this.bytes[this.position] as number;
      if (characterClass[code] !== 0) break;
      if (code === 0x23) {
        const escaped = hexPair(this.bytes, this.position + 1);
        if (escaped !== undefined) {
          code = escaped;
          this.position += 2;
        }
      }
      name += String.fromCharCode(code);
      if (name.length > 1024) throw new PdfSyntaxError("name too long");
    }
    return name;
  }

  #readNumberOrReference(): number | PdfReference {
    const first = this.#readDigits();
    if (first === undefined) return parseNumber(this.readWord());
    const after = this.position;
    // Cheap look-ahead for `n g R`: only digits, spaces and an R may follow.
    try {
      this.skipSpace();
      const generation = this.#readDigits();
      if (generation !== undefined && generation <= 99_999) {
        this.skipSpace();
        const next = this.bytes[this.position + 1];
        const ends = next === undefined || characterClass[next] !== 0;
        if (this.bytes[this.position] === 0x52 && ends) {
          this.position += 1;
          return { number: first, generation };
        }
      }
    } catch (error) {
      if (!(error instanceof PdfSyntaxError)) throw error;
    }
    this.position = after;
    return first;
  }

  /** Reads a word of digits alone; of anything else nothing. Without a string: pages list their numbers by thousands. */
  #readDigits(): number | undefined {
    const { bytes } = this;
    let value = 0;
    let at = this.position;
    for (; at < this.#end; at += 1) {
      const digit = (bytes[at] as number) - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    const count = at - this.position;
    this.#budget.parse(count);
    if (count === 0 || count > 15) return undefined;
    if (at < this.#end && characterClass[bytes[at] as number] === 0) return undefined;
    this.position = at;
    return value;
  }

  #readArray(depth: number): PdfValue[] {
    this.position += 1;
    const values: PdfValue[] = [];
    for (;;) {
      this.skipSpace();
      if (this.bytes[this.position] === 0x5d) {
        this.position += 1;
        return values;
      }
      values.push(this.readValue(depth + 1));
    }
  }

  #readDictionary(depth: number): PdfDictionary {
    this.position += 2;
    const dictionary: PdfDictionary = new Map();
    for (;;) {
      this.skipSpace();
      const code = this.bytes[this.position];
      if (code === 0x3e && this.bytes[this.position + 1] === 0x3e) {
        this.position += 2;
        return dictionary;
      }
      if (code !== 0x2f) throw new PdfSyntaxError("name expected");
      const key = this.#readName();
      dictionary.set(key, this.readValue(depth + 1));
    }
  }

  #readLiteralString(): Uint8Array {
    const { bytes } = this;
    const start = this.position + 1;
    const end = this.#endOfLiteral(start);
    const out = new Uint8Array(end - start);
    let count = 0;
    for (let at = start; at < end; at += 1) {
      const code = bytes[at] as number;
      if (code !== backslash) {
        out[count++] = code;
        continue;
      }
      at += 1;
      const next = bytes[at] as number;
      if (next >= 0x30 && next <= 0x37) {
        let value = 0;
        let digits = 0;
        for (; digits < 3; digits += 1) {
          const digit = bytes[at + digits] as number;
          if (!(digit >= 0x30 && digit <= 0x37)) break;
          value = value * 8 + digit - 0x30;
        }
        at += digits - 1;
        out[count++] = value & 255;
      } else if (next === 13) {
        if (bytes[at + 1] === 10) at += 1;
      } else if (next !== 10) {
        out[count++] = literalEscapes.get(next) ?? next;
      }
    }
    this.position = end + 1;
    return count === out.length ? out : out.slice(0, count);
  }

  /** Where the parenthesis is that closes a string. */
  #endOfLiteral(start: number): number {
    let open = 1;
    let at = start;
    for (; at < this.#end && open > 0; at += 1) {
      const code = this.bytes[at];
      if (code === backslash) at += 1;
      else if (code === 0x28) open += 1;
      else if (code === 0x29) open -= 1;
    }
    this.#budget.parse(at - start);
    if (open > 0) throw new PdfSyntaxError("string without an end");
    return at - 1;
  }

  #readHexString(): Uint8Array {
    const out: number[] = [];
    let high = -1;
    const start = this.position;
    let at = start + 1;
    for (; at < this.#end; at += 1) {
      const code = this.bytes[at] as number;
      if (code === 0x3e) {
        if (high >= 0) out.push(high << 4);
        this.position = at + 1;
        this.#budget.parse(at - start);
        return new Uint8Array(out);
      }
      const digit = hexDigit(code);
      if (digit < 0) {
        if (characterClass[code] === 1) continue;
        throw new PdfSyntaxError("not a hexadecimal string");
      }
      if (high < 0) high = digit;
      else {
        out.push((high << 4) | digit);
        high = -1;
      }
    }
    this.#budget.parse(at - start);
    throw new PdfSyntaxError("string without an end");
  }
}

const literalEscapes = new Map([
  [0x6e, 10],
  [0x72, 13],
  [0x74, 9],
  [0x62, 8],
  [0x66, 12],
]);

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function hexPair(bytes: Uint8Array, at: number): number | undefined {
  const high = hexDigit(bytes[at] ?? 0);
  const low = hexDigit(bytes[at + 1] ?? 0);
  return high < 0 || low < 0 ? undefined : (high << 4) | low;
}

function parseNumber(word: string): number {
  if (!/^[+-]{0,2}(\d+\.?\d*|\.\d+)$/.test(word)) throw new PdfSyntaxError("value expected");
  const value = Number(word);
  if (!Number.isNaN(value)) return value;
  // Some writers emit a doubled minus; readers take it as one.
  return Number(word.replace(/^(--|\+\+)/, (sign) => sign.charAt(0)).replace(/^(-\+|\+-)/, "-"));
}

/** Tells a reference from the other values. */
export function isPdfReference(value: PdfValue | undefined): value is PdfReference {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Map) &&
    !(value instanceof Uint8Array)
  );
}

/** Tells a dictionary from the other values. */
export function isPdfDictionary(value: PdfValue | undefined): value is PdfDictionary {
  return value instanceof Map;
}
