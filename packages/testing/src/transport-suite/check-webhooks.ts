import {
  type FaxDocument,
  isFaxError,
  type TransportEvent,
  type WebhookRequest,
  type WebhookResult,
} from "@faxbot/core/transport";
import { readMultipart } from "../multipart-form.ts";
import { checkDocument } from "./check-document.ts";
import { checkReport } from "./check-report.ts";
import { type Outcome, type SuiteContext, withPeer } from "./suite-context.ts";
import { isImpossible, type TransportPeer, type TransportSuite } from "./transport-suite.ts";
import { asWebhookRequest, type CaughtCall } from "./webhook-catcher.ts";

/** Verifications that are the transport's own; tokens in the URL are core's, and `none` proves nothing. */
const ownVerifications = ["hmac_sha256", "hmac_sha1", "basic_auth", "internal_secret"];

/** A status webhook, as the provider really sends it, is verified and read; a tampered one is refused. */
export function checkStatusWebhook<Peer extends TransportPeer>(
  suite: TransportSuite<Peer>,
): Promise<string[]> {
  const { statusWebhook } = suite.scenarios;
  return withPeer(suite, suite.scenarios.accepted, async (context) => {
    const { transport, fail, attempt, call } = context;
    const url = new URL(`${context.catcher.origin}/callbacks/${transport.id}`);
    const job = await context.job();
    url.searchParams.set("attempt", job.attemptId);
    const sent = await attempt(transport.send({ ...job, callbackUrl: url.href }, call()));
    if (!sent.ok) return fail("send with a callback URL throws");
    if (!isImpossible(statusWebhook)) await statusWebhook(context.peer, { url: url.href, sent: sent.value });

    const final = await context.until(async () => (await deliveredEvents(context)).length > 0);
    if (!final) return fail("no webhook of a delivered fax is read as delivered");
    for (const caught of context.catcher.calls) {
      const result = await receive(context, asWebhookRequest(caught));
      for (const event of result.ok ? result.value.events : []) {
        if (event.type !== "status") fail("a status webhook is read as a received fax");
        else checkReport(event.report, fail, { providerId: sent.value.providerId, attemptId: job.attemptId });
      }
    }
    const [caught] = await deliveredEvents(context);
    if (caught) await checkVerification(context, caught);
  });
}

/** A webhook of a received fax gives the fax and its document. */
export function checkReceivedWebhook<Peer extends TransportPeer>(
  suite: TransportSuite<Peer>,
): Promise<string[]> {
  const { receivedWebhook } = suite.scenarios;
  return withPeer(suite, suite.scenarios.accepted, async (context) => {
    const { transport, fail, catcher } = context;
    const path = transport.manifest.webhook?.paths[0] ?? "/";
    if (!isImpossible(receivedWebhook)) await receivedWebhook(context.peer, `${catcher.origin}${path}`);
    const came = await context.until(() => catcher.calls.length > 0);
    const [caught] = catcher.calls;
    if (!came || !caught) return fail("the provider called no webhook for a received fax");
    const result = await receive(context, asWebhookRequest(caught));
    if (!result.ok)
      return fail(`a genuine webhook of a received fax is refused with ${codeOf(result.error)}`);
    const event = result.value.events.find(({ type }) => type === "received");
    if (event?.type !== "received") return fail("a received fax is not read as one");
    await checkReceivedEvent(context, event);
    await checkVerification(context, caught);
  });
}

/** What `run` reports of a received fax; a host that could not store it gets it again. */
export function checkReceivedByRun<Peer extends TransportPeer>(
  suite: TransportSuite<Peer>,
): Promise<string[]> {
  const { receivedByRun } = suite.scenarios;
  return withPeer(suite, suite.scenarios.accepted, async (context) => {
    const { events, fail } = context;
    context.failNextEmit();
    if (!isImpossible(receivedByRun)) await receivedByRun(context.peer);
    const received = (): TransportEvent | undefined => events.find(({ type }) => type === "received");
    await context.until(() => received() !== undefined);
    const event = received();
    if (event?.type !== "received") return fail("a fax that the host could not store at first is lost");
    await checkReceivedEvent(context, event, "already checked");
  });
}

