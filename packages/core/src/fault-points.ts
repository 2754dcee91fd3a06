/**
 * Every place where a crash test may kill the process: before and after each durable write, wire call and answer.
 * In production a fault point does nothing.
 */
export const faultPointNames = [
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
  "check.before-wire",
  "check.after-wire",
  "check.before-result",
  "check.after-result",
  "cancel.before-mark",
  "cancel.after-mark",
  "cancel.before-wire",
  "cancel.after-wire",
  "cancel.before-result",
  "cancel.after-result",
  "webhook.before-verify",
  "webhook.after-verify",
  "webhook.before-blob",
  "webhook.after-blob",
  "webhook.before-record",
  "webhook.after-record",
  "event.claimed",
  "event.before-apply",
  "event.after-apply",
  "inbox.before-record",
  "inbox.after-record",
  "inbox.before-fetch",
  "inbox.after-fetch",
  "inbox.before-blob",
  "inbox.after-blob",
  "inbox.before-result",
  "inbox.after-result",
  "notice.claimed",
  "notice.before-listener",
  "notice.after-listener",
  "notice.after-removal",
] as const;

/** The name of a place where a crash test may kill the process. */
export type FaultPointName = (typeof faultPointNames)[number];

/** Port: called at every fault point. */
export type FaultPoint = (name: FaultPointName) => void | Promise<void>;
