import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { WebhookRequest } from "@faxbot/core/transport";
import { webhookRequest } from "../transport-call.ts";

/** A call that a {@link WebhookCatcher} caught. */
export interface CaughtCall {
  method: string;
  /** The URL that was called. */
  url: string;
  headers: Headers;
  body: Uint8Array;
}

/** A server that answers 202 to everything and keeps what came. */
export interface WebhookCatcher {
  /** e.g. `http://127.0.0.1:40123`. */
  readonly origin: string;
  readonly calls: readonly CaughtCall[];
  stop(): Promise<void>;
}

/** Starts a server on 127.0.0.1 that stands where a host would take a provider's webhooks. */
export async function startWebhookCatcher(): Promise<WebhookCatcher> {
  const calls: CaughtCall[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, reply) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", () => {});
    request.on("end", () => {
      const headers = new Headers();
      for (const [name, values] of Object.entries(request.headersDistinct)) {
        for (const value of values ?? []) headers.append(name, value);
      }
      const url = `http://${request.headers.host}${request.url}`;
      calls.push({ method: request.method ?? "GET", url, headers, body: Buffer.concat(chunks) });
      reply.writeHead(202).end();
    });
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** A caught call as a transport sees it, with parts replaced. */
export function asWebhookRequest(
  caught: CaughtCall,
  replace: Partial<Pick<CaughtCall, "headers" | "body">> = {},
): WebhookRequest {
  const headers = Object.fromEntries(replace.headers ?? caught.headers);
  return webhookRequest(caught.url, replace.body ?? caught.body, { method: caught.method, headers });
}
