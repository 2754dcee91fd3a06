import { randomUUID } from "node:crypto";
import { connect, type Socket } from "node:net";
import { eslCommand } from "./esl-command.ts";
import { type EslEvent, mayConcernUs, readEvent } from "./esl-event.ts";
import { type EslMessage, EslParser } from "./esl-parser.ts";

/** What can go wrong with the connection. */
export type EslFailureKind =
  /** Nobody answers, or not as an event socket does. Nothing but the login was sent. */
  | "unreachable"
  /** The password or our address is refused. Nothing else was sent. */
  | "unauthorized"
  /** The connection was gone before the command was written. */
  | "closed"
  /** The command was written, and the connection broke or the answer did not come in time. */
  | "lost";

/** Why a connection or a command failed; the message holds nothing that the server said. */
export class EslFailure extends Error {
  readonly kind: EslFailureKind;

  constructor(kind: EslFailureKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "EslFailure";
    this.kind = kind;
  }
}

/** How long to wait, in milliseconds. */
export interface EslTiming {
  /** For the connection and the login. */
  readonly connectMs: number;
  /** For the answer to a command; without it the order of answers is lost, so the connection is given up. */
  readonly replyMs: number;
  /** Between two questions whether the server is still there. */
  readonly keepAliveMs: number;
}

export const eslTiming: EslTiming = { connectMs: 10_000, replyMs: 15_000, keepAliveMs: 15_000 };

/** Where to connect, and what to do with what comes. */
export interface EslConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly password: string;
  readonly timing: EslTiming;
  /** Closes the connection, whatever it is doing. */
  readonly signal: AbortSignal;
  /** Whether a channel or background job is one of ours. */
  isAwaited(id: string): boolean;
  /** Called for each event that may concern us, in order. */
  onEvent(event: EslEvent): void;
}

/** A connection that is logged in. */
export interface EslConnection {
  readonly isOpen: boolean;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  /** Gives a command such as `event json …` and resolves with its `Reply-Text`. @throws EslFailure */
  command(line: string): Promise<string>;
  /** Runs a short API command and resolves with what it prints. @throws EslFailure */
  api(line: string): Promise<string>;
  /**
   * Starts an API command in the background and resolves with the first answer. Its result comes as a `BACKGROUND_JOB`
   * event with the same id, if at all.
   *
   * @throws EslFailure
   */
  startJob(line: string, jobId: string): Promise<string>;
  /** Runs an API command in the background and resolves with what it prints. @throws EslFailure */
  runJob(line: string): Promise<string>;
  close(): void;
}

/** How many commands may wait for their answers: more means that the server stands still. */
const mostPending = 1_000;

/**
 * Connects to FreeSWITCH's event socket and logs in. The connection never makes itself again: whoever uses it does, and
 * finds out then what was missed.
 *
 * @throws EslFailure `unreachable` or `unauthorized`; the signal's reason
 */
export async function openEslConnection(options: EslConnectionOptions): Promise<EslConnection> {
  options.signal.throwIfAborted();
  const connection = new SocketConnection(options);
  try {
    await connection.login();
    return connection;
  } catch (error) {
    connection.close();
    options.signal.throwIfAborted();
    throw error;
  }
}

interface Pending {
  readonly type: "command/reply" | "api/response";
  resolve(text: string): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

interface PendingJob {
  resolve(text: string): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

class SocketConnection implements EslConnection {
  readonly closed: Promise<void>;
  readonly #options: EslConnectionOptions;
  readonly #socket: Socket;
  readonly #parser: EslParser;
  /** Answers come in the order of the commands. */
  readonly #pending: Pending[] = [];
  readonly #jobs = new Map<string, PendingJob>();
  #stage: "connecting" | "login" | "open" | "closed" = "connecting";
  #onGreeting: () => void = () => {};
  #failure: EslFailure | undefined;
  #keepAlive: NodeJS.Timeout | undefined;
  #gone: () => void = () => {};

