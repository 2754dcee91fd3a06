import type { StatusReport } from "../transport/fax-status.ts";
import type { StoredDocument } from "./fax.ts";

/** `pending` until it was applied, `done`, or `dead` after too many tries: kept for a person to look at and replay. */
export type EventState = "pending" | "done" | "dead";

/** A provider's event as it is recorded before it is answered. */
export interface EventRecord {
  tenantId: string;
  /** 32 hex digits. */
  id: string;
  transportId: string;
  /** Unique with tenant and transport: the same event is recorded once. */
  key: string;
  payload: StatusPayload | ReceivedPayload;
  state: EventState;
  /** Tries so far. */
  tries: number;
  /** A fixed error code of the last failed try; never provider text. */
  lastError?: string;
  dueAt: Date;
  fence: number;
  leaseOwner?: string;
  leaseUntil?: Date;
  createdAt: Date;
  updatedAt: Date;
}

/** A status event's content. */
export interface StatusPayload {
  type: "status";
  report: StatusReport;
  /** The attempt that the callback URL named. */
  attemptId?: string;
}

/** A received fax's content. */
export interface ReceivedPayload {
  type: "received";
  providerId: string;
  from?: string;
  to?: string;
  pages?: number;
  partial?: boolean;
  occurredAt?: Date;
  /** The document when it came with the event. */
  document?: StoredDocument;
}
