import { randomUUID } from "node:crypto";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { describeNetworkFailure, FaxError, isFaxError } from "@faxbot/core/transport";
import { type AmiFields, type AmiMessage, AmiReader, encodeAction } from "./ami-message.ts";
import type { AsteriskSettings } from "./asterisk-settings.ts";

/** How long things may take, in milliseconds. */
export interface AmiPatience {
  /** Connecting and logging in. Asterisk answers a wrong password after about a second. */
  connectMs: number;
  /** One action's answer. */
  answerMs: number;
  /** Silence after which the line is tried with a Ping. */
  pingEveryMs: number;
}

/** The patience of production. */
export const amiPatience: AmiPatience = { connectMs: 10_000, answerMs: 10_000, pingEveryMs: 15_000 };

/** A logged-in connection to Asterisk's manager interface. */
export interface AmiConnection {
  /** True once Asterisk said that it has read its dialplan and modules. */
  readonly booted: boolean;
  /** Resolves when the connection is gone, with the reason; never rejects. */
  readonly closed: Promise<FaxError>;
  /**
   * Sends one action and waits for its answer, which may be an error of Asterisk's: see {@link AmiMessage.name}.
   *
   * @throws FaxError `transport_unavailable` when it is proven that nothing left, `outcome_unknown` when the answer did
   * not come
   */
  ask(fields: AmiFields, options?: AskOptions): Promise<AmiMessage>;
  /**
   * Sends one action whose answer is a list, and collects it.
   *
   * @param names the items' event name, and that of the event which ends the list
   * @param options `onItem`: takes the items instead of keeping them
   * @returns the items, or the refusal as `refusal`
   * @throws FaxError as {@link ask}, and `transport_unavailable` when fewer items came than Asterisk counted
   */
  list(
    fields: AmiFields,
    names: { item: string; end: string },
    options?: { signal?: AbortSignal; onItem?: (item: AmiMessage) => void },
  ): Promise<AmiList>;
  close(): void;
}

/** What {@link AmiConnection.ask} may be told. */
export interface AskOptions {
  signal?: AbortSignal;
  /** Default: made for this action. */
  actionId?: string;
}

/** What came of a list. */
export type AmiList =
  | { items: AmiMessage[]; refusal?: undefined }
  | { items?: undefined; refusal: AmiMessage };

/** An action under way. */
interface Pending {
  answer(message: AmiMessage): void;
  fail(error: FaxError): void;
  /** For lists: the names of their events, and what takes one with our ActionID. */
  names?: readonly string[];
  collect?(message: AmiMessage): void;
}

/** The events of a connection that are passed on. */
export interface AmiListener {
  /** By name; all others go no further. */
  events: ReadonlySet<string>;
  /** Is called for each, in order, in the tick in which it came; must not throw. */
  onEvent: (event: AmiMessage) => void;
}

/** Items of a list that are held at most; a PBX with so many channels has other worries. */
const mostItems = 20_000;

/**
 * Connects and logs in.
 *
 * @param signal closes the connection, whatever it is doing
 * @throws FaxError `transport_unauthorized` when user or password are refused, `transport_unavailable`
 */
export async function openAmi(
  settings: Pick<AsteriskSettings, "host" | "port" | "username" | "password" | "tls" | "ca">,
  options: { signal: AbortSignal; listener?: AmiListener; patience?: AmiPatience },
): Promise<AmiConnection> {
  if (options.signal.aborted) throw unavailable("the connection was given up before it was made");
  const line = new AmiLine(openSocket(settings), options.patience ?? amiPatience, options.listener);
  const abort = () => line.end(unavailable("the connection was given up"));
  options.signal.addEventListener("abort", abort, { once: true });
  void line.closed.then(() => options.signal.removeEventListener("abort", abort));
  await line.login(settings);
  return line;
}

function openSocket(settings: Pick<AsteriskSettings, "host" | "port" | "tls" | "ca">): Socket {
  const { host, port, tls, ca } = settings;
  if (!tls) return connectTcp({ host, port, noDelay: true, keepAlive: true });
  return connectTls({
    host,
    port,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca }),
    minVersion: "TLSv1.2",
  }).setNoDelay(true);
}

function unavailable(message: string, cause?: unknown): FaxError {
  return new FaxError("transport_unavailable", message, {
    transportId: "asterisk",
    // The system's own words name addresses and, with TLS, certificates.
    ...(cause === undefined ? {} : { cause: new Error(describeNetworkFailure(cause)) }),
  });
}

function unanswered(): FaxError {
  return new FaxError("outcome_unknown", "asterisk did not answer", { transportId: "asterisk" });
}

