import {
  type BasicCredentials,
  FaxError,
  normalizeNumber,
  type TransportEvent,
  verifyBasicAuth,
  type WebhookRequest,
  type WebhookResult,
} from "@faxbot/core/transport";
import { type SignalWireFax, signalwireFax } from "./signalwire-api.ts";
import type { SignalWireSettings } from "./signalwire-settings.ts";
import { type FormParameters, formParameters, signatureOf, verifySignature } from "./signalwire-signature.ts";
import { statusReport } from "./signalwire-status.ts";

/** A webhook is a short form; documents never come with it. */
const largestWebhook = 256 * 1024;
/** Set in the URL that we name for the report of a received fax: a failed fax does not say in which direction it went. */
const inboundMark = "direction=inbound";

/** What a webhook may prove itself with. */
export interface SignalWireProof {
  keys: readonly string[];
  credentials: readonly BasicCredentials[];
}

/** The keys and credentials that count, new ones first. */
export function webhookProof(settings: SignalWireSettings): SignalWireProof {
  const { signingKey, previousSigningKey, webhookUser, webhookPass } = settings;
  const { previousWebhookUser = webhookUser, previousWebhookPass } = settings;
  const credentials: BasicCredentials[] = [];
  const accept = (user: string | undefined, pass: string | undefined) => {
    if (user && pass) credentials.push({ user, pass });
  };
  accept(webhookUser, webhookPass);
  accept(previousWebhookUser, previousWebhookPass);
  return { keys: [signingKey, previousSigningKey].filter((key) => key !== undefined), credentials };
}

/** A webhook as it came. */
export interface SignalWireWebhook {
  /** Empty for an empty call, which some use to check that the URL is there. */
  parameters: FormParameters;
  /** Undefined for a call that is not about one fax. */
  fax: SignalWireFax | undefined;
  /** True for a report on a received fax, false for one on a sent fax. */
  inbound: boolean;
  /** True for the first call about an incoming fax, which wants to be told what to do. */
  wantsInstructions: boolean;
}

/**
 * Verifies a webhook by its signature or, where no signing key is set, by the Basic credentials of its URL, and reads it.
 * Without a proof in its headers the body is not touched.
 *
 * @param proof `undefined` takes whatever comes
 * @throws FaxError `webhook_unverified`, `webhook_malformed`
 */
export async function readWebhook(
  request: WebhookRequest,
  proof: SignalWireProof | undefined,
): Promise<SignalWireWebhook> {
  if (proof) refuseWithoutProof(request.headers, proof);
  if (request.method !== "POST" && request.method !== "GET")
    throw malformed("a webhook must be a POST or a GET");
  const body = request.method === "GET" ? new Uint8Array() : await request.body.bytes(largestWebhook);
  const json = /^application\/json\b/i.test(request.headers.get("content-type") ?? "");
  if (proof && proof.keys.length > 0) {
    const { url, headers } = request;
    if (!verifySignature({ url, headers, body, json }, proof.keys, proof.credentials)) throw unverified();
  }
  const query = request.url.indexOf("?") < 0 ? "" : request.url.slice(request.url.indexOf("?") + 1);
  const parameters =
    request.method === "GET"
      ? formParameters(Buffer.from(query))
      : json
        ? jsonParameters(body)
        : formParameters(body);
  return webhookOf(parameters, query);
}

/** What can be refused by the headers alone. */
function refuseWithoutProof(headers: Headers, { keys, credentials }: SignalWireProof): void {
  if (keys.length > 0) {
    if (signatureOf(headers) === "") throw unverified();
    return;
  }
  // Whether SignalWire decodes percent signs of the URL is not documented, so both spellings count.
  const accepted = credentials.flatMap(({ user, pass }) => [
    { user, pass },
    { user: encodeURIComponent(user), pass: encodeURIComponent(pass) },
  ]);
  if (accepted.length === 0 || !verifyBasicAuth(headers.get("authorization"), accepted)) throw unverified();
}

