import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describeHandlerBinding, type ServedHandler } from "@faxbot/testing/vitest";
import { createAdaptorServer } from "@hono/node-server";
import express from "express";
import { Hono } from "hono";
import { toExpress } from "../src/express.ts";
import { toHono } from "../src/hono.ts";
import { faxbotApi } from "../src/index.ts";
import { toNode } from "../src/node.ts";

async function listen(server: Server, path = ""): Promise<ServedHandler> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${path}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

describeHandlerBinding("node", {
  serve: (parts) => listen(createServer(toNode(faxbotApi(parts)))),
});

describeHandlerBinding("express", {
  serve: (parts) => {
    const app = express();
    app.use("/any/path", toExpress(faxbotApi(parts)));
    app.use(express.json());
    return listen(createServer(app), "/any/path");
  },
});

describeHandlerBinding("hono", {
  serve: (parts) => {
    const app = new Hono();
    app.all("/any/path/*", toHono(faxbotApi(parts)));
    return listen(createAdaptorServer({ fetch: app.fetch }) as Server, "/any/path");
  },
});
