import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { FaxbotApi } from "./faxbot-api.ts";

/** How long a refused upload is still read and thrown away, so that its sender gets to read the answer. */
const lingerMs = 5_000;

/**
 * Answers one request of a Node server: the body streams in as it is asked for, the answer streams out as fast as the
 * client takes it, and a client that goes away aborts both. Never rejects: what cannot be told the client ends the
 * connection.
 *
 * @param mounted true when `incoming.url` lacks the mount path
 */
export async function serveNodeRequest(
  api: FaxbotApi,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  mounted: boolean,
): Promise<void> {
  const gone = new AbortController();
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) gone.abort();
  });
  const chunks = incoming.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>;
  outgoing.once("finish", () => void lingerOver(incoming, chunks));
  const target = incoming.url ?? "/";
  let request: Request;
  try {
    request = fetchRequest(incoming, target, streamOf(chunks), gone.signal);
  } catch {
    // A method or header that `Request` does not take, or an absolute target as proxies get them.
    outgoing.writeHead(400, { "content-type": "application/json", connection: "close" });
    outgoing.end(JSON.stringify({ detail: "the request cannot be read", code: "request_invalid" }));
    return;
  }
  try {
    await sendResponse(await api.handle(request, { target, mounted }), outgoing);
  } catch {
    // The client went away, or the document broke off. Half a document must not look like a whole one.
    outgoing.destroy();
  }
}

async function sendResponse(response: Response, outgoing: ServerResponse): Promise<void> {
  if (outgoing.destroyed) {
    await response.body?.cancel();
    return;
  }
  outgoing.statusCode = response.status;
  for (const [name, value] of response.headers) outgoing.setHeader(name, value);
  if (!response.body) {
    outgoing.end();
  } else if (response.headers.get("content-type")?.startsWith("application/json")) {
    // It is whole in memory already; so the client learns its length, and a stream less is made.
    outgoing.end(Buffer.from(await response.arrayBuffer()));
  } else {
    await pipeline(Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]), outgoing);
  }
}

function fetchRequest(
  incoming: IncomingMessage,
  target: string,
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Request {
  if (!target.startsWith("/")) throw new TypeError("not a path");
  const headers: [string, string][] = [];
  for (let at = 0; at + 1 < incoming.rawHeaders.length; at += 2) {
    const name = incoming.rawHeaders[at] as string;
    // HTTP/2 brings `:method` and the like.
    if (!name.startsWith(":")) headers.push([name, incoming.rawHeaders[at + 1] as string]);
  }
  const method = incoming.method ?? "GET";
  const hasBody = method !== "GET" && method !== "HEAD";
  // The host is of no importance: nothing is made of it.
  return new Request(`http://localhost${target}`, {
    method,
    headers,
    signal,
    ...(hasBody ? { body, duplex: "half" as const } : {}),
  });
}

/** Reads the socket only as fast as it is asked to, and leaves it open when nobody asks any more. */
function streamOf(chunks: AsyncIterator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
    },
    { highWaterMark: 0 },
  );
}

/**
 * The answer is out while the client still sends: closing now would reset the connection before the client has read
 * why. So the rest is thrown away for a while, then the connection ends.
 */
async function lingerOver(incoming: IncomingMessage, chunks: AsyncIterator<Uint8Array>): Promise<void> {
  if (incoming.complete || incoming.destroyed) return;
  const timer = setTimeout(() => incoming.destroy(), lingerMs).unref();
  incoming.once("close", () => clearTimeout(timer));
  // A stream that is still iterated over does not flow; one that broke has nothing to throw away.
  await chunks.return?.().catch(() => {});
  incoming.resume();
}
