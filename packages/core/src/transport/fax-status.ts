/** The five public words for where a fax is. */
export type FaxStatus = "queued" | "in_progress" | "delivered" | "failed" | "canceled";

/** All {@link FaxStatus} words, in the order of a fax's life. */
export const faxStatuses = [
  "queued",
  "in_progress",
  "delivered",
  "failed",
  "canceled",
] as const satisfies FaxStatus[];

/** Why a fax was not delivered, in the same words for every provider. */
export type FailureReason =
  | "busy"
  | "no_answer"
  | "no_fax_tone"
  | "line_error"
  | "transmission_error"
  | "invalid_number"
  | "rejected"
  | "document"
  | "account"
  | "unavailable"
  | "expired"
  | "unknown";

/** All {@link FailureReason} words. */
export const failureReasons = [
  "busy",
  "no_answer",
  "no_fax_tone",
  "line_error",
  "transmission_error",
  "invalid_number",
  "rejected",
  "document",
  "account",
  "unavailable",
  "expired",
  "unknown",
] as const satisfies FailureReason[];

/** A proven failure of one attempt. */
export interface Failure {
  reason: FailureReason;
  /** Whether the provider's code says that trying again later can help. */
  retryable: boolean;
  /** The provider's own code, e.g. `"CALL_ERROR/17"`. Never free text. */
  providerCode?: string;
}

/** What a fax or a page cost. `amount` is a decimal string so that no cent is lost to floating point. */
export interface Cost {
  amount: string;
  /** ISO 4217 code, e.g. `USD`. */
  currency: string;
}

/** What a provider says about one fax. */
export interface StatusReport {
  /** The provider's id of the fax. */
  providerId: string;
  /** The canonical status, or `unmapped` when the provider's word is not in the transport's table. Unmapped is never terminal. */
  status: FaxStatus | "unmapped";
  /** The provider's own word, kept as it came. */
  providerStatus: string;
  /** Our attempt id as the provider echoes it (Sinch labels, Phaxio tag, …), when it does. */
  reference?: string;
  /** Pages confirmed by the far end. */
  pages?: number;
  cost?: Cost;
  failure?: Failure;
  /** When it happened, by the provider's clock. */
  occurredAt?: Date;
}
