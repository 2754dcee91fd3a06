import { randomBytes } from "node:crypto";
import type {
  ApiKey,
  Attempt,
  EventRecord,
  Fax,
  InboundFax,
  Mailbox,
  MailboxRule,
  Notice,
  ReceivedPayload,
  StatusPayload,
  StoredDocument,
  Token,
} from "@faxbot/core";

/** Text that is hard to keep: several scripts, both directions, an astral and a combined character, quotes and SQL. */
export const hardText =
  "Ärztin 診療所 עברית 👩‍⚕️ e\u0301 \\ ' \" `; drop table faxbot_faxes; -- %_ \t\r\n $1 ?1 \u2028";

/** Whose record, and when. */
export interface Whose {
  tenantId: string;
  now: Date;
}

/** 128 random bits as 32 hex digits. */
export function randomId(): string {
  return randomBytes(16).toString("hex");
}

/** A time some milliseconds after another. */
export function after(date: Date, ms: number): Date {
  return new Date(date.getTime() + ms);
}

/** A document with every optional field. */
export function fullDocument(): Required<StoredDocument> {
  return {
    blobKey: `outbound/${randomId()}.pdf`,
    mediaType: "application/pdf",
    fileName: `Überweisung ${hardText}.pdf`,
    size: 5_000_000_000,
    sha256: "0123456789abcdef".repeat(4),
    pages: 3,
  };
}

/** A fax without any optional field. */
export function leanFax({ tenantId, now }: Whose): Fax {
  const document: StoredDocument = fullDocument();
  delete document.pages;
  return {
    tenantId,
    id: randomId(),
    to: "+12025550123",
    status: "queued",
    transportId: "test",
    document,
    options: {},
    attempts: 0,
    expiresAt: after(now, 86_400_000),
    createdAt: now,
    updatedAt: now,
    version: 1,
  };
}

/** A fax with every optional field, so that none can be forgotten. */
export function fullFax(whose: Whose): Required<Fax> {
  return {
    ...leanFax(whose),
    from: "+12025550199",
    status: "failed",
    needsReview: "outcome_unknown",
    requestedTransportId: "second account",
    document: fullDocument(),
    cover: { to: hardText, from: "A", subject: "", message: "line 1\nline 2" },
    options: { resolution: "fine", nested: { list: [1, 2.5, null, true, hardText] } },
    providerId: "prov_1",
    attempts: 2,
    pages: 0,
    cost: { amount: "0.070000000000000001", currency: "USD" },
    failure: { reason: "line_error", retryable: true, providerCode: "CALL_ERROR/17" },
    partial: { confirmedPages: 1 },
    nextAttemptAt: after(whose.now, 1),
    cancelRequestedAt: after(whose.now, 2),
    completedAt: after(whose.now, 999),
  };
}

/** An attempt without any optional field. */
export function leanAttempt({ tenantId, now }: Whose): Attempt {
  return {
    tenantId,
    id: randomId(),
    faxId: randomId(),
    number: 1,
    transportId: "test",
    state: "prepared",
    checks: 0,
    fence: 0,
    createdAt: now,
    updatedAt: now,
    version: 1,
  };
}

/** An attempt with every optional field. */
export function fullAttempt(whose: Whose): Required<Attempt> {
  return {
    ...leanAttempt(whose),
    state: "submitting",
    providerId: "prov_1",
    providerStatus: hardText,
    failure: { reason: "busy", retryable: false },
    pages: 2,
    cost: { amount: "1.10", currency: "EUR" },
    lineKey: `line ${randomId()}`,
    dueAt: after(whose.now, 3_600_000),
    checks: 4,
    fence: 7,
    leaseOwner: "worker-1",
    leaseUntil: after(whose.now, 60_000),
    submittingAt: after(whose.now, 5),
    completedAt: after(whose.now, 6),
  };
}

/** A status event without any optional field. */
export function leanEvent({ tenantId, now }: Whose): EventRecord {
  return {
    tenantId,
    id: randomId(),
    transportId: "test",
    key: randomId(),
    payload: {
      type: "status",
      report: { providerId: "prov_1", status: "unmapped", providerStatus: "odd" },
    },
    state: "pending",
    tries: 0,
    dueAt: now,
    fence: 0,
    createdAt: now,
    updatedAt: now,
  };
}