/** @param own whether the event's own document has been checked when it came */
async function checkReceivedEvent<Peer extends TransportPeer>(
  context: SuiteContext<Peer>,
  event: Extract<TransportEvent, { type: "received" }>,
  own: "already checked" | "unchecked" = "unchecked",
): Promise<void> {
  const { transport, fail, call, attempt } = context;
  if (!event.providerId) fail("a received fax has no providerId");
  if (!event.key) fail("a received fax has no key");
  for (const number of [event.from, event.to]) {
    if (number !== undefined && !/^\+[1-9]\d{1,14}$/.test(number))
      fail("a received fax's number is not E.164");
  }
  let fetchedDocument: FaxDocument | undefined;
  if (transport.fetchDocument) {
    const fetched = await attempt(transport.fetchDocument(event.providerId, call()));
    if (fetched.ok) fetchedDocument = fetched.value;
    else if (!event.document) {
      fail(`the document of a received fax cannot be fetched: ${codeOf(fetched.error)}`);
    }
  }
  if (!event.document && !fetchedDocument) return fail("a received fax has no document");
  if (fetchedDocument) await checkDocument(fetchedDocument, fail);
  if (event.document && own === "unchecked") await checkDocument(event.document, fail);
}

/** Calls that the transport reads as "delivered". */
async function deliveredEvents<Peer extends TransportPeer>(
  context: SuiteContext<Peer>,
): Promise<CaughtCall[]> {
  const delivered: CaughtCall[] = [];
  for (const caught of context.catcher.calls) {
    const result = await receive(context, asWebhookRequest(caught));
    if (!result.ok) context.fail(`a genuine webhook is refused with ${codeOf(result.error)}`);
    else if (
      result.value.events.some((event) => event.type === "status" && event.report.status === "delivered")
    ) {
      delivered.push(caught);
    }
  }
  return delivered;
}

async function checkVerification<Peer extends TransportPeer>(
  context: SuiteContext<Peer>,
  caught: CaughtCall,
): Promise<void> {
  const { fail, transport } = context;
  const first = await receive(context, asWebhookRequest(caught));
  const again = await receive(context, asWebhookRequest(caught));
  const keys = (outcome: Outcome<WebhookResult>): string =>
    outcome.ok ? outcome.value.events.map(({ key }) => key).join() : "";
  if (keys(first) === "" || keys(first) !== keys(again))
    fail("the same webhook has another key the second time");

  const { webhook } = transport.manifest;
  if (!webhook || !ownVerifications.includes(webhook.verification)) return;
  const header = webhook.verification === "basic_auth" ? "authorization" : webhook.verifyHeader;
  const proof = header === undefined ? null : caught.headers.get(header);
  if (header === undefined || proof === null) {
    return fail("the manifest's verifyHeader is not a header that the provider sends");
  }
  const withProof = (value: string | undefined): Headers => {
    const headers = new Headers(caught.headers);
    if (value === undefined) headers.delete(header);
    else headers.set(header, value);
    return headers;
  };
  const forgeries: [string, string | undefined][] = [
    ["without its proof", undefined],
    ["with an empty proof", ""],
    ["with the end of its proof missing", shortened(proof)],
    ["with more after its proof", lengthened(proof)],
    ...flippedBits(proof).map((value): [string, string] => ["with one bit of its proof flipped", value]),
  ];
  for (const [what, value] of forgeries) {
    await expectUnverified(context, what, caught, { headers: withProof(value) });
  }
  const signsBody = webhook.verification.startsWith("hmac");
  if (signsBody && caught.body.byteLength > 0) {
    for (const at of await signedBytes(caught)) {
      await expectUnverified(context, "with one bit of its body flipped", caught, {
        body: flipBit(caught.body, at),
      });
    }
  }
  if (!signsBody) await checkReadsLate(context, caught, withProof(undefined));

  // Broken, and (where the body is not signed) nevertheless genuine.
  for (const body of [new Uint8Array(), new TextEncoder().encode("{"), caught.body.subarray(0, 20)]) {
    const broken = await receive(context, asWebhookRequest(caught, { body }));
    const codes = signsBody ? ["webhook_unverified", "webhook_malformed"] : ["webhook_malformed"];
    if (broken.ok) fail("a webhook with a broken body is accepted");
    else if (!codes.includes(codeOf(broken.error))) {
      fail(
        `a webhook with a broken body is refused with ${codeOf(broken.error)} instead of ${codes.join(" or ")}`,
      );
    }
  }
}

