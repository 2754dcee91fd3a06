import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { setImmediate as nextTurn, setTimeout as pause } from "node:timers/promises";
import type { SplitMessages } from "../replay/message-borders.ts";
import type { SocketFault } from "./socket-fault.ts";

/** One connection as a protocol sees it. */
export interface SocketConnection {
  /** Counts from 1. */
  readonly number: number;
  /** Sends after everything that was sent before; does nothing once the connection is gone or silent. */
  send(text: string): void;
  /** Closes after everything that was sent. */
  end(): void;
}

/** One command that came in; kept for tests to look at. */
export interface RecordedCommand<Operation extends string> {
  /** `undefined` when there is no such command. */
  operation: Operation | undefined;
  /** As it came, line ends included. */
  text: string;
  /** Which connection, counted from 1. */
  connection: number;
  at: Date;
}

/** The protocol of an emulated exchange, for {@link startSocketServer}. */
export interface SocketProtocol<Operation extends string> {
  operations: readonly Operation[];
  /** Bytes that may come without a message having ended; more end the connection. */
  maxMessageBytes: number;
  split(bytes: Buffer): SplitMessages;
  operationOf(message: string): Operation | undefined;
  opened(connection: SocketConnection): void;
  closed(connection: SocketConnection): void;
  /** Carries a command out. @returns the answer, `""` for none */
  handle(connection: SocketConnection, message: string): string | Promise<string>;
  /** The answer of a command that is refused with this text. */
  refusal(message: string, text: string): string;
  /** An answer with one more header. */
  withHeader(answer: string, name: string, value: string): string;
}

/** How to start one. */
export interface SocketServerOptions {
  /** Default 0: a free one. */
  port?: number;
}

/** A running TCP server with counters and fault knobs: the base of the emulated exchanges. */
export interface SocketServer<Operation extends string> {
  /** e.g. `tcp://127.0.0.1:41234`. */
  readonly url: string;
  readonly host: "127.0.0.1";
  readonly port: number;
  /** How often each operation was called, faults included. */
  readonly calls: Readonly<Record<Operation, number>>;
  readonly requests: readonly RecordedCommand<Operation>[];
  /** Connections that are open now. */
  readonly connections: number;
  /**
   * How answers and events are written: each in one piece, or byte by byte with a turn of the loop (and `byteDelayMs`)
   * after each. May be changed.
   */
  writeMode: "whole" | "bytes";
  /** Milliseconds after each byte; default 0. */
  byteDelayMs: number;
  /**
   * True: takes connections and bytes, carries nothing out and says nothing, on all connections, like a peer behind a
   * firewall that forgot the connection. What happens meanwhile is never said. May be changed.
   */
  silent: boolean;
  /** Makes the next fitting command go wrong. @returns a function that takes the fault back */
  fault(fault: SocketFault<Operation>): () => void;
  /** Writes these bytes to every connection as they are. */
  sendRaw(bytes: string | Uint8Array): void;
  /** Resets every connection (RST), or ends them (FIN). */
  dropConnections(how?: "reset" | "end"): void;
  /** Closes the port, so that connections are refused, and resets every connection. */
  refuseConnections(): Promise<void>;
  /** Opens the same port again. */
  acceptConnections(): Promise<void>;
  /** Forgets counters, requests and faults. */
  reset(): void;
  /** Closes the port and every connection. */
  stop(): Promise<void>;
}

interface OpenConnection extends SocketConnection {
  readonly socket: Socket;
  write(bytes: string | Uint8Array): void;
}

/**
 * Starts a TCP server on 127.0.0.1 that takes commands message by message, in order on each connection, counts what
 * comes in and misbehaves on demand.
 *
 * @throws the system's error when the port is taken
 */
