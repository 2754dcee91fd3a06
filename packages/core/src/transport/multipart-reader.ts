import type { BusboyFileStream, BusboyInstance, Busboy as BusboyParser } from "@fastify/busboy";
import { FaxError, type FaxErrorCode, isFaxError } from "./fax-error.ts";

/** One part of a form as it came. A part counts as a file when it has a file name or its type is neither text nor JSON. */
export type MultipartPart =
  | { kind: "field"; name: string; value: string; mediaType: string }
  | {
      kind: "file";
      name: string;
      /** A base name, or `""`. It comes from outside: never use it as a path. */
      fileName: string;
      /** As the sender says; check the bytes. */
      mediaType: string;
      /** Read it before the next part is asked for; what is left unread then is skipped. */
      stream: ReadableStream<Uint8Array>;
    };

/** What {@link readMultipart} takes at most. */
export interface MultipartLimits {
  /** Parts in all; default 64. */
  parts?: number;
  /** Bytes of one text part; default 256 KiB. */
  fieldBytes?: number;
  /** Bytes of one file. */
  fileBytes: number;
  /** The code of the error when the body is not a proper form; default `webhook_malformed`. */
  malformedCode?: FaxErrorCode;
}

/**
 * Reads a `multipart/form-data` body part by part, in the order of the wire. Text values are the decoded bytes (UTF-8
 * unless the part names another charset), otherwise untouched, so that signatures can be computed over them.
 *
 * @param contentType the `Content-Type` header, with the boundary
 * @throws FaxError `document_too_large` when a file is larger than allowed; `webhook_malformed` (or the given code)
 * when the body is not a form, ends early or goes past another limit; a FaxError of the source itself
 * @example
 * for await (const part of readMultipart(await body.stream(), contentType, { fileBytes: 25 * 1024 * 1024 })) {
 *   if (part.kind === "field") fields.push([part.name, part.value]);
 *   else document = await spoolDocument(part.stream, { mediaType: "application/pdf", fileName: "fax.pdf" }, { maxBytes });
 * }
 */
export async function* readMultipart(
  source: ReadableStream<Uint8Array>,
  contentType: string,
  limits: MultipartLimits,
): AsyncGenerator<MultipartPart> {
  const queue = new PartQueue(limits.malformedCode ?? "webhook_malformed");
  const reader = source.getReader();
  // Loaded with the first form, which many programs that import us never see.
  const { Busboy } = await import("@fastify/busboy");
  const busboy = openParser(Busboy, contentType, limits, queue);
  if (!busboy) {
    await reader.cancel().catch(() => {});
    throw queue.malformed("the body is not multipart/form-data with a boundary");
  }
  const feeding = feed(reader, busboy, queue);
  let file: PartFile | undefined;
  try {
    for (;;) {
      // Nothing after an unread file comes through until that file has been read or skipped.
      file?.skip();
      const next = await queue.take();
      if (next === undefined) return;
      file = next.file;
      yield next.part;
    }
  } finally {
    queue.close();
    await reader.cancel().catch(() => {});
    busboy.destroy();
    await feeding;
  }
}

interface QueuedPart {
  part: MultipartPart;
  file?: PartFile;
}

/** Hands parts from the parser to the reader, holds the parser back meanwhile, and ends everything together. */
class PartQueue {
  readonly #code: FaxErrorCode;
  readonly #parts: QueuedPart[] = [];
  #lastFile: PartFile | undefined;
  #outcome: { error?: FaxError } | undefined;
  #wake: (() => void) | undefined;
  #drained: (() => void) | undefined;

  constructor(code: FaxErrorCode) {
    this.#code = code;
  }

  get ended(): boolean {
    return this.#outcome !== undefined;
  }

