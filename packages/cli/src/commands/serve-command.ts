import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { FaxError } from "@faxbot/core";
import { toNode } from "@faxbot/http/node";
import { Command, InvalidArgumentError } from "commander";
import type { CommandContext } from "../command-context.ts";
import { fromEnvironment } from "../from-environment.ts";

/** How long open requests may take to end once the server is asked to stop. */
const drainMs = 10_000;

/** `faxbot serve`: the REST API and the delivery engine in one process, without code of one's own. */
export function serveCommand(context: CommandContext): Command {
  return new Command("serve")
    .description("serve the REST API and deliver faxes until stopped")
    .option("-p, --port <port>", "where to listen; default: PORT, else 8080", portNumber)
    .option("--host <address>", "the address to listen on", "0.0.0.0")
    .action(async (options: { port?: number; host: string }) => {
      const port = options.port ?? portOf(context.env.PORT?.trim() || "8080");
      if (port === undefined) throw new FaxError("config_invalid", "PORT must be a port, 0 to 65535");
      const host = await fromEnvironment(context.env);
      try {
        const server = createServer(toNode(host.api));
        server.listen(port, options.host);
        await once(server, "listening");
        await host.faxbot.start();
        context.say(`Faxbot listens on port ${(server.address() as AddressInfo).port}.`);
        if (!context.signal.aborted) await once(context.signal, "abort");
        const cut = setTimeout(() => server.closeAllConnections(), drainMs);
        server.close();
        server.closeIdleConnections();
        await once(server, "close");
        clearTimeout(cut);
      } finally {
        await host.close();
      }
      context.say("Faxbot has stopped.");
    });
}

function portOf(text: string): number | undefined {
  const port = Number(text);
  return Number.isInteger(port) && port >= 0 && port <= 65_535 ? port : undefined;
}

function portNumber(text: string): number {
  const port = portOf(text);
  if (port === undefined) throw new InvalidArgumentError("It must be a port, 0 to 65535.");
  return port;
}
