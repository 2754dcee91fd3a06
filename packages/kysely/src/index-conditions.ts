import { sql } from "kysely";

// A partial index serves a query only when the query holds the index's condition in the same words, with the same
// literals. So these words stand in the migration and in the queries, and never change: a new condition is a new index.

/** Attempts that are open. */
export const openAttempt = "state in ('prepared', 'submitting', 'submitted', 'in_progress', 'unknown')";
/** Attempts that may occupy a line. */
export const onTheLine = "line_key is not null and state in ('submitting', 'submitted', 'in_progress')";
/** Events that wait to be applied. */
export const pendingEvent = "state = 'pending'";
/** Events that were given up. */
export const deadEvent = "state = 'dead'";
/** Events that were applied. */
export const doneEvent = "state = 'done'";
/** Received faxes that a list shows unless it is asked for others. */
export const visibleInbound = "status in ('received', 'failed')";
/** Received faxes whose document retention will delete. */
export const retainedInbound = "retention_until is not null and status <> 'deleted'";
/** Faxes that wait for a person. */
export const reviewedFax = "needs_review is not null";

/** One of these conditions as a part of a query. */
export function condition(words: string) {
  return sql<boolean>`${sql.raw(words)}`;
}
