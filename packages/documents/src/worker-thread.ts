import { Worker } from "node:worker_threads";
import { FaxError } from "@faxbot/core/transport";
import { ownScript } from "./own-script.ts";

/** How one request to a thread is made. */
export interface WorkerRequestOptions {
  /** What the request is about, for messages: `Page 3 of the PDF`. */
  subject: string;
  /** How long the answer may take, in milliseconds. The start of the thread does not count. */
  deadlineMs: number;
  signal?: AbortSignal | undefined;
  /** Buffers that are handed over; they are empty here afterwards. */
  transfer?: readonly ArrayBufferLike[];
}

interface Waiting<Answer> {
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

const startDeadlineMs = 30_000;

/**
 * A thread that answers one request at a time. A request without an answer in time, or one that a signal ends, ends the
 * thread: what it does is synchronous, so there is no other way.
 */
export class WorkerThread<Request, Answer> {
  readonly #worker: Worker;
  readonly #started: Promise<void>;
  #waiting: Waiting<Answer> | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #isEnded = false;
  #isSpent = false;

  /**
   * @param script name of the built file, without its extension; it answers each request with one message, and says
   * that it is ready with the first
   * @param heapBytes the most that V8's heap may hold
   */
  constructor(script: string, heapBytes: number) {
    this.#worker = new Worker(ownScript(script), {
      // Nothing of ours is its business, and what it has to say is of no use to the host.
      env: {},
      execArgv: [],
      argv: [],
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: heapBytes >>> 20 },
    });
    this.#started = new Promise((resolve, reject) => {
      const timer = setTimeout(() => void this.end(), startDeadlineMs);
      this.#worker.once("message", () => {
        clearTimeout(timer);
        this.#worker.on("message", (answer: Answer) => this.#settle((waiting) => waiting.resolve(answer)));
        resolve();
      });
      const onEnd = (cause?: unknown) => {
        clearTimeout(timer);
        clearTimeout(this.#idleTimer);
        this.#isEnded = true;
        reject(new Error("the thread did not start", { cause }));
        this.#settle((waiting) => waiting.reject(cause));
      };
      this.#worker.on("error", onEnd);
      this.#worker.on("exit", () => onEnd());
    });
    // Told to whoever asks for something.
    this.#started.catch(() => {});
  }

  /** False once the thread has ended or is of no more use. */
  get isUsable(): boolean {
    return !this.#isEnded && !this.#isSpent;
  }

  /**
   * Asks for something.
   *
   * @throws FaxError `document_too_large` past the deadline, and when the work ended the thread
   */
  async ask(request: Request, options: WorkerRequestOptions): Promise<Answer> {
    const { subject, deadlineMs, signal, transfer = [] } = options;
    await this.#started;
    signal?.throwIfAborted();
    if (this.#isEnded) throw tooMuch(subject);
    let timer: NodeJS.Timeout | undefined;
    let onAbort = () => {};
    try {
      return await new Promise<Answer>((resolve, reject) => {
        this.#waiting = { resolve, reject: (cause) => reject(tooMuch(subject, cause)) };
        onAbort = () => reject(signal?.reason);
        signal?.addEventListener("abort", onAbort, { once: true });
        const late = () =>
          reject(new FaxError("document_too_large", `${subject} takes longer than ${deadlineMs} ms`));
        // Timers run before messages are read: where the event loop was held up, the answer may be there already.
        timer = setTimeout(() => setImmediate(() => setImmediate(late)), deadlineMs);
        this.#worker.postMessage(request, transfer as ArrayBuffer[]);
      });
    } catch (error) {
      await this.end();
      throw error;
    } finally {
      this.#waiting = undefined;
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Notes that the thread is not to be used again. */
  retire(): void {
    this.#isSpent = true;
  }

  /** Lets the thread wait for more; it does not keep the process alive meanwhile, and ends after some milliseconds. */
  rest(idleMs: number): void {
    this.#worker.unref();
    this.#idleTimer = setTimeout(() => void this.end(), idleMs).unref();
  }

  /** Ends the rest. */
  wake(): void {
    clearTimeout(this.#idleTimer);
    this.#worker.ref();
  }

  /** Ends the thread, also in the middle of its work. */
  async end(): Promise<void> {
    this.#isEnded = true;
    clearTimeout(this.#idleTimer);
    await this.#worker.terminate();
  }

  #settle(how: (waiting: Waiting<Answer>) => void): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) how(waiting);
  }
}

function tooMuch(subject: string, cause?: unknown): FaxError {
  return new FaxError("document_too_large", `${subject} needs more memory or work than it may`, { cause });
}
