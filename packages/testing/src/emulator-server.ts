import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { EmulatorFault } from "./emulator-fault.ts";

/** One request as a handler sees it. */
export interface EmulatorRequest {
  method: string;
  /** Path and query as they came, after the host. */
  target: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** The values of `{name}` in the route's path. */
  params: Readonly<Record<string, string>>;
}

/** What a handler answers. An object becomes JSON; without a body the answer is empty. */
export interface EmulatorResponse {
  status: number;
  headers?: Record<string, string>;
  body?: string | Uint8Array | Readonly<Record<string, unknown>>;
}

/** One operation of an emulated API. */
export interface EmulatorRoute<Operation extends string> {
  operation: Operation;
  method: string;
  /** e.g. `/v3/projects/{projectId}/faxes/{id}`. */
  path: string;
  handle(request: EmulatorRequest): EmulatorResponse | Promise<EmulatorResponse>;
}

/** What came in, in order; kept for tests to look at. */
export interface RecordedRequest<Operation extends string> {
  /** `undefined` when no route fits. */
  operation: Operation | undefined;
  method: string;
  target: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  at: Date;
  /** The status that was answered; `undefined` when the connection was cut or nothing was answered (yet). */
  status: number | undefined;
}

/** What an {@link startEmulatorServer} is made of. */
export interface EmulatorServerOptions<Operation extends string> {
  routes: readonly EmulatorRoute<Operation>[];
  /** Called before a route's handler and before anything is taken; an answer ends the request. */
  guard?(request: EmulatorRequest, operation: Operation): EmulatorResponse | undefined;
  /** The vendor's error body for a status, for faults that name only the status. */
  errorBody?(status: number): EmulatorResponse["body"];
  /**
   * Knobs for other processes: `POST /_emulator/<name>` with JSON calls it and answers what it returns as JSON. Not
   * counted and not recorded.
   */
  control?: Readonly<Record<string, (input: unknown) => unknown>>;
  /** 0 picks a free one. */
  port?: number;
  /** Requests with more bytes are answered 413; default 64 MiB. */
  maxBodyBytes?: number;
}

/** A running HTTP server with counters and fault knobs: the base of every HTTP emulator. */
export interface EmulatorServer<Operation extends string> {
  /** e.g. `http://127.0.0.1:41234`, without a trailing slash. */
  readonly url: string;
  readonly port: number;
  /** How often each operation was called, faults included. */
  readonly calls: Readonly<Record<Operation, number>>;
  readonly requests: readonly RecordedRequest<Operation>[];
  /** Makes the next fitting request go wrong. @returns a function that takes the fault back */
  fault(fault: EmulatorFault<Operation>): () => void;
  /** Closes the port, so that connections are refused. */
  refuseConnections(): Promise<void>;
  /** Opens the same port again. */
  acceptConnections(): Promise<void>;
  /** Forgets counters, requests and faults. */
  reset(): void;
  /** Closes the port and every connection. */
  stop(): Promise<void>;
}

/**
 * Starts a real HTTP server on 127.0.0.1 that answers by routes, counts what comes in and misbehaves on demand.
 *
 * @throws the system's error when the port is taken
 */
