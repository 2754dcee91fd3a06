import { deflateSync } from "node:zlib";

/** Writes small PDF files for tests, object by object. */
export class PdfBuilder {
  readonly #parts: Buffer[] = [];
  readonly #offsets = new Map<number, number>();
  #length = 0;

  constructor(head = "%PDF-1.7\n") {
    this.raw(head);
  }

  /** Appends anything. */
  raw(content: string | Uint8Array): this {
    const bytes = typeof content === "string" ? Buffer.from(content, "latin1") : Buffer.from(content);
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return this;
  }

  /** How many bytes there are. */
  get length(): number {
    return this.#length;
  }

  /** Appends an object. */
  object(number: number, content: string): this {
    this.#offsets.set(number, this.#length);
    return this.raw(`${number} 0 obj\n${content}\nendobj\n`);
  }

  /** Appends a stream object. */
  stream(number: number, dictionary: string, data: Uint8Array): this {
    this.#offsets.set(number, this.#length);
    return this.raw(`${number} 0 obj\n<<${dictionary}/Length ${data.length}>>\nstream\n`)
      .raw(data)
      .raw("\nendstream\nendobj\n");
  }

  /** Appends an object stream that holds the given objects. */
  objectStream(number: number, objects: Record<number, string>, extra = ""): this {
    const entries = Object.entries(objects);
    let body = "";
    let header = "";
    for (const [key, content] of entries) {
      header += `${key} ${body.length} `;
      body += `${content} `;
    }
    const data = deflateSync(Buffer.from(header + body, "latin1"));
    return this.stream(
      number,
      `/Type/ObjStm/N ${entries.length}/First ${header.length}/Filter/FlateDecode${extra}`,
      data,
    );
  }

  /** Appends a cross-reference stream for all objects so far, with the objects of object streams, and the end. */
  endWithStream(
    number: number,
    root: number,
    inStreams: Record<number, [stream: number, index: number]> = {},
  ): Uint8Array {
    const start = this.#length;
    const size = number + 1;
    const rows = Buffer.alloc(size * 7);
    const put = (at: number, type: number, a: number, b: number) => {
      rows.writeUInt8(type, at * 7);
      rows.writeUInt32BE(a, at * 7 + 1);
      rows.writeUInt16BE(b, at * 7 + 5);
    };
    for (const [key, offset] of this.#offsets) put(key, 1, offset, 0);
    for (const [key, [stream, index]] of Object.entries(inStreams)) put(Number(key), 2, stream, index);
    put(number, 1, start, 0);
    this.stream(
      number,
      `/Type/XRef/Size ${size}/W[1 4 2]/Root ${root} 0 R/Filter/FlateDecode`,
      deflateSync(rows),
    );
    return this.end(start);
  }

  /** Appends a cross-reference table for all objects so far, the trailer and the end. */
  endWithTable(trailer = "/Root 1 0 R"): Uint8Array {
    const start = this.#length;
    const size = Math.max(0, ...this.#offsets.keys()) + 1;
    let table = `xref\n0 ${size}\n`;
    for (let i = 0; i < size; i += 1) {
      const offset = this.#offsets.get(i);
      table +=
        offset === undefined ? "0000000000 65535 f \n" : `${String(offset).padStart(10, "0")} 00000 n \n`;
    }
    this.raw(`${table}trailer\n<</Size ${size}${trailer}>>\n`);
    return this.end(start);
  }

  /** Appends the end of the file. */
  end(startxref: number): Uint8Array {
    this.raw(`startxref\n${startxref}\n%%EOF\n`);
    return new Uint8Array(Buffer.concat(this.#parts));
  }
}
