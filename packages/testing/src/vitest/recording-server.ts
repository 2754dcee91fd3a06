import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** One request that a {@link recordingServer} got. */
export interface RecordedRequest {
  method: string;
  /** Path and query, as they were written. */
  target: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** An answer: a JSON value, or a status with what belongs to it. */
export interface RecordedAnswer {
  status?: number;
  headers?: Record<string, string>;
  json?: unknown;
  body?: string | Buffer;
}

/**
 * Starts a server on this machine, for one test, that keeps every request and answers from a table of shapes. It stops
 * when the test ends.
 *
 * @example
 * const { url, requests } = await recordingServer(({ target }) => (target === "/v1/me" ? { json: {} } : { status: 404 }));
 */
export async function recordingServer(
  answer: (request: RecordedRequest) => RecordedAnswer,
): Promise<{ url: string; requests: RecordedRequest[] }> {
  const requests: RecordedRequest[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const recorded = {
        method: request.method ?? "",
        target: request.url ?? "",
        headers: request.headers,
        body: Buffer.concat(chunks).toString("latin1"),
      };
      requests.push(recorded);
      const { status = 200, headers = {}, json, body } = answer(recorded);
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(json === undefined ? body : JSON.stringify(json));
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}
