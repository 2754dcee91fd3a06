import { type FaxErrorCode, isFaxError, type Logger } from "@faxbot/core";

/**
 * What is told in place of an error's own message where that message may have been written by a provider's transport
 * or tells more about the service than a stranger should know.
 */
const fixedDetails: Partial<Record<FaxErrorCode, string>> = {
  config_invalid: "the service is not configured for this",
  webhook_unverified: "the call could not be verified",
  webhook_malformed: "the call could not be read",
  transport_unauthorized: "the provider refused the service's credentials",
  transport_rejected: "the provider refused the request",
  transport_rate_limited: "the provider asks to wait",
  transport_unavailable: "the provider cannot be reached",
  service_unavailable: "the service cannot answer now",
  outcome_unknown: "the provider's answer was lost; what became of the request is not known",
  store_unavailable: "the store cannot be reached",
};

/** Every error of the API: a sentence for people and a stable code for programs. */
export interface ErrorBody {
  detail: string;
  /** A code of `FaxError`, or `internal_error`. */
  code: FaxErrorCode | "internal_error";
}

/**
 * Answers with an error. Whatever is not a `FaxError` is `internal_error`, and nothing of it is told.
 *
 * @param status overrides the status that belongs to the error's code
 */
export function errorAnswer(error: unknown, status?: number): Response {
  const headers = new Headers({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
  if (!isFaxError(error)) {
    const body: ErrorBody = { detail: "internal error", code: "internal_error" };
    return Response.json(body, { status: 500, headers });
  }
  if (error.retryAfterMs !== undefined) {
    headers.set("retry-after", String(Math.ceil(error.retryAfterMs / 1000)));
  }
  if (error.code === "unauthorized") headers.set("www-authenticate", "Bearer");
  const body: ErrorBody = { detail: fixedDetails[error.code] ?? error.message, code: error.code };
  return Response.json(body, { status: status ?? error.status, headers });
}

/**
 * Logs what the caller is not told, without any text that may hold a number, a name or a secret: the code, and for
 * what is not a `FaxError` its class and the places in the code that it passed.
 */
export function logError(logger: Logger, error: unknown, request: { method: string; route: string }): void {
  if (isFaxError(error)) {
    if (error.status < 500) return;
    logger.warn({ ...request, code: error.code, transport: error.transportId }, "request failed");
    return;
  }
  const isError = error instanceof Error;
  logger.error(
    {
      ...request,
      error: isError ? error.constructor.name : typeof error,
      at: isError ? frames(error) : undefined,
    },
    "request failed unexpectedly",
  );
}

/** The stack without the message, which stands in front of it. */
function frames(error: Error): string {
  const head = `${error.name}: ${error.message}`;
  const stack = error.stack ?? "";
  const rest = stack.startsWith(head) ? stack.slice(head.length) : "";
  return rest
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line.startsWith("at "))
    .slice(0, 5)
    .join(" < ");
}
