import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { FaxError } from "@faxbot/core/transport";
import type {
  FaxPageStyle,
  RenderedFaxPage,
  RendererAnswer,
  RendererFailure,
  RendererRequest,
} from "./pdf-renderer-worker.ts";

/** What a document is rendered with. */
export interface RenderRequest {
  /** The PDF, already inspected. The buffer behind it is copied, unless `transfer` is set. */
  bytes: Uint8Array;
  /** Hands the buffer over; `bytes` is empty afterwards. */
  transfer: boolean;
  style: FaxPageStyle;
  /** Width or height above which a page is refused, in points. */
  maxPagePoints: number;
  /** How long opening the document and rendering each page may take, in milliseconds. */
  pageDeadlineMs: number;
  signal?: AbortSignal;
}

const maxRenderers = Math.max(1, Math.min(4, availableParallelism()));
// PDFium's memory never shrinks, and what it leaks per document is not known to be nothing.
const documentsPerRenderer = 50;
const spentMemoryBytes = 192 << 20;
const startDeadlineMs = 30_000;
const idleMs = 30_000;
const heapMegabytes = 256;

/** A worker thread with PDFium in it, which works on one document at a time. */
class Renderer {
  readonly #worker: Worker;
  #waiting: { resolve(answer: RendererAnswer): void; reject(error: unknown): void } | undefined;
  #isStarted = false;
  #documents = 0;
  #idleTimer: NodeJS.Timeout | undefined;
  /** False once the thread is ended or is of no more use. */
  isUsable = true;

  constructor() {
    // Node runs the built file: from the sources, where tests run, it lies next door.
    const script = import.meta.url.endsWith(".ts")
      ? "../dist/pdf-renderer-worker.js"
      : "./pdf-renderer-worker.js";
    this.#worker = new Worker(new URL(script, import.meta.url), {
      // Nothing of ours is its business.
      env: {},
      execArgv: [],
      argv: [],
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
    });
    this.#worker.on("message", (answer: RendererAnswer) => {
      this.#isStarted = true;
      this.#settle((waiting) => waiting.resolve(answer));
    });
    this.#worker.on("error", (error) => this.#end(error));
    this.#worker.on("exit", () => this.#end(undefined));
  }

  /** Waits for the thread to start, then opens a document. */
  async open(request: RenderRequest): Promise<number> {
    const { bytes, style, maxPagePoints, pageDeadlineMs, signal } = request;
    clearTimeout(this.#idleTimer);
    this.#worker.ref();
    this.#documents += 1;
    if (!this.#isStarted) await this.#wait(startDeadlineMs, signal);
    const open: RendererRequest = { kind: "open", bytes, style, maxPagePoints };
    const answer = await this.#ask(open, pageDeadlineMs, signal, request.transfer ? [bytes.buffer] : []);
    if (answer.kind !== "opened") throw this.#failure(answer, "The PDF");
    return answer.pages;
  }

  async page(index: number, { pageDeadlineMs, signal }: RenderRequest): Promise<RenderedFaxPage> {
    const answer = await this.#ask({ kind: "page", index }, pageDeadlineMs, signal);
    if (answer.kind !== "page") throw this.#failure(answer, `Page ${index + 1} of the PDF`);
    return answer.page;
  }

  /** Closes the document. The thread is kept for the next one, for a while, unless it has grown or served long enough. */
  async close({ pageDeadlineMs }: RenderRequest): Promise<void> {
    const answer = this.isUsable
      ? await this.#ask({ kind: "close" }, pageDeadlineMs, undefined).catch(() => undefined)
      : undefined;
    const isFresh =
      answer?.kind === "closed" &&
      answer.memoryBytes <= spentMemoryBytes &&
      this.#documents < documentsPerRenderer;
    if (!isFresh) return this.terminate();
    // An idle thread does not keep the process alive.
    this.#worker.unref();
    this.#idleTimer = setTimeout(() => void this.terminate(), idleMs).unref();
  }

  /** Ends the thread, also in the middle of a page. */
  async terminate(): Promise<void> {
    this.isUsable = false;
    clearTimeout(this.#idleTimer);
    await this.#worker.terminate();
  }

  async #ask(
    request: RendererRequest,
    deadlineMs: number,
    signal: AbortSignal | undefined,
    transfer: ArrayBufferLike[] = [],
  ): Promise<RendererAnswer> {
    signal?.throwIfAborted();
    this.#worker.postMessage(request, transfer as ArrayBuffer[]);
    return this.#wait(deadlineMs, signal);
  }

  async #wait(deadlineMs: number, signal: AbortSignal | undefined): Promise<RendererAnswer> {
    if (!this.isUsable) throw rendererEnded();
    let timer: NodeJS.Timeout | undefined;
    let onAbort = () => {};
    try {
      return await new Promise<RendererAnswer>((resolve, reject) => {
        this.#waiting = { resolve, reject };
        onAbort = () => reject(signal?.reason);
        signal?.addEventListener("abort", onAbort, { once: true });
        const late = () =>
          reject(
            new FaxError(
              "document_too_large",
              `A page of the PDF takes longer than ${deadlineMs} ms to render.`,
            ),
          );
        // Timers run before messages are read: where the event loop was held up, the answer may be there already.
        timer = setTimeout(() => setImmediate(() => setImmediate(late)), deadlineMs);
      });
    } catch (error) {
      await this.terminate();
      throw error;
    } finally {
      this.#waiting = undefined;
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  #settle(how: (waiting: { resolve(answer: RendererAnswer): void; reject(error: unknown): void }) => void) {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) how(waiting);
  }

  #end(error: unknown): void {
    this.isUsable = false;
    clearTimeout(this.#idleTimer);
    this.#settle((waiting) => waiting.reject(rendererEnded(error)));
  }

  #failure(answer: RendererAnswer, what: string): FaxError {
    const reason: RendererFailure = answer.kind === "failed" ? answer.reason : "crashed";
    switch (reason) {
      case "password":
        return new FaxError("document_encrypted", "The PDF needs a password.");
      case "broken":
        return new FaxError("document_invalid", `${what} is damaged.`);
      case "page-too-large":
        return new FaxError("document_too_large", `${what} is larger than a page may be.`);
      case "page-too-long":
        return new FaxError("document_too_large", `${what} is longer than two sheets of A4.`);
      case "crashed":
        this.isUsable = false;
        return new FaxError("document_too_large", `${what} needs more memory or work than a page may.`);
      default:
        return reason satisfies never;
    }
  }
}