export async function startEmulatorServer<Operation extends string>(
  options: EmulatorServerOptions<Operation>,
): Promise<EmulatorServer<Operation>> {
  const maxBodyBytes = options.maxBodyBytes ?? 64 * 1024 * 1024;
  const matchers = options.routes.map((route) => ({ route, pattern: pathPattern(route.path) }));
  const requests: RecordedRequest<Operation>[] = [];
  const calls = {} as Record<Operation, number>;
  const faults: { fault: EmulatorFault<Operation>; left: number }[] = [];
  const sockets = new Set<Socket>();

  const resetCounters = (): void => {
    requests.length = 0;
    for (const { operation } of options.routes) calls[operation] = 0;
  };
  resetCounters();

  const takeFault = (operation: Operation): EmulatorFault<Operation> | undefined => {
    const index = faults.findIndex(
      ({ fault }) => fault.operation === undefined || fault.operation === operation,
    );
    const entry = faults[index];
    if (!entry) return undefined;
    entry.left -= 1;
    if (entry.left <= 0) faults.splice(index, 1);
    return entry.fault;
  };

  const answer = async (message: IncomingMessage, reply: ServerResponse): Promise<void> => {
    const target = message.url ?? "/";
    const { pathname: path, searchParams: query } = new URL(target, "http://emulator");
    const method = message.method ?? "GET";
    const knob = /^\/_emulator\/(\w+)$/.exec(path)?.[1];
    if (knob !== undefined && method === "POST" && options.control && Object.hasOwn(options.control, knob)) {
      return write(
        reply,
        await turnKnob(options.control[knob], await readBody(message, maxBodyBytes)),
        undefined,
      );
    }
    const match = matchers
      .filter(({ route }) => route.method === method)
      .map(({ route, pattern }) => ({ route, found: pattern.exec(path) }))
      .find(({ found }) => found !== null);
    const record: RecordedRequest<Operation> = {
      operation: match?.route.operation,
      method,
      target,
      headers: message.headers,
      body: Buffer.alloc(0),
      at: new Date(),
      status: undefined,
    };
    requests.push(record);
    const finish = async (response: EmulatorResponse, fault?: EmulatorFault<Operation>): Promise<void> => {
      record.status = response.status;
      await write(reply, response, fault);
    };
    if (!match) return finish({ status: 404, ...bodyOf(options.errorBody?.(404)) });

    const { operation } = match.route;
    calls[operation] += 1;
    const fault = takeFault(operation);
    if (fault?.kind === "reset_before") {
      message.socket.destroy();
      return;
    }
    const body = await readBody(message, maxBodyBytes);
    if (body === undefined) return finish({ status: 413, ...bodyOf(options.errorBody?.(413)) });
    record.body = body;
    if (fault?.kind === "delay") await sleep(fault.ms);
    if (fault?.kind === "hang" && fault.taken === false) return;
    if (fault?.kind === "redirect") {
      return finish({ status: fault.status ?? 307, headers: { location: fault.to + target } });
    }
    const respond: EmulatorResponse | undefined =
      fault?.kind === "respond"
        ? {
            status: fault.status,
            ...(fault.headers ? { headers: fault.headers } : {}),
            ...bodyOf(fault.body ?? options.errorBody?.(fault.status)),
          }
        : undefined;
    if (respond && !(fault?.kind === "respond" && fault.taken)) return finish(respond);

    const request: EmulatorRequest = {
      method,
      target,
      path,
      query,
      headers: message.headers,
      body,
      params: Object.fromEntries(
        Object.entries(match.found?.groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]),
      ),
    };
    const response = options.guard?.(request, operation) ?? (await match.route.handle(request));
    if (fault?.kind === "reset_after") {
      message.socket.destroy();
      return;
    }
    if (fault?.kind === "hang") return;
    if (fault?.kind === "rewrite" && isJsonObject(response.body)) {
      response.body = fault.change(structuredClone(response.body) as Record<string, unknown>);
    }
    return finish(respond ?? response, fault);
  };

  const server = createServer((message, reply) => {
    answer(message, reply).catch(() => {
      // The client went away, or a handler failed: a vendor would say 500 too.
      if (!reply.headersSent && !message.socket.destroyed) reply.writeHead(500).end();
      else message.socket.destroy();
    });
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => {
        server.off("error", reject);
        resolve();
      });
    });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });

  await listen(options.port ?? 0);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    calls,
    requests,
    fault(fault) {
      const entry = { fault, left: fault.times ?? 1 };
      faults.push(entry);
      return () => {
        if (faults.includes(entry)) faults.splice(faults.indexOf(entry), 1);
      };
    },
    refuseConnections: async () => {
      if (server.listening) await close();
    },
    acceptConnections: async () => {
      if (!server.listening) await listen(port);
    },
    reset() {
      resetCounters();
      faults.length = 0;
    },
    stop: async () => {
      if (server.listening) await close();
    },
  };
}

async function turnKnob(
  knob: ((input: unknown) => unknown) | undefined,
  body: Buffer | undefined,
): Promise<EmulatorResponse> {
  try {
    const result = await knob?.(body?.length ? JSON.parse(body.toString()) : undefined);
    return {
      status: 200,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(result ?? null),
    };
  } catch (error) {
    return { status: 400, body: { message: error instanceof Error ? error.message : String(error) } };
  }
}

function pathPattern(path: string): RegExp {
  const source = path
    .split(/(\{[A-Za-z]+\})/)
    .map((part) =>
      part.startsWith("{") ? `(?<${part.slice(1, -1)}>[^/]+)` : part.replace(/[.*+?^$()|[\]\\]/g, "\\$&"),
    )
    .join("");
  return new RegExp(`^${source}$`);
}

/** Reads the whole body; `undefined` when it is too large (the rest is still read, so that the client hears the answer). */
async function readBody(message: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= maxBytes) chunks.push(chunk);
  }
  return size <= maxBytes ? Buffer.concat(chunks) : undefined;
}

async function write(
  reply: ServerResponse,
  response: EmulatorResponse,
  fault: EmulatorFault<string> | undefined,
): Promise<void> {
  let bytes = encodeBody(response.body);
  const headers: Record<string, string> = { ...response.headers };
  if (isJsonObject(response.body)) headers["content-type"] ??= "application/json";
  if (fault?.kind === "malformed_json") bytes = bytes.subarray(0, Math.max(1, bytes.length - 2));
  if (response.status !== 204) headers["content-length"] = String(bytes.length);
  reply.writeHead(response.status, headers);
  if (fault?.kind === "half_body") {
    // Half of what Content-Length promised, then a cut connection.
    await new Promise<void>((resolve) => reply.write(bytes.subarray(0, bytes.length >> 1), () => resolve()));
    reply.socket?.destroy();
    return;
  }
  if (fault?.kind === "slow_body") {
    for (let start = 0; start < bytes.length; start += fault.chunkBytes) {
      if (reply.destroyed) return;
      reply.write(bytes.subarray(start, start + fault.chunkBytes));
      await sleep(fault.everyMs);
    }
    reply.end();
    return;
  }
  reply.end(bytes);
}

function bodyOf(body: EmulatorResponse["body"]): Pick<EmulatorResponse, "body"> {
  return body === undefined ? {} : { body };
}

function isJsonObject(body: EmulatorResponse["body"]): body is Readonly<Record<string, unknown>> {
  return typeof body === "object" && !(body instanceof Uint8Array);
}

function encodeBody(body: EmulatorResponse["body"]): Buffer {
  if (body === undefined) return Buffer.alloc(0);
  if (typeof body === "string") return Buffer.from(body);
  if (body instanceof Uint8Array) return Buffer.from(body);
  return Buffer.from(JSON.stringify(body));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