class AmiLine implements AmiConnection {
  booted = false;
  readonly closed: Promise<FaxError>;
  readonly #socket: Socket;
  readonly #patience: AmiPatience;
  readonly #events: ReadonlySet<string>;
  readonly #onEvent: ((event: AmiMessage) => void) | undefined;
  readonly #reader = new AmiReader();
  readonly #pending = new Map<string, Pending>();
  readonly #ready: Promise<void>;
  #greet: () => void = () => {};
  #tellClosed: (reason: FaxError) => void = () => {};
  #gone: FaxError | undefined;
  #heardAt = performance.now();
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(socket: Socket, patience: AmiPatience, listener: AmiListener | undefined) {
    this.#socket = socket;
    this.#patience = patience;
    this.#events = listener?.events ?? new Set();
    this.#onEvent = listener?.onEvent;
    this.closed = new Promise((resolve) => {
      this.#tellClosed = resolve;
    });
    this.#ready = new Promise((resolve) => {
      this.#greet = resolve;
    });
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    // An error is always followed by "close".
    socket.on("error", (error) => this.end(unavailable("asterisk cannot be reached", error)));
    socket.on("close", () => this.end(unavailable("asterisk closed the connection")));
  }

  async login({ username, password }: Pick<AsteriskSettings, "username" | "password">): Promise<void> {
    const deadline = setTimeout(
      () => this.end(unavailable("asterisk does not answer")),
      this.#patience.connectMs,
    );
    try {
      await Promise.race([this.#ready, this.closed]);
      if (this.#gone) throw this.#gone;
      const answer = await this.ask([
        ["Action", "Login"],
        ["Username", username],
        ["Secret", password],
        ["Events", "system,call,user"],
      ]);
      if (answer.name !== "Success") {
        throw new FaxError("transport_unauthorized", "asterisk refuses user or password", {
          transportId: "asterisk",
        });
      }
    } catch (error) {
      const reason = isFaxError(error, "outcome_unknown")
        ? unavailable("asterisk closed the connection")
        : error;
      this.end(isFaxError(reason) ? reason : unavailable("asterisk cannot be used"));
      throw this.#gone ?? reason;
    } finally {
      clearTimeout(deadline);
    }
    this.#heartbeat = setInterval(() => this.#beat(), this.#patience.pingEveryMs / 2);
  }

  ask(fields: AmiFields, options: AskOptions = {}): Promise<AmiMessage> {
    return this.#start(fields, options, (resolve, reject) => ({ answer: resolve, fail: reject }));
  }

  list(
    fields: AmiFields,
    { item, end }: { item: string; end: string },
    { onItem, ...options }: { signal?: AbortSignal; onItem?: (item: AmiMessage) => void } = {},
  ): Promise<AmiList> {
    return this.#start<AmiList>(fields, options, (resolve, reject) => {
      const items: AmiMessage[] = [];
      let count = 0;
      return {
        names: [item, end],
        fail: reject,
        answer: (message) => {
          if (message.name !== "Success") resolve({ refusal: message });
        },
        collect: (event) => {
          if (event.name === item) {
            count += 1;
            if (onItem) onItem(event);
            else if (count <= mostItems) items.push(event);
          }
          if (event.name !== end) return;
          // An item that got lost must not be taken for a call that is over.
          const told = Number(event.get("ListItems") ?? event.get("Total") ?? count);
          if (count >= told && (onItem || count <= mostItems)) resolve({ items });
          else reject(unavailable("asterisk's list came incomplete"));
        },
      };
    });
  }

  close(): void {
    this.end(unavailable("the connection was closed"));
  }

  end(reason: FaxError): void {
    if (this.#gone) return;
    this.#gone = reason;
    clearInterval(this.#heartbeat);
    this.#socket.destroy();
    for (const pending of [...this.#pending.values()]) pending.fail(unanswered());
    this.#greet();
    this.#tellClosed(reason);
  }

  #start<T>(
    fields: AmiFields,
    { signal, actionId = randomUUID() }: AskOptions,
    make: (resolve: (value: T) => void, reject: (error: FaxError) => void) => Pending,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#gone) throw this.#gone;
      if (signal?.aborted) throw unavailable("the call was given up before it was made");
      const [action, ...others] = fields;
      if (!action) throw new RangeError("an action without a name");
      const bytes = encodeAction([action, ["ActionID", actionId], ...others]);
      const settle =
        <V>(then: (value: V) => void) =>
        (value: V) => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", abort);
          this.#pending.delete(actionId);
          then(value);
        };
      const pending = make(settle(resolve), settle(reject));
      const abort = () => pending.fail(unanswered());
      const timer = setTimeout(abort, this.#patience.answerMs);
      signal?.addEventListener("abort", abort, { once: true });
      this.#pending.set(actionId, pending);
      this.#socket.write(bytes);
    });
  }

  #read(chunk: Buffer): void {
    this.#heardAt = performance.now();
    let messages: AmiMessage[];
    try {
      messages = this.#reader.read(chunk);
    } catch (error) {
      this.end(isFaxError(error) ? error : unavailable("asterisk cannot be understood"));
      return;
    }
    if (this.#reader.banner !== undefined) this.#greet();
    for (const message of messages) this.#take(message);
  }

  #take(message: AmiMessage): void {
    // Most events are about other people's calls: by their names alone they go no further.
    if (message.kind === "event" && !this.#isWanted(message.name)) return;
    const actionId = message.get("ActionID");
    const pending = actionId === undefined ? undefined : this.#pending.get(actionId);
    if (message.kind === "response") {
      pending?.answer(message);
      return;
    }
    if (message.kind !== "event") return;
    if (message.name === "FullyBooted") this.booted = true;
    // OriginateResponse has the ActionID of an action that was answered long ago, and is an event for all.
    if (pending?.collect) pending.collect(message);
    else this.#onEvent?.(message);
  }

  #isWanted(name: string): boolean {
    if (name === "FullyBooted" || this.#events.has(name)) return true;
    for (const { names } of this.#pending.values()) if (names?.includes(name)) return true;
    return false;
  }

  /** A line that says nothing is asked whether it still stands; one that does not answer is given up. */
  #beat(): void {
    if (performance.now() - this.#heardAt < this.#patience.pingEveryMs) return;
    this.ask([["Action", "Ping"]]).catch((error: unknown) => {
      if (isFaxError(error, "outcome_unknown")) this.end(unavailable("asterisk went silent"));
    });
  }
}
