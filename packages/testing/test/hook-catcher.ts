import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { readMultipart } from "../src/index.ts";

/** A webhook as it came in. */
export interface Hook {
  method: string;
  target: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** What the catcher answers. */
export interface HookAnswer {
  status: number;
  contentType?: string;
  body?: string | Uint8Array;
}

/** A plain HTTP server that keeps what it is sent. */
export interface HookCatcher {
  readonly url: string;
  readonly hooks: Hook[];
  /** For the next calls, in order; then `fallback`. */
  answers: HookAnswer[];
  /** Decides by request when `answers` is empty; default 200 without a body. */
  fallback: (hook: Hook) => HookAnswer;
  clear(): void;
  stop(): Promise<void>;
}

export async function startHookCatcher(): Promise<HookCatcher> {
  const ok = (): HookAnswer => ({ status: 200 });
  const server = createServer((request, reply) => {
    const chunks: Buffer[] = [];
    request.on("error", () => {});
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const hook = {
        method: request.method ?? "",
        target: request.url ?? "",
        headers: request.headers,
        body: Buffer.concat(chunks),
      };
      catcher.hooks.push(hook);
      const answer = catcher.answers.shift() ?? catcher.fallback(hook);
      reply.writeHead(answer.status, answer.contentType ? { "content-type": answer.contentType } : {});
      reply.end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const catcher: HookCatcher = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hooks: [],
    answers: [],
    fallback: ok,
    clear() {
      catcher.hooks.length = 0;
      catcher.answers = [];
      catcher.fallback = ok;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return catcher;
}

/** The parts of a multipart webhook, in order. */
export const partsOf = (hook: Hook | undefined) =>
  readMultipart(hook?.body ?? Buffer.alloc(0), hook?.headers["content-type"] ?? "");

/** The fields of a form-encoded webhook. */
export const formOf = (hook: Hook | undefined): Record<string, string> =>
  Object.fromEntries(new URLSearchParams(hook?.body.toString()));

export const jsonOf = (hook: Hook | undefined): Record<string, unknown> =>
  JSON.parse(hook?.body.toString() ?? "") as Record<string, unknown>;