function rendererEnded(cause?: unknown): FaxError {
  return new FaxError("document_too_large", "The PDF needs more memory or work than a document may.", {
    cause,
  });
}

const idle: Renderer[] = [];
let busy = 0;
const waiting: (() => void)[] = [];

/**
 * Renders a PDF page by page in a worker thread, of which there are as many as processors, four at most; more documents
 * wait. A page that takes too long, or a signal, ends the thread and with it the document.
 *
 * @param onPage called for each page in order
 * @returns after the last page
 * @throws FaxError `document_invalid`, `document_encrypted`, `document_too_large` (also past the deadline)
 */
export async function renderPdf(
  request: RenderRequest,
  expectedPages: number,
  onPage: (page: RenderedFaxPage) => void,
): Promise<void> {
  while (busy >= maxRenderers) await new Promise<void>((resolve) => waiting.push(resolve));
  busy += 1;
  try {
    request.signal?.throwIfAborted();
    const renderer = takeRenderer();
    try {
      const pages = await renderer.open(request);
      // To send fewer pages than the sender believes is worse than to refuse.
      if (pages !== expectedPages) throw new FaxError("document_invalid", "The PDF's pages cannot be told.");
      for (let index = 0; index < pages; index += 1) onPage(await renderer.page(index, request));
    } finally {
      await renderer.close(request);
      if (renderer.isUsable) idle.push(renderer);
    }
  } finally {
    busy -= 1;
    waiting.shift()?.();
  }
}

function takeRenderer(): Renderer {
  for (let renderer = idle.pop(); renderer !== undefined; renderer = idle.pop()) {
    if (renderer.isUsable) return renderer;
  }
  return new Renderer();
}
