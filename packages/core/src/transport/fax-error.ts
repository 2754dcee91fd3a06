import type { Failure } from "./fax-status.ts";

/**
 * Every error code of Faxbot with the HTTP status it maps to and whether the same call may succeed later.
 * `outcome_unknown` is special: the request may have been carried out, so it must never be repeated blindly.
 */
export const faxErrorCodes = {
  config_invalid: { status: 500, retryable: false },
  request_invalid: { status: 400, retryable: false },
  document_invalid: { status: 400, retryable: false },
  document_encrypted: { status: 400, retryable: false },
  document_unsupported: { status: 415, retryable: false },
  document_too_large: { status: 413, retryable: false },
  unauthorized: { status: 401, retryable: false },
  forbidden: { status: 403, retryable: false },
  not_found: { status: 404, retryable: false },
  state_conflict: { status: 409, retryable: false },
  idempotency_conflict: { status: 409, retryable: false },
  rate_limited: { status: 429, retryable: true },
  webhook_unverified: { status: 401, retryable: false },
  webhook_malformed: { status: 400, retryable: false },
  transport_unauthorized: { status: 502, retryable: false },
  transport_rejected: { status: 502, retryable: false },
  transport_rate_limited: { status: 503, retryable: true },
  transport_unavailable: { status: 503, retryable: true },
  service_unavailable: { status: 503, retryable: true },
  outcome_unknown: { status: 504, retryable: false },
  unsupported: { status: 501, retryable: false },
  store_unavailable: { status: 503, retryable: true },
} as const satisfies Record<string, { status: number; retryable: boolean }>;

/** One of the stable error codes of {@link faxErrorCodes}. */
export type FaxErrorCode = keyof typeof faxErrorCodes;

/** What a {@link FaxError} carries besides its code and message. */
export interface FaxErrorOptions {
  /** Manifest id of the transport that the error came from. */
  transportId?: string;
  /** How long to wait before trying again, in milliseconds (a provider's `Retry-After`). */
  retryAfterMs?: number;
  /** For `transport_rejected`: what the provider said about the fax itself. */
  failure?: Failure;
  /** The error that led here. Never shown to callers of the HTTP API. */
  cause?: unknown;
}

const marker = Symbol.for("faxbot.FaxError");

/**
 * The one error class of Faxbot.
 *
 * `message` is safe to show: it never holds a phone number, a name, a document's text, a token or a secret. Recognise
 * it with {@link isFaxError}, which also works when two copies of the package are installed.
 *
 * @example
 * try {
 *   await faxbot.send({ to: "+12025550123", document });
 * } catch (error) {
 *   if (isFaxError(error, "document_encrypted")) console.log("please remove the password first");
 *   else throw error;
 * }
 */
export class FaxError extends Error {
  readonly code: FaxErrorCode;
  /** The HTTP status that this error maps to. */
  readonly status: number;
  /** True when the same call may succeed later. */
  readonly retryable: boolean;
  readonly transportId?: string;
  readonly retryAfterMs?: number;
  readonly failure?: Failure;

  constructor(code: FaxErrorCode, message: string, options: FaxErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "FaxError";
    this.code = code;
    this.status = faxErrorCodes[code].status;
    this.retryable = faxErrorCodes[code].retryable;
    if (options.transportId !== undefined) this.transportId = options.transportId;
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
    if (options.failure !== undefined) this.failure = options.failure;
    Object.defineProperty(this, marker, { value: true });
  }
}

/**
 * Tells whether a thrown value is a {@link FaxError}, also one made by another installed copy of this package.
 *
 * @param error any thrown value
 * @param code when given, only an error with this code counts
 */
export function isFaxError(error: unknown, code?: FaxErrorCode): error is FaxError {
  return (
    typeof error === "object" &&
    error !== null &&
    (error as Record<symbol, unknown>)[marker] === true &&
    (code === undefined || (error as FaxError).code === code)
  );
}