export async function startSocketServer<Operation extends string>(
  protocol: SocketProtocol<Operation>,
  options: SocketServerOptions = {},
): Promise<SocketServer<Operation>> {
  const requests: RecordedCommand<Operation>[] = [];
  const calls = {} as Record<Operation, number>;
  const faults: { fault: SocketFault<Operation>; left: number }[] = [];
  const open = new Set<OpenConnection>();
  const mode: Pick<SocketServer<Operation>, "writeMode" | "byteDelayMs" | "silent"> = {
    writeMode: "whole",
    byteDelayMs: 0,
    silent: false,
  };
  let opened = 0;

  const resetCounters = (): void => {
    requests.length = 0;
    for (const operation of protocol.operations) calls[operation] = 0;
  };
  resetCounters();

  const takeFault = (operation: Operation | undefined): SocketFault<Operation> | undefined => {
    const entry = faults.find(({ fault }) => fault.operation === undefined || fault.operation === operation);
    if (!entry) return undefined;
    entry.left -= 1;
    if (entry.left <= 0) faults.splice(faults.indexOf(entry), 1);
    return entry.fault;
  };

  const carryOut = async (connection: OpenConnection, message: string): Promise<void> => {
    const operation = protocol.operationOf(message);
    requests.push({ operation, text: message, connection: connection.number, at: new Date() });
    if (operation !== undefined) calls[operation] += 1;
    const fault = takeFault(operation);
    if (fault?.kind === "reset_before") return void connection.socket.resetAndDestroy();
    if (fault?.kind === "delay") await pause(fault.ms);
    if (fault?.kind === "hang" && fault.taken === false) return;
    if (fault?.kind === "refuse") return connection.send(protocol.refusal(message, fault.message));
    const answer = await protocol.handle(connection, message);
    switch (fault?.kind) {
      case "reset_after":
        return void connection.socket.resetAndDestroy();
      case "hang":
        return;
      case "garbage":
        return connection.write(garbage);
      case "malformed_escape":
        return connection.send(protocol.withHeader(answer, "X-Escape", "100% %zz %"));
      case "huge":
        return connection.send(protocol.withHeader(answer, "X-Huge", "x".repeat(fault.bytes)));
      case "half_answer":
        connection.socket.write(answer.slice(0, answer.length >> 1), () =>
          connection.socket.resetAndDestroy(),
        );
        return;
      default:
        if (answer !== "") connection.send(answer);
    }
  };

  const accept = (socket: Socket): void => {
    opened += 1;
    let writing: Promise<void> = Promise.resolve();
    const writeBytes = async (bytes: Buffer): Promise<void> => {
      for (let at = 0; at < bytes.length && !socket.destroyed; at += 1) {
        socket.write(bytes.subarray(at, at + 1));
        await (mode.byteDelayMs > 0 ? pause(mode.byteDelayMs) : nextTurn());
      }
      bytesLeft -= 1;
    };
    let bytesLeft = 0;
    const write = (data: string | Uint8Array): void => {
      if (mode.silent || socket.destroyed || socket.writableEnded) return;
      if (mode.writeMode === "whole" && bytesLeft === 0) {
        socket.write(data);
        return;
      }
      // Whatever comes after slow bytes waits for them.
      bytesLeft += 1;
      writing = writing.then(() => writeBytes(Buffer.from(data)));
    };
    const connection: OpenConnection = {
      number: opened,
      socket,
      write,
      send: write,
      end: () => {
        if (mode.silent) return;
        void writing.then(() => socket.end());
      },
    };
    open.add(connection);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    let pending: Buffer = Buffer.alloc(0);
    let working: Promise<void> = Promise.resolve();
    socket.on("data", (data: Buffer) => {
      if (mode.silent) return;
      const { messages, rest } = protocol.split(Buffer.concat([pending, data]));
      pending = rest;
      for (const message of messages) {
        working = working
          .then(() =>
            socket.destroyed || mode.silent ? undefined : carryOut(connection, message.toString()),
          )
          .catch(() => void socket.destroy());
      }
      if (pending.length > protocol.maxMessageBytes) socket.destroy();
    });
    socket.on("close", () => {
      open.delete(connection);
      protocol.closed(connection);
    });
    protocol.opened(connection);
  };

  const listener = createServer(accept);
  const listen = async (port: number): Promise<void> => {
    listener.listen(port, "127.0.0.1");
    await once(listener, "listening");
  };
  const close = async (): Promise<void> => {
    for (const { socket } of open) socket.resetAndDestroy();
    if (!listener.listening) return;
    await new Promise((resolve) => listener.close(resolve));
  };
  await listen(options.port ?? 0);
  const { port } = listener.address() as AddressInfo;
  return {
    url: `tcp://127.0.0.1:${port}`,
    host: "127.0.0.1",
    port,
    calls,
    requests,
    get connections() {
      return open.size;
    },
    get writeMode() {
      return mode.writeMode;
    },
    set writeMode(how) {
      mode.writeMode = how;
    },
    get byteDelayMs() {
      return mode.byteDelayMs;
    },
    set byteDelayMs(ms) {
      mode.byteDelayMs = ms;
    },
    get silent() {
      return mode.silent;
    },
    set silent(yes) {
      mode.silent = yes;
    },
    fault(fault) {
      const entry = { fault, left: fault.times ?? 1 };
      faults.push(entry);
      return () => {
        if (faults.includes(entry)) faults.splice(faults.indexOf(entry), 1);
      };
    },
    sendRaw(bytes) {
      for (const connection of open) connection.write(bytes);
    },
    dropConnections(how = "reset") {
      for (const { socket } of open) {
        if (how === "reset") socket.resetAndDestroy();
        else socket.end();
      }
    },
    refuseConnections: close,
    acceptConnections: async () => {
      if (!listener.listening) await listen(port);
    },
    reset() {
      resetCounters();
      faults.length = 0;
    },
    stop: close,
  };
}

/** The server with more to it, and with some of it replaced; what changes in it stays visible. */
export function extendServer<Server extends object, More extends object>(
  server: Server,
  more: More,
): Omit<Server, keyof More> & More {
  return Object.defineProperties(
    Object.defineProperties({}, Object.getOwnPropertyDescriptors(server)),
    Object.getOwnPropertyDescriptors(more),
  ) as Omit<Server, keyof More> & More;
}

const garbage = Uint8Array.from([0, 255, 254, 37, 122, 13, 10, 13, 10, 128, 58, 58, 10, 10, 123, 34, 10, 10]);
