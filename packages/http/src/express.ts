import type { IncomingMessage, ServerResponse } from "node:http";
import type { FaxbotApi } from "./faxbot-api.ts";
import { serveNodeRequest } from "./serve-node-request.ts";

/** What Express adds to a request; Express' own types are not needed. */
export interface ExpressRequest extends IncomingMessage {
  /** The mount path that `app.use(path, …)` has cut off. */
  baseUrl?: string;
  /** Set by body parsers. */
  body?: unknown;
}

/**
 * Serves the API from an Express app (4 or 5), at the root or under any mount path. At the root, requests that are not
 * for the API go on to the next handler.
 *
 * Mount it before any body parser: signatures cover the body's bytes, and a parser has used them up. After one, a
 * request with a body is answered 500, with the reason.
 *
 * @example
 * const app = express();
 * app.use("/fax-api", toExpress(api));
 * app.use(express.json()); // after it
 */
export function toExpress(
  api: FaxbotApi,
): (request: ExpressRequest, response: ServerResponse, next: (error?: unknown) => void) => void {
  return (request, response, next) => {
    const mounted = Boolean(request.baseUrl);
    if (!api.owns({ target: request.url ?? "/", mounted })) {
      next();
    } else if (wasParsed(request)) {
      response.writeHead(500, { "content-type": "application/json", "cache-control": "no-store" });
      const detail =
        "a body parser ran before toExpress(api): mount the API first, it needs the body untouched";
      response.end(JSON.stringify({ detail, code: "config_invalid" }));
    } else {
      void serveNodeRequest(api, request, response, mounted);
    }
  };
}

function wasParsed(request: ExpressRequest): boolean {
  if (request.method === "GET" || request.method === "HEAD") return false;
  return request.body !== undefined || request.readableDidRead;
}
