import type { FaultPointName } from "@faxbot/core";

/** A fax that the child is to send. */
export interface CrashJob {
  /** The idempotency key. */
  key: string;
  /** Used by no other job, so that the emulator's faxes tell how often this one was sent. */
  to: string;
  /** Cancel it at once, or once the provider has it. */
  cancel?: "waiting" | "submitted";
}

/** What the child process is told. */
export interface ChildPlan {
  /** A SQLite file or a `postgres:` URL. */
  database: string;
  blobs: string;
  port: number;
  sinch: { url: string; projectId: string; keyId: string; keySecret: string };
  cancelUrl: string;
  /** False: no public URL, so the engine has to ask. */
  webhooks: boolean;
  /** Jobs of which no child has said yet that they were accepted, or canceled where that was asked for. */
  unanswered: CrashJob[];
  jobs: CrashJob[];
  killAt?: FaultPointName;
  /** Which hit of that point; default the first. */
  killAtHit?: number;
}

/** What a process can be doing when it is killed. */
export type Phase = "send" | "receive" | "cancel";

const status = [
  "webhook.before-verify",
  "webhook.after-verify",
  "webhook.before-record",
  "webhook.after-record",
] as const;
const events = ["event.claimed", "event.before-apply", "event.after-apply"] as const;
const notices = [
  "notice.claimed",
  "notice.before-listener",
  "notice.after-listener",
  "notice.after-removal",
] as const;
const sending = [
  "send.before-blob",
  "send.after-blob",
  "send.before-commit",
  "send.after-commit",
  "attempt.claimed",
  "attempt.before-intent",
  "attempt.after-intent",
  "attempt.before-wire",
  "attempt.after-wire",
  "attempt.before-result",
  "attempt.after-result",
] as const;

/** Every fault point that each phase passes. Together they are all there are, which a test checks. */
export const pointsOfPhase: Record<Phase, readonly FaultPointName[]> = {
  send: [
    ...sending,
    ...status,
    ...events,
    ...notices,
    "check.before-wire",
    "check.after-wire",
    "check.before-result",
    "check.after-result",
  ],
  receive: [
    ...status,
    "webhook.before-blob",
    "webhook.after-blob",
    ...events,
    "inbox.before-record",
    "inbox.after-record",
    "inbox.before-fetch",
    "inbox.after-fetch",
    "inbox.before-blob",
    "inbox.after-blob",
    "inbox.before-result",
    "inbox.after-result",
    ...notices,
  ],
  cancel: [
    ...sending,
    "cancel.before-mark",
    "cancel.after-mark",
    "cancel.before-wire",
    "cancel.after-wire",
    "cancel.before-result",
    "cancel.after-result",
    "notice.claimed",
  ],
};