/** An event with every optional field of its own. */
export function fullEvent(whose: Whose): Required<EventRecord> {
  return {
    ...leanEvent(whose),
    key: `${hardText} ${randomId()}`,
    payload: fullReceivedPayload(whose),
    state: "dead",
    tries: 16,
    lastError: "document_invalid",
    fence: 3,
    leaseOwner: "worker-2",
    leaseUntil: after(whose.now, 30_000),
  };
}

/** A status payload with every optional field. */
export function fullStatusPayload({ now }: Whose): Required<StatusPayload> {
  return {
    type: "status",
    attemptId: randomId(),
    report: {
      providerId: "prov_1",
      status: "failed",
      providerStatus: hardText,
      reference: randomId(),
      pages: 1,
      cost: { amount: "0.07", currency: "USD" },
      failure: { reason: "busy", retryable: true, providerCode: "17" },
      occurredAt: after(now, 123),
    },
  };
}

/** A received payload with every optional field. */
export function fullReceivedPayload({ now }: Whose): Required<ReceivedPayload> {
  return {
    type: "received",
    providerId: "prov_2",
    from: "+12025550111",
    to: "+12025550112",
    pages: 4,
    partial: true,
    occurredAt: after(now, 456),
    document: fullDocument(),
  };
}

/** A notice without any optional field. */
export function leanNotice({ tenantId, now }: Whose): Notice {
  return {
    tenantId,
    id: randomId(),
    type: "fax.delivered",
    subjectId: randomId(),
    tries: 0,
    dueAt: now,
    fence: 0,
    createdAt: now,
  };
}

/** A received fax without any optional field. */
export function leanInbound({ tenantId, now }: Whose): InboundFax {
  return {
    tenantId,
    id: randomId(),
    transportId: "test",
    providerId: randomId(),
    status: "received",
    partial: false,
    createdAt: now,
    updatedAt: now,
    version: 1,
  };
}

/** A received fax with every optional field. */
export function fullInbound(whose: Whose): Required<InboundFax> {
  return {
    ...leanInbound(whose),
    from: "+12025550111",
    to: "+12025550112",
    partial: true,
    pages: 2,
    document: fullDocument(),
    mailbox: hardText,
    retentionUntil: after(whose.now, 86_400_000),
    error: "document_invalid",
    receivedAt: after(whose.now, 1_234),
  };
}

/** A mailbox with every optional field. */
export function fullMailbox({ tenantId, now }: Whose): Required<Mailbox> {
  return {
    tenantId,
    id: randomId(),
    label: `pharmacy ${randomId()}`,
    allowedScopes: ["inbound:read:pharmacy", hardText],
    note: hardText,
    createdAt: now,
    updatedAt: after(now, 1),
  };
}

/** A mailbox rule. */
export function sampleRule({ tenantId, now }: Whose, toNumber = "+12025550140"): MailboxRule {
  return { tenantId, id: randomId(), toNumber, mailboxLabel: "pharmacy", createdAt: now };
}

/** A token. */
export function sampleToken({ tenantId, now }: Whose): Token {
  return {
    tenantId,
    hash: randomId() + randomId(),
    purpose: "inbound_document",
    subjectId: randomId(),
    expiresAt: after(now, 3_600_000),
    createdAt: now,
  };
}

/** An API key with every optional field. */
export function fullApiKey({ tenantId, now }: Whose): Required<ApiKey> {
  return {
    tenantId,
    id: randomId().slice(0, 12),
    name: hardText,
    secretHash: randomId() + randomId(),
    scopes: ["fax:send", "inbound:read:pharmacy"],
    expiresAt: after(now, 1),
    revokedAt: after(now, 2),
    lastUsedAt: after(now, 3),
    createdAt: now,
  };
}

/** An API key without any optional field. */
export function leanApiKey(whose: Whose): ApiKey {
  const { tenantId, id, secretHash, scopes, createdAt } = fullApiKey(whose);
  return { tenantId, id, secretHash, scopes, createdAt };
}