function webhookOf(parameters: FormParameters, query: string): SignalWireWebhook {
  const values = new Map(parameters);
  if (!values.has("FaxSid")) {
    // Nothing at all, or a JSON event of another product: verified, and none of ours.
    if (values.size > 0 && !values.has("event_type")) throw malformed("the webhook names no fax");
    return { parameters, fax: undefined, inbound: false, wantsInstructions: false };
  }
  const parsed = signalwireFax.safeParse({
    sid: values.get("FaxSid"),
    status: values.get("FaxStatus") || undefined,
    from: values.get("From"),
    to: values.get("To"),
    num_pages: values.get("NumPages"),
    media_url: values.get("MediaUrl") || undefined,
    error_code: values.get("ErrorCode") || undefined,
    error_message: values.get("ErrorMessage") || undefined,
    date_updated: values.get("Timestamp"),
  });
  if (!parsed.success) throw malformed("the webhook's fax has no id that can be read");
  const fax = parsed.data;
  const names = new URLSearchParams(query);
  // Our own callback URL names the attempt (in earlier versions the job); nothing that comes in does.
  const ours = names.has("attempt") || names.has("job_id");
  return {
    parameters,
    fax,
    inbound: fax.status === "received" || names.get("direction") === "inbound",
    wantsInstructions: fax.status === undefined && !ours,
  };
}

/** The members of a JSON object; what has more than one value counts as empty. */
function jsonParameters(body: Uint8Array): [string, string][] {
  if (body.byteLength === 0) return [];
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body).toString("utf8"));
  } catch {
    throw malformed("a webhook's JSON cannot be read");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw malformed("a webhook's JSON is no object");
  }
  return Object.entries(value).map(([name, each]): [string, string] => [
    name,
    typeof each === "string" || typeof each === "number" ? String(each) : "",
  ]);
}

/** What a fax says happened: from a webhook, or as the API tells it. */
export function eventsOf(fax: SignalWireFax, inbound: boolean): TransportEvent[] {
  if (inbound) return receivedEvents(fax);
  const report = statusReport(fax);
  // SignalWire gives events no id; the same fax in the same status is the same fact, however often it is told.
  return [{ type: "status", key: `status:${fax.sid}:${report.providerStatus}`, report }];
}

function receivedEvents(fax: SignalWireFax): TransportEvent[] {
  const failed = fax.status === "failed";
  // Still on its way, refused, or a call that broke before its first page.
  if (fax.status !== "received" && !(failed && fax.num_pages && fax.media_url)) return [];
  const from = fax.from === undefined ? undefined : normalizeNumber(fax.from);
  const to = fax.to === undefined ? undefined : normalizeNumber(fax.to);
  return [
    {
      type: "received",
      key: `received:${fax.sid}`,
      providerId: fax.sid,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ...(fax.num_pages === undefined ? {} : { pages: fax.num_pages }),
      ...(failed ? { partial: true } : {}),
      ...(fax.date_updated ? { occurredAt: fax.date_updated } : {}),
    },
  ];
}

const xmlAnswer = (body: string): WebhookResult["response"] => ({
  status: 200,
  headers: { "content-type": "text/xml; charset=utf-8" },
  body: `<?xml version="1.0" encoding="UTF-8"?>${body}`,
});

/** The answer to a report: valid where XML is wanted, and ignored where it is not. */
export const takenAnswer = xmlAnswer("<Response/>");

/**
 * Tells SignalWire to receive the fax, and where to report it: to the URL that was just called (vendor guide, `<Receive>`).
 *
 * @param credentials to be put into the URL, where they are what a webhook proves itself with
 */
export function receiveAnswer(
  url: string,
  pageSize: SignalWireSettings["receivePageSize"],
  credentials: BasicCredentials | undefined,
): WebhookResult["response"] {
  const marked = `${url}${url.includes("?") ? "&" : "?"}${inboundMark}`;
  const action = credentials === undefined ? marked : withCredentials(marked, credentials);
  return xmlAnswer(
    `<Response><Receive action="${escapeXml(action)}" method="POST" mediaType="application/pdf" pageSize="${pageSize}"/></Response>`,
  );
}

/** Puts a user and password into a URL and leaves the rest as it is written: it will be signed. */
export function withCredentials(url: string, { user, pass }: BasicCredentials): string {
  return url.replace("://", () => `://${encodeURIComponent(user)}:${encodeURIComponent(pass)}@`);
}

function escapeXml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

function unverified(): FaxError {
  return new FaxError("webhook_unverified", "the webhook's proof is missing or wrong", {
    transportId: "signalwire",
  });
}

function malformed(message: string): FaxError {
  return new FaxError("webhook_malformed", message, { transportId: "signalwire" });
}
