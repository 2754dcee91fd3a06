import { randomBytes } from "node:crypto";
import { isFaxError } from "@faxbot/core/transport";
import { checkDocument } from "./check-document.ts";
import { withPeer } from "./suite-context.ts";
import { isImpossible, type TransportPeer, type TransportSuite } from "./transport-suite.ts";
import { asWebhookRequest } from "./webhook-catcher.ts";

/** A received document can be fetched by id, deleted twice, and is gone then. */
export function checkDocuments<Peer extends TransportPeer>(suite: TransportSuite<Peer>): Promise<string[]> {
  const { receivedWebhook, receivedByRun } = suite.scenarios;
  return withPeer(suite, suite.scenarios.accepted, async (context) => {
    const { transport, call, attempt, fail, catcher, events } = context;
    let providerId: string | undefined;
    if (!isImpossible(receivedWebhook) && transport.receiveWebhook) {
      await receivedWebhook(context.peer, `${catcher.origin}${transport.manifest.webhook?.paths[0] ?? "/"}`);
      await context.until(() => catcher.calls.length > 0);
      const [caught] = catcher.calls;
      const result = caught && (await transport.receiveWebhook(asWebhookRequest(caught), call()));
      const event = result?.events.find(({ type }) => type === "received");
      if (event?.type === "received") providerId = event.providerId;
    } else if (!isImpossible(receivedByRun)) {
      await receivedByRun(context.peer);
      await context.until(() => events.some(({ type }) => type === "received"));
      const event = events.find(({ type }) => type === "received");
      if (event?.type === "received") providerId = event.providerId;
    } else {
      const sent = await transport.send(await context.job(), call());
      await context.reportOf(sent, ({ status }) => status === "delivered");
      providerId = sent.providerId;
    }
    if (!providerId) return fail("there is no fax whose document could be fetched");

    if (transport.fetchDocument) {
      const fetched = await attempt(transport.fetchDocument(providerId, call()));
      if (fetched.ok) await checkDocument(fetched.value, fail);
      else fail("fetchDocument throws for a fax that has a document");
      const unknown = await attempt(transport.fetchDocument(randomBytes(8).toString("hex"), call()));
      if (unknown.ok) fail("fetchDocument gives a document for an id that the provider does not know");
      else if (!isFaxError(unknown.error, "not_found"))
        fail("fetchDocument for an unknown id does not throw not_found");
    }
    if (transport.deleteDocument) {
      for (const time of ["once", "twice"]) {
        const deleted = await attempt(transport.deleteDocument(providerId, call()));
        if (!deleted.ok) fail(`deleting a document ${time} is an error`);
      }
      const gone = transport.fetchDocument && (await attempt(transport.fetchDocument(providerId, call())));
      if (gone?.ok) fail("a deleted document can still be fetched");
      else if (gone && !isFaxError(gone.error, "not_found")) {
        fail("fetchDocument for a deleted document does not throw not_found");
      }
    }
  });
}
