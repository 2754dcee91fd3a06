import type { Cost, Failure } from "../transport/fax-status.ts";

/** Where one attempt is. `unknown`: it was handed over, and what became of it is not proven. */
export type AttemptState =
  | "prepared"
  | "submitting"
  | "submitted"
  | "in_progress"
  | "delivered"
  | "failed"
  | "canceled"
  | "unknown";

/** The states in which an attempt is open: at most one attempt of a fax is, by a unique index. */
export const openAttemptStates = [
  "prepared",
  "submitting",
  "submitted",
  "in_progress",
  "unknown",
] as const satisfies AttemptState[];

/** The states in which an attempt may be occupying the far end's line. */
export const onTheLineStates = ["submitting", "submitted", "in_progress"] as const satisfies AttemptState[];

/** One try to deliver a fax over one transport: a row of the ledger. */
export interface Attempt {
  tenantId: string;
  /** 128 random bits as 32 hex digits; travels to the provider as our reference. */
  id: string;
  faxId: string;
  /** 1, 2, 3 … */
  number: number;
  transportId: string;
  state: AttemptState;
  providerId?: string;
  /** The provider's own last word. */
  providerStatus?: string;
  failure?: Failure;
  pages?: number;
  cost?: Cost;
  /** While set, no other attempt with the same key may be submitted: one open call per destination. */
  lineKey?: string;
  /** When the engine should look at it next; absent: only an event or a person moves it on. */
  dueAt?: Date;
  /** How often the engine polled or reconciled it since it was submitted; spaces the next look. */
  checks: number;
  /** Grows with every claim; a writer whose fence is old has lost its claim. */
  fence: number;
  leaseOwner?: string;
  leaseUntil?: Date;
  /** When the intent to call the provider was made durable. */
  submittingAt?: Date;
  createdAt: Date;
  updatedAt: Date;
  completedAt?: Date;
  version: number;
}
