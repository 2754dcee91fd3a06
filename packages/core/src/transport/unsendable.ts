import { FaxError, isFaxError } from "./fax-error.ts";
import type { Failure } from "./fax-status.ts";
import type { SendJob } from "./fax-transport.ts";
import { isE164 } from "./phone-number.ts";
import type { TransportManifest } from "./transport-manifest.ts";

/** The error of a fax that is refused before the wire: proven not sent, and not worth trying again. */
export function unsendable(
  transportId: string,
  message: string,
  failure: Omit<Failure, "retryable">,
): FaxError {
  return new FaxError("transport_rejected", message, {
    transportId,
    failure: { retryable: false, ...failure },
  });
}

/**
 * Refuses before the wire what a provider could never send: a number that is not E.164, a document of another type than
 * the manifest accepts, options that do not fit.
 *
 * @param readOptions the transport's own check of `job.options`
 * @throws FaxError `transport_rejected` with the failure
 * @example
 * async send(job, call) {
 *   refuseUnsendable(manifest, job, readSendOptions);
 */
export function refuseUnsendable(
  { id, accepts }: Pick<TransportManifest, "id" | "accepts">,
  job: Pick<SendJob, "to" | "document" | "options">,
  readOptions: (options: SendJob["options"]) => unknown,
): void {
  if (!isE164(job.to)) throw unsendable(id, "the number is not in E.164 form", { reason: "invalid_number" });
  if (!accepts.includes(job.document.mediaType.split(";")[0] ?? "")) {
    throw unsendable(id, `${id} does not take documents of this type`, { reason: "document" });
  }
  try {
    readOptions(job.options);
  } catch (error) {
    if (!isFaxError(error, "request_invalid")) throw error;
    throw unsendable(id, error.message, { reason: "rejected", providerCode: "invalid_options" });
  }
}
