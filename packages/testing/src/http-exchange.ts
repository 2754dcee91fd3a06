import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";

/** What to send. */
export interface HttpExchange {
  method: string;
  /** User info becomes HTTP Basic unless `headers` has an authorization; a fragment is not sent. */
  url: string;
  headers?: Record<string, string>;
  body?: Uint8Array;
  /** From the first byte out to the last byte in, in milliseconds. */
  timeoutMs: number;
  /** `half` promises the whole body, sends half of it and cuts the connection; an object sends it in pieces. */
  pace?: "half" | { chunkBytes: number; everyMs: number };
}

/** What came back. */
export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/**
 * Sends one request as an emulated provider would: no redirects, exact headers, and broken on demand, which `fetch`
 * cannot be.
 *
 * @throws Error when the connection fails, is cut or takes too long
 */
export function exchangeHttp(exchange: HttpExchange): Promise<HttpAnswer> {
  const url = new URL(exchange.url);
  const body = exchange.body ?? new Uint8Array();
  const headers: Record<string, string> = { "user-agent": "emulator", ...exchange.headers };
  const authorization = basicOf(url);
  if (authorization) headers.authorization ??= authorization;
  url.username = "";
  url.password = "";
  if (exchange.body) headers["content-length"] = String(body.length);

  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    const signal = AbortSignal.timeout(exchange.timeoutMs);
    const request = send(url, { method: exchange.method, headers, agent: false, signal }, (reply) => {
      const chunks: Buffer[] = [];
      reply.on("data", (chunk: Buffer) => chunks.push(chunk));
      reply.on("error", reject);
      reply.on("end", () => {
        resolve({ status: reply.statusCode ?? 0, headers: reply.headers, body: Buffer.concat(chunks) });
      });
    });
    request.on("error", reject);
    const { pace } = exchange;
    if (pace === undefined) {
      request.end(body);
    } else if (pace === "half") {
      request.write(body.subarray(0, body.length >> 1), () => request.destroy(new Error("cut half-way")));
    } else {
      const next = (start: number): void => {
        if (request.destroyed) return;
        if (start >= body.length) {
          request.end();
          return;
        }
        request.write(body.subarray(start, start + pace.chunkBytes));
        setTimeout(() => next(start + pace.chunkBytes), pace.everyMs);
      };
      next(0);
    }
  });
}

/** HTTP Basic from a URL's user info, percent-decoded; `undefined` when it has none. */
function basicOf(url: URL): string | undefined {
  if (!url.username && !url.password) return undefined;
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return `Basic ${Buffer.from(pair).toString("base64")}`;
}
