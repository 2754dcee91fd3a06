/** What the host can listen to. */
export type NoticeType =
  | "fax.queued"
  | "fax.in_progress"
  | "fax.delivered"
  | "fax.failed"
  | "fax.canceled"
  | "fax.needs_review"
  | "inbound.received"
  | "inbound.failed";

/** A fact for the host, kept in the ledger until a listener has taken it. Carries ids only. */
export interface Notice {
  tenantId: string;
  /** 32 hex digits; the same id is delivered again after a crash, so listeners can tell. */
  id: string;
  type: NoticeType;
  /** The fax or inbound fax. */
  subjectId: string;
  /** Tries so far. */
  tries: number;
  dueAt: Date;
  fence: number;
  leaseOwner?: string;
  leaseUntil?: Date;
  createdAt: Date;
}
