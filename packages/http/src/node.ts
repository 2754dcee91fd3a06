import type { IncomingMessage, ServerResponse } from "node:http";
import type { FaxbotApi } from "./faxbot-api.ts";
import { serveNodeRequest } from "./serve-node-request.ts";

/**
 * Serves the API from a plain Node server.
 *
 * @example
 * createServer(toNode(faxbotApi({ faxbot, inbox, apiKey }))).listen(8080);
 */
export function toNode(api: FaxbotApi): (incoming: IncomingMessage, outgoing: ServerResponse) => void {
  return (incoming, outgoing) => {
    void serveNodeRequest(api, incoming, outgoing, false);
  };
}