/**
 * Some bytes that a signature of the body covers: the first, the middle and the last. In a multipart form those of each
 * part's content, because some providers sign that and not what stands between.
 */
async function signedBytes({ body, headers }: CaughtCall): Promise<number[]> {
  const contentType = headers.get("content-type") ?? "";
  if (!/^multipart\/form-data\b/i.test(contentType)) return [0, body.byteLength >> 1, body.byteLength - 1];
  const offsets: number[] = [];
  let from = 0;
  for (const { bytes } of await readMultipart(body, contentType)) {
    const framed = Buffer.concat([Buffer.from("\r\n\r\n"), bytes, Buffer.from("\r\n--")]);
    const at = Buffer.from(body).indexOf(framed, from);
    if (at < 0 || bytes.byteLength === 0) continue;
    const start = at + 4;
    from = start + bytes.byteLength;
    offsets.push(start, start + (bytes.byteLength >> 1), from - 1);
  }
  return offsets;
}

async function expectUnverified<Peer extends TransportPeer>(
  context: SuiteContext<Peer>,
  what: string,
  caught: CaughtCall,
  replace: Partial<Pick<CaughtCall, "headers" | "body">>,
): Promise<void> {
  const outcome = await receive(context, asWebhookRequest(caught, replace));
  if (outcome.ok) context.fail(`a webhook ${what} is accepted`);
  else if (codeOf(outcome.error) !== "webhook_unverified") {
    context.fail(`a webhook ${what} is refused with ${codeOf(outcome.error)} instead of webhook_unverified`);
  }
}

/** Credentials in a header are checked before a stranger's body is read. */
async function checkReadsLate<Peer extends TransportPeer>(
  context: SuiteContext<Peer>,
  caught: CaughtCall,
  headers: Headers,
): Promise<void> {
  const request = asWebhookRequest(caught, { headers });
  let touched = false;
  const body: WebhookRequest["body"] = {
    bytes: (max) => {
      touched = true;
      return request.body.bytes(max);
    },
    stream: () => {
      touched = true;
      return request.body.stream();
    },
  };
  await receive(context, { ...request, body });
  if (touched) context.fail("the body of a webhook without credentials is read");
}

function receive<Peer extends TransportPeer>(
  context: SuiteContext<Peer>,
  request: WebhookRequest,
): Promise<Outcome<WebhookResult>> {
  const { transport, call } = context;
  return context.attempt(async () => {
    if (!transport.receiveWebhook) throw new TypeError("there is no receiveWebhook()");
    return transport.receiveWebhook(request, call());
  });
}

const basicScheme = /^Basic /i;

/** Flips bits at the beginning, in the middle and at the end; Basic credentials inside their base64. */
function flippedBits(proof: string): string[] {
  if (basicScheme.test(proof)) {
    const bytes = Buffer.from(proof.replace(basicScheme, ""), "base64");
    return [0, bytes.length >> 1, bytes.length - 1].map(
      (at) => `Basic ${Buffer.from(flipBit(bytes, at)).toString("base64")}`,
    );
  }
  return [0, proof.length >> 1, proof.length - 1].map((at) => {
    const other = proof[at] === "0" ? "1" : "0";
    return proof.slice(0, at) + other + proof.slice(at + 1);
  });
}

function shortened(proof: string): string {
  if (!basicScheme.test(proof)) return proof.slice(0, -1);
  return `Basic ${Buffer.from(proof.replace(basicScheme, ""), "base64").subarray(0, -1).toString("base64")}`;
}

function lengthened(proof: string): string {
  if (!basicScheme.test(proof)) return `${proof}0`;
  const bytes = Buffer.from(proof.replace(basicScheme, ""), "base64");
  return `Basic ${Buffer.concat([bytes, Buffer.from("0")]).toString("base64")}`;
}

function flipBit(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

function codeOf(error: unknown): string {
  if (isFaxError(error)) return error.code;
  return error instanceof Error ? `a ${error.name}, not a FaxError,` : "something that is no error";
}
