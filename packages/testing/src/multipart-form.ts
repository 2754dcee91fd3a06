import { randomBytes } from "node:crypto";
import { Busboy } from "@fastify/busboy";

/** One part of a `multipart/form-data` body. */
export interface FormPart {
  name: string;
  /** Present for a file part. */
  fileName?: string;
  contentType?: string;
  content: string | Uint8Array;
}

/** One part as it was read. */
export interface ReadFormPart {
  name: string;
  fileName?: string;
  contentType: string;
  bytes: Buffer;
  /** The content as text, for parts that are no files. */
  text: string;
}

/**
 * Reads a whole `multipart/form-data` body. A part without a file name is a field, whatever its type, as most servers
 * see it.
 *
 * @throws Error when the body is not well formed
 */
export async function readMultipart(body: Uint8Array, contentType: string): Promise<ReadFormPart[]> {
  const parts: ReadFormPart[] = [];
  await new Promise<void>((resolve, reject) => {
    const parser = new Busboy({
      headers: { "content-type": contentType },
      limits: { fieldSize: 64 * 1024 * 1024 },
      isPartAFile: (_name, _type, fileName) => fileName !== undefined,
    });
    parser.on("field", (name, value, _nameCut, _valueCut, _encoding, mimeType) => {
      parts.push({ name, contentType: mimeType, bytes: Buffer.from(value), text: value });
    });
    parser.on("file", (name, stream, fileName, _encoding, mimeType) => {
      const chunks: Buffer[] = [];
      // Pushed now, so that the order of the parts is kept.
      const part: ReadFormPart = { name, fileName, contentType: mimeType, bytes: Buffer.alloc(0), text: "" };
      parts.push(part);
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        part.bytes = Buffer.concat(chunks);
      });
      stream.on("error", reject);
    });
    parser.on("error", reject);
    parser.on("finish", () => resolve());
    parser.end(body);
  });
  return parts;
}

/**
 * Writes a `multipart/form-data` body, each part with exactly the headers it names (`FormData` would give every blob a
 * file name).
 */
export function writeMultipart(parts: readonly FormPart[]): { contentType: string; body: Buffer } {
  const boundary = `----emulator-${randomBytes(12).toString("hex")}`;
  const chunks: Buffer[] = [];
  for (const part of parts) {
    const fileName = part.fileName === undefined ? "" : `; filename="${part.fileName}"`;
    const type = part.contentType === undefined ? "" : `\r\nContent-Type: ${part.contentType}`;
    chunks.push(
      Buffer.from(
        `--${boundary}\r\nContent-Disposition: form-data; name="${part.name}"${fileName}${type}\r\n\r\n`,
      ),
      typeof part.content === "string" ? Buffer.from(part.content) : Buffer.from(part.content),
      Buffer.from("\r\n"),
    );
  }
  chunks.push(Buffer.from(`--${boundary}--\r\n`));
  return { contentType: `multipart/form-data; boundary=${boundary}`, body: Buffer.concat(chunks) };
}
