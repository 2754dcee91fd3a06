import {
  type Failure,
  FaxError,
  type FaxSpool,
  isFaxError,
  readFormOrJson,
  type StatusReport,
  type TransportEvent,
  t30CodeOf,
  type WebhookRequest,
  type WebhookResult,
} from "@faxbot/core/transport";
import { countOf } from "./event-values.ts";
import { isReceivedId, type Receptions, receivedId } from "./freeswitch-inbound.ts";
import { outboundResultPath } from "./freeswitch-manifest.ts";
import { attemptOf, channelOf } from "./freeswitch-originate.ts";
import { resultFailure } from "./freeswitch-status.ts";

/** A handful of short fields. */
const mostBytes = 16 * 1024;
const good = /^(1|true|ok|success|succeeded|delivered)$/i;
const bad = /^(0|false|fail|failed|failure|error)$/i;

type Fields = Readonly<Record<string, string>>;

/**
 * Reads a hint of the exchange whose secret was checked: what became of a fax that was sent, or that one was received,
 * by the path that was called.
 *
 * @throws FaxError `webhook_malformed`
 */
export async function readHint(
  request: WebhookRequest,
  spool: FaxSpool,
  receptions: Receptions,
): Promise<WebhookResult> {
  const fields = await readFormOrJson(request, mostBytes);
  const { pathname } = new URL(request.url);
  return pathname.endsWith(outboundResultPath)
    ? readOutboundResult(fields)
    : readInbound(fields, spool, receptions);
}

/** The key of an event that ends a call is the same from whichever side the news comes. */
export function statusEvent(report: StatusReport): TransportEvent {
  const { status, providerId, pages } = report;
  const ended = status === "delivered" || status === "failed" || status === "canceled";
  const key = ended ? `call:${providerId}:${status}` : `call:${providerId}:${status}:${pages ?? 0}`;
  return { type: "status", key, report };
}

function readOutboundResult(fields: Fields): WebhookResult {
  const uuid = fields.uuid || channelOf(fields.job_id ?? "");
  const attemptId = attemptOf(uuid ?? "");
  if (uuid === undefined || attemptId === undefined) throw malformed("the channel's id is missing");
  const word = fields.fax_status ?? "";
  // A call that never came to a fax has none; what ended it the event of its hang-up tells.
  if (word === "") return answer(uuid, "ignored", []);
  const pages = countOf(fields.fax_document_transferred_pages);
  const delivered = good.test(word);
  if (!delivered && !bad.test(word)) throw malformed("the status is not known");
  const report: StatusReport = {
    providerId: uuid,
    status: delivered ? "delivered" : "failed",
    providerStatus: delivered ? "fax_success=1" : "fax_success=0",
    reference: attemptId,
  };
  if (pages !== undefined) report.pages = pages;
  if (!delivered) report.failure = failureOf(fields);
  return answer(uuid, report.status, [statusEvent(report)]);
}

/** Told as a number, or in spandsp's words. */
function failureOf(fields: Fields): Failure {
  return resultFailure(countOf(fields.fax_result_code) ?? t30CodeOf(fields.fax_result_text ?? ""));
}

async function readInbound(fields: Fields, spool: FaxSpool, receptions: Receptions): Promise<WebhookResult> {
  const word = fields.status ?? fields.faxstatus ?? "";
  const pages = countOf(fields.pages ?? fields.faxpages);
  const partial = good.test(word) ? false : bad.test(word) ? true : undefined;
  const name = await locate(fields, spool, partial === true && !pages);
  if (name === undefined) return answer(fields.id ?? fields.uniqueid ?? "", "failed", []);
  const id = receivedId(name);
  const event = receptions.eventOf(id, {
    from: fields.from ?? fields.from_number,
    to: fields.to ?? fields.to_number,
    pages,
    partial,
  });
  return answer(id, "received", [event]);
}

/** @returns the file's name; `undefined` when there is none and none is expected */
async function locate(fields: Fields, spool: FaxSpool, mayBeMissing: boolean): Promise<string | undefined> {
  const { id, tiff_path: path } = fields;
  if (id !== undefined && !isReceivedId(id)) throw malformed("the id is none");
  if (!id && !path) throw malformed("neither id nor tiff_path is there");
  try {
    const name = await spool.locate(path || `${id}.tif`);
    if (id && receivedId(name) !== id) throw malformed("id and tiff_path speak of two files");
    return name;
  } catch (error) {
    if (isFaxError(error, "not_found") && mayBeMissing) return undefined;
    if (isFaxError(error, "not_found") || isFaxError(error, "request_invalid")) {
      throw malformed("there is no such file in the incoming folder");
    }
    throw error;
  }
}

function answer(id: string, status: string, events: TransportEvent[]): WebhookResult {
  return {
    events,
    response: {
      status: 200,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ id: isReceivedId(id) ? id : "", status }),
    },
  };
}

function malformed(message: string): FaxError {
  return new FaxError("webhook_malformed", message, { transportId: "freeswitch" });
}
