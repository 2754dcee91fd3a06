import { FaxError, isFaxError } from "@faxbot/core/transport";
import { EslFailure } from "./esl-connection.ts";
import { freeswitchManifest } from "./freeswitch-manifest.ts";

const transportId = freeswitchManifest.id;
/** Asked to come again when all lines are taken: a page takes about a minute. */
const lineTakenMs = 5_000;

/** What broke while something was asked, which may be asked again. */
export function askError(error: unknown): FaxError {
  if (isFaxError(error)) return error;
  if (error instanceof EslFailure && error.kind === "unauthorized") return unauthorized(error);
  return unavailable("FreeSWITCH cannot be reached or does not answer", error);
}

/** What broke while a call was ordered: once the order was written, nobody knows whether it was carried out. */
export function sendError(error: unknown, written: boolean): FaxError {
  if (isFaxError(error)) return error;
  if (written && !(error instanceof EslFailure && error.kind === "closed")) return outcomeUnknown(error);
  return askError(error);
}

function unauthorized(cause: unknown): FaxError {
  return new FaxError("transport_unauthorized", "FreeSWITCH refuses the password or our address", {
    transportId,
    cause,
  });
}

/** Nothing was dialled, and the same can be done later. */
export function unavailable(message: string, cause?: unknown): FaxError {
  return new FaxError("transport_unavailable", message, {
    transportId,
    ...(cause instanceof EslFailure ? { cause } : {}),
  });
}

/** As many calls as are allowed are on the line. */
export function linesTaken(): FaxError {
  return new FaxError("transport_unavailable", "all lines are taken", {
    transportId,
    retryAfterMs: lineTakenMs,
  });
}

/** Nobody may dial again before somebody knows more. */
export function outcomeUnknown(cause?: unknown): FaxError {
  return new FaxError("outcome_unknown", "the call was ordered, and whether it was made is not known", {
    transportId,
    ...(cause instanceof EslFailure ? { cause } : {}),
  });
}
