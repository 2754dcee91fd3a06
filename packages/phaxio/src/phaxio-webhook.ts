import {
  type FaxDocument,
  FaxError,
  normalizeNumber,
  type StatusReport,
  type TransportEvent,
} from "@faxbot/core/transport";
import { type PhaxioFax, phaxioFax } from "./phaxio-api.ts";
import type { PhaxioForm } from "./phaxio-form.ts";
import { statusReport } from "./phaxio-status.ts";

/** A webhook as it came, before anything is made of it. */
export interface PhaxioWebhook {
  /** `fax_completed`, `transmitting_page`, `retry_scheduled`, or a word that is not documented. */
  event: string;
  direction: "sent" | "received";
  fax: PhaxioFax;
  /** Tells repeated events of one fax apart: the page, or which try it was. */
  step: string;
}

/**
 * Makes sense of a form in the shape of v1, v2.0 or v2.1: which one an account sends is set in the console, whatever
 * version of the API it calls. All have the fax as JSON in `fax`; only v2.1 has `event_type`, and the two others
 * report nothing but the end.
 *
 * @throws FaxError `webhook_malformed`
 */
export function readWebhook(form: PhaxioForm): PhaxioWebhook {
  const one = (name: string): string | undefined => {
    const values = form.fields.filter(([each]) => each === name);
    // The signature does not cover the order of two parts with one name.
    if (values.length > 1) throw malformed("a part of the webhook comes twice");
    return values[0]?.[1];
  };
  const fax = phaxioFax.safeParse(parseJson(one("fax") ?? ""));
  if (!fax.success) throw malformed("the webhook has no fax with an id");
  const direction = fax.data.direction ?? one("direction");
  const page = one("page") ?? one("retry_count") ?? "";
  return {
    event: one("event_type") || "fax_completed",
    // Only a received fax comes with a file.
    direction:
      (direction ?? (form.files.length > 0 ? "received" : "sent")) === "received" ? "received" : "sent",
    fax: fax.data,
    step: /^\d{1,9}$/.test(page) ? page : "",
  };
}

/** Whether a failed fax is told without the id of its error, as v1 does: then busy, canceled and the rest look alike. */
export function lacksReason({ event, direction, fax }: PhaxioWebhook): boolean {
  const { status, failure } = statusReport(fax);
  return (
    event === "fax_completed" &&
    direction === "sent" &&
    status === "failed" &&
    failure?.providerCode?.endsWith("/-") === true
  );
}

/** What Phaxio would have called about a fax that is as it is; `undefined` while it is on its way. */
export function webhookOfState(fax: PhaxioFax): PhaxioWebhook | undefined {
  const { status } = statusReport(fax);
  if (status === "queued" || status === "in_progress" || status === "unmapped") return undefined;
  return {
    event: "fax_completed",
    direction: fax.direction === "received" ? "received" : "sent",
    fax,
    step: "",
  };
}

/**
 * What a verified webhook says happened. Events that are not documented say nothing.
 *
 * The key is the same when Phaxio delivers the same event again (up to 16 times): its kind, the fax and its state, for
 * Phaxio gives events no id and signatures no time.
 */
export function eventsOf(webhook: PhaxioWebhook, document?: FaxDocument): TransportEvent[] {
  const { event, direction, fax, step } = webhook;
  if (direction === "received") return event === "fax_completed" ? receivedEvents(fax, document) : [];
  if (event === "fax_completed") {
    const report = statusReport(fax);
    return [{ type: "status", key: `fax_completed:${fax.id}:${report.providerStatus}`, report }];
  }
  if (event === "transmitting_page" || event === "retry_scheduled") {
    return [{ type: "status", key: `${event}:${fax.id}:${step}`, report: reportOnTheWay(event, fax) }];
  }
  return [];
}

/** These two events are from before the end, whatever their copy of the fax says or leaves out. */
function reportOnTheWay(event: string, fax: PhaxioFax): StatusReport {
  const { providerId, reference, status, providerStatus } = statusReport(fax);
  return {
    providerId,
    status: status === "queued" ? status : "in_progress",
    providerStatus: fax.status ? providerStatus : event,
    ...(reference === undefined ? {} : { reference }),
  };
}

function receivedEvents(fax: PhaxioFax, document: FaxDocument | undefined): TransportEvent[] {
  const failed = fax.status === "failure";
  // A call that broke before its first page left nothing to fetch.
  if (failed && !document && !fax.num_pages) return [];
  const occurredAt = fax.completed_at ?? fax.created_at ?? fax.requested_at;
  const from = e164(fax.from_number);
  const to = e164(fax.to_number);
  return [
    {
      type: "received",
      key: `received:${fax.id}`,
      providerId: fax.id,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ...(fax.num_pages === undefined ? {} : { pages: fax.num_pages }),
      ...(failed ? { partial: true } : {}),
      ...(document ? { document } : {}),
      ...(occurredAt ? { occurredAt } : {}),
    },
  ];
}

/** v1 leaves the plus out; only a North American number with its country code is certain then. */
function e164(number: string | undefined): string | undefined {
  if (number === undefined) return undefined;
  return /^1\d{10}$/.test(number) ? normalizeNumber(`+${number}`) : normalizeNumber(number);
}

function malformed(message: string): FaxError {
  return new FaxError("webhook_malformed", message, { transportId: "phaxio" });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed("a webhook's JSON cannot be read");
  }
}
