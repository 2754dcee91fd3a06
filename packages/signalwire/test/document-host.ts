import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type FaxDocument, readDocument, type SendJob } from "@faxbot/core/transport";

/** Stands where the engine's host would serve documents to a provider that pulls. */
export interface DocumentHost {
  /** Gives a job the URL of its document. */
  offer(job: SendJob): SendJob;
  stop(): Promise<void>;
}

/** Starts a {@link DocumentHost} on this machine. */
export async function startDocumentHost(): Promise<DocumentHost> {
  const offered = new Map<string, FaxDocument>();
  const server = createServer((request, response) => {
    const document = offered.get(request.url ?? "");
    if (!document) return void response.writeHead(404).end();
    response.writeHead(200, {
      "content-type": document.mediaType,
      "content-length": document.size,
      "cache-control": "no-store",
    });
    if (request.method === "HEAD") return void response.end();
    void readDocument(document).then((bytes) => response.end(bytes));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    offer(job) {
      const path = `/fax/${job.faxId}/pdf?token=${randomBytes(32).toString("base64url")}`;
      offered.set(path, job.document);
      return { ...job, documentUrl: `${origin}${path}` };
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
