import type { StoredDocument } from "./fax.ts";

/** `receiving` until the document is stored; `deleted` after retention removed it. */
export type InboundStatus = "receiving" | "received" | "failed" | "deleted";

/** All {@link InboundStatus} words. */
export const inboundStatuses = [
  "receiving",
  "received",
  "failed",
  "deleted",
] as const satisfies InboundStatus[];

/** One received fax. All times are UTC. */
export interface InboundFax {
  tenantId: string;
  /** 32 hex digits. */
  id: string;
  transportId: string;
  /** The provider's id; unique with tenant and transport. */
  providerId: string;
  from?: string;
  to?: string;
  status: InboundStatus;
  /** The far end hung up before its last page; what came is kept. */
  partial: boolean;
  pages?: number;
  /** The PDF, once stored; of a fax that failed, what came with its event, kept as it came. Stays when its blob is deleted. */
  document?: StoredDocument;
  /** The mailbox that a rule routed it to. */
  mailbox?: string;
  /** When retention deletes the document; absent: never. */
  retentionUntil?: Date;
  /** A stable error code when `status` is `failed`. */
  error?: string;
  createdAt: Date;
  receivedAt?: Date;
  updatedAt: Date;
  version: number;
}