  malformed(message: string): FaxError {
    return new FaxError(this.#code, message);
  }

  push(part: QueuedPart): void {
    if (this.#outcome) {
      part.file?.skip();
      return;
    }
    this.#lastFile = part.file ?? this.#lastFile;
    this.#parts.push(part);
    this.#wake?.();
  }

  /** The first outcome counts. */
  end(error?: FaxError): void {
    this.#outcome ??= error ? { error } : {};
    if (error) this.#lastFile?.fail(error);
    this.#wake?.();
    this.#drained?.();
  }

  /** The reader left: nothing can be read any more. */
  close(): void {
    this.#parts.length = 0;
    if (!this.#outcome) this.#lastFile?.fail(this.malformed("the rest of the form was not read"));
    this.end();
  }

  /** Resolves when the reader has taken all that was parsed. */
  async drained(): Promise<void> {
    while (this.#parts.length > 0 && !this.#outcome) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
  }

  async take(): Promise<QueuedPart | undefined> {
    for (;;) {
      if (this.#outcome?.error) throw this.#outcome.error;
      const part = this.#parts.shift();
      if (part) {
        this.#drained?.();
        return part;
      }
      if (this.#outcome) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

function openParser(
  Busboy: typeof BusboyParser,
  contentType: string,
  limits: MultipartLimits,
  queue: PartQueue,
): BusboyInstance | undefined {
  // The parser would take urlencoded forms too, and throws without a boundary.
  if (!/^multipart\/form-data\s*;.*boundary\s*=\s*"?[^";\s]/is.test(contentType)) return undefined;
  const parts = limits.parts ?? 64;
  const busboy = new Busboy({
    headers: { "content-type": contentType },
    isPartAFile: (_name, type, fileName) =>
      fileName !== undefined || (type !== undefined && !/^(text\/|application\/json\b)/.test(type)),
    limits: {
      parts,
      fieldSize: limits.fieldBytes ?? 256 * 1024,
      fileSize: limits.fileBytes,
      headerPairs: 32,
      headerSize: 8 * 1024,
    },
  });
  busboy.on("field", (name: string | undefined, value, _nameCut, valueCut, _encoding, mediaType) => {
    if (name === undefined) queue.end(queue.malformed("a part of the form has no name"));
    else if (valueCut) queue.end(queue.malformed("a text part of the form is too long"));
    else queue.push({ part: { kind: "field", name, value, mediaType } });
  });
  busboy.on("file", (name: string | undefined, file, fileName: string | undefined, _encoding, mediaType) => {
    const part = new PartFile(file);
    file.on("limit", () => {
      const message = `a file of the form has more than ${limits.fileBytes} bytes`;
      queue.end(new FaxError("document_too_large", message));
    });
    queue.push({
      part: { kind: "file", name: name ?? "", fileName: fileName ?? "", mediaType, stream: part.stream },
      file: part,
    });
    if (name === undefined) queue.end(queue.malformed("a part of the form has no name"));
  });
  busboy.on("partsLimit", () => queue.end(queue.malformed(`the form has more than ${parts} parts`)));
  busboy.on("error", () => queue.end(queue.malformed("the form is damaged or ends early")));
  busboy.on("finish", () => queue.end());
  return busboy;
}

/** A file of the form on its way from the parser, which stands still while the file is not read. */
class PartFile {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #file: BusboyFileStream;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(file: BusboyFileStream) {
    this.#file = file;
    this.stream = new ReadableStream(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          file.resume();
        },
        cancel: () => {
          this.#controller = undefined;
          file.resume();
        },
      },
      { highWaterMark: 0 },
    );
    file.pause();
    file.on("data", (chunk: Buffer) => {
      if (!this.#controller) return;
      file.pause();
      this.#controller.enqueue(chunk);
    });
    file.on("end", () => {
      this.#controller?.close();
      this.#controller = undefined;
    });
    // Without a listener an error would end the process. What it means is told by fail().
    file.on("error", () => {});
  }

  /** Lets the parser go on without anybody reading the rest. */
  skip(): void {
    this.#settle(new FaxError("state_conflict", "a file of a form can only be read before the next part"));
    this.#file.resume();
  }

  /** The parser would let a file that was cut off end as if it were whole. */
  fail(error: FaxError): void {
    this.#settle(error);
    this.#file.destroy();
  }

  #settle(error: FaxError): void {
    this.#controller?.error(error);
    this.#controller = undefined;
  }
}

/** Feeds the parser no faster than its parts are read. */
async function feed(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  busboy: BusboyInstance,
  queue: PartQueue,
): Promise<void> {
  try {
    for (;;) {
      await queue.drained();
      if (queue.ended) return;
      const { done, value } = await reader.read();
      if (done) break;
      await new Promise<void>((resolve, reject) => {
        busboy.once("close", resolve);
        busboy.write(value, (error) => {
          busboy.off("close", resolve);
          if (error) reject(error);
          else resolve();
        });
      });
    }
    busboy.end();
  } catch (error) {
    queue.end(isFaxError(error) ? error : queue.malformed("the body could not be read to its end"));
    busboy.destroy(error instanceof Error ? error : undefined);
  }
}