  constructor(options: EslConnectionOptions) {
    this.#options = options;
    this.closed = new Promise((resolve) => {
      this.#gone = resolve;
    });
    this.#parser = new EslParser((message) => this.#take(message));
    this.#socket = connect({ host: options.host, port: options.port, noDelay: true, keepAlive: true });
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("error", (error) => this.#fail(new EslFailure("unreachable", codeOf(error))));
    this.#socket.on("end", () => this.close());
    this.#socket.on("close", () => this.close());
    options.signal.addEventListener("abort", this.close, { once: true });
  }

  get isOpen(): boolean {
    return this.#stage === "open";
  }

  async login(): Promise<void> {
    const greeted = new Promise<void>((resolve, reject) => {
      this.#onGreeting = resolve;
      void this.closed.then(() => reject(this.#failure ?? new EslFailure("unreachable", "it hung up")));
    });
    const timer = setTimeout(
      () => this.#fail(new EslFailure("unreachable", "it does not answer in time")),
      this.#options.timing.connectMs,
    );
    try {
      await greeted;
      this.#stage = "login";
      const reply = await this.#ask("command/reply", eslCommand(`auth ${this.#options.password}`));
      if (!reply.startsWith("+OK")) throw new EslFailure("unauthorized", "the password is refused");
      this.#open();
    } catch (error) {
      // Whatever broke, nothing but the login was ever sent.
      if (error instanceof EslFailure && error.kind === "unauthorized") throw error;
      throw this.#failure ?? new EslFailure("unreachable", "it hung up during the login", error);
    } finally {
      clearTimeout(timer);
    }
  }

  #open(): void {
    if (this.#stage === "closed") throw new EslFailure("unreachable", "it hung up after the login");
    this.#stage = "open";
    this.#startKeepAlive();
  }

  async command(line: string): Promise<string> {
    return this.#give("command/reply", eslCommand(line));
  }

  async api(line: string): Promise<string> {
    return this.#give("api/response", eslCommand(`api ${line}`));
  }

  async startJob(line: string, jobId: string): Promise<string> {
    return this.#give("command/reply", eslCommand(`bgapi ${line}`, { "Job-UUID": jobId }));
  }

  async runJob(line: string): Promise<string> {
    const jobId = randomUUID();
    const result = new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#jobs.delete(jobId);
        reject(new EslFailure("lost", "a background job did not answer in time"));
      }, this.#options.timing.replyMs);
      this.#jobs.set(jobId, { resolve, reject, timer });
    });
    // When the command itself fails, nobody waits for its result.
    result.catch(() => {});
    try {
      const reply = await this.startJob(line, jobId);
      if (!reply.startsWith("+OK")) return reply;
      return await result;
    } finally {
      const job = this.#jobs.get(jobId);
      if (job) clearTimeout(job.timer);
      this.#jobs.delete(jobId);
    }
  }

  readonly close = (): void => {
    if (this.#stage === "closed") return;
    this.#stage = "closed";
    this.#options.signal.removeEventListener("abort", this.close);
    clearInterval(this.#keepAlive);
    this.#socket.destroy();
    const lost = new EslFailure("lost", "the connection broke before the answer came", this.#failure);
    for (const waiting of [...this.#pending.splice(0), ...this.#jobs.values()]) {
      clearTimeout(waiting.timer);
      waiting.reject(lost);
    }
    this.#jobs.clear();
    this.#gone();
  };

  #fail(failure: EslFailure): void {
    this.#failure ??= failure;
    this.close();
  }

  #give(type: Pending["type"], bytes: string): Promise<string> {
    if (this.#stage !== "open") return Promise.reject(new EslFailure("closed", "the connection is closed"));
    if (this.#pending.length >= mostPending) {
      return Promise.reject(new EslFailure("closed", "too many commands wait for an answer"));
    }
    return this.#ask(type, bytes);
  }

  #ask(type: Pending["type"], bytes: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#fail(new EslFailure("unreachable", "an answer did not come in time")),
        this.#options.timing.replyMs,
      );
      this.#pending.push({ type, resolve, reject, timer });
      this.#socket.write(bytes);
    });
  }

  #startKeepAlive(): void {
    this.#keepAlive = setInterval(() => {
      // Its own deadline ends the connection when nothing comes.
      if (this.#pending.length === 0) this.api("status").catch(() => {});
    }, this.#options.timing.keepAliveMs);
  }

  #read(chunk: Buffer): void {
    try {
      this.#parser.push(chunk);
    } catch (error) {
      this.#fail(new EslFailure("unreachable", "what it says is not an event socket's", error));
    }
  }

  #take(message: EslMessage): void {
    // A closed connection's last bytes concern nobody: the next one finds out how things stand.
    if (this.#stage === "closed") return;
    switch (message.type) {
      case "auth/request":
        this.#onGreeting();
        return;
      case "command/reply":
        this.#answer(message.type, message.headers.get("reply-text") ?? "", message);
        return;
      case "api/response":
        this.#answer(message.type, message.body.toString("utf8"), message);
        return;
      case "text/event-json":
      case "text/event-plain":
        this.#takeEvent(message);
        return;
      case "text/rude-rejection":
        this.#fail(new EslFailure("unauthorized", "its access list refuses our address"));
        return;
      case "text/disconnect-notice":
        this.close();
        return;
      default:
        return;
    }
  }

  #answer(type: Pending["type"], text: string, { oversized }: EslMessage): void {
    const [first] = this.#pending;
    // An API command that an account may not use is refused with a reply, before it is one.
    if (first?.type !== type && !(first && type === "command/reply" && text.startsWith("-ERR"))) {
      this.#fail(new EslFailure("unreachable", "an answer came that nobody asked for"));
      return;
    }
    this.#pending.shift();
    clearTimeout(first.timer);
    if (oversized) first.reject(new EslFailure("lost", "an answer was too long"));
    else first.resolve(text.trim());
  }

  #takeEvent(message: EslMessage): void {
    const isAwaited = (id: string): boolean => this.#jobs.has(id) || this.#options.isAwaited(id);
    if (message.oversized || !mayConcernUs(message.body, isAwaited)) return;
    const event = readEvent(message);
    if (!event) return;
    const job = event.name === "BACKGROUND_JOB" ? this.#jobs.get(event.field("Job-UUID") ?? "") : undefined;
    if (job) job.resolve(event.body.trim());
    else this.#options.onEvent(event);
  }
}

/** A system's error code alone: messages hold addresses. */
function codeOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === "string" && /^[A-Z0-9_]+$/.test(code) ? code : "the connection failed";
}
