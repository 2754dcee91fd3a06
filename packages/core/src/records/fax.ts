import type { CoverPage } from "../ports/document-engine.ts";
import type { Cost, Failure, FaxStatus } from "../transport/fax-status.ts";

/** A stored document: where its bytes are and what they are. */
export interface StoredDocument {
  blobKey: string;
  mediaType: string;
  fileName: string;
  /** Bytes. */
  size: number;
  /** 64 lower-case hex digits. */
  sha256: string;
  /** Counted when it was inspected. */
  pages?: number;
}

/** Why a person has to look at a fax. */
export type ReviewReason =
  /** The provider may or may not have taken the last attempt; dialling again could send it twice. */
  | "outcome_unknown"
  /** A final state was contradicted by later proof, e.g. "delivered" after "failed". */
  | "contradiction";

/** One outbound fax. All times are UTC. */
export interface Fax {
  tenantId: string;
  /** 32 hex digits. */
  id: string;
  /** E.164. */
  to: string;
  /** E.164. */
  from?: string;
  status: FaxStatus;
  needsReview?: ReviewReason;
  /** The transport of the current (or last) attempt. */
  transportId: string;
  /** The caller's own choice; without one the engine may fail over to another transport. */
  requestedTransportId?: string;
  document: StoredDocument;
  cover?: CoverPage;
  /** Options handed to the transport. */
  options: Record<string, unknown>;
  /** The provider's id of the current (or last) attempt. */
  providerId?: string;
  /** Attempts made or open so far. */
  attempts: number;
  /** Pages confirmed by the far end. */
  pages?: number;
  cost?: Cost;
  failure?: Failure;
  /** Set with a `failed` fax of which some pages arrived; it is never sent again by itself. */
  partial?: { confirmedPages: number };
  /** When the next attempt is due, while `status` is `queued`. */
  nextAttemptAt?: Date;
  /** When somebody asked to cancel; `canceled` only once it is certain that nothing was sent. */
  cancelRequestedAt?: Date;
  /** No attempt starts after this. */
  expiresAt: Date;
  createdAt: Date;
  updatedAt: Date;
  completedAt?: Date;
  /** Grows by one with every change. */
  version: number;
}
