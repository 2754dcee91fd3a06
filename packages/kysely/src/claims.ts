import type { ClaimRef, ClaimRequest } from "@faxbot/core";
import { type Selectable, sql } from "kysely";
import type { FaxbotDatabase, FaxbotKysely } from "./faxbot-database.ts";
import type { AttemptTable, EventTable, NoticeTable } from "./faxbot-tables.ts";
import { condition } from "./index-conditions.ts";

interface ClaimableRows {
  faxbot_attempts: Selectable<AttemptTable>;
  faxbot_events: Selectable<EventTable>;
  faxbot_notices: Selectable<NoticeTable>;
}

/**
 * Claims the oldest due rows in one statement. SQLite lets one process write at a time, so there one statement is
 * enough; on PostgreSQL claimers pass over rows that another one is just claiming.
 *
 * @param waiting which rows can be due at all, in the words of the table's index
 */
export async function claimDue<Table extends keyof ClaimableRows>(
  database: Pick<FaxbotDatabase<unknown>, "dialect">,
  db: FaxbotKysely,
  table: Table,
  waiting: string,
  request: ClaimRequest,
): Promise<ClaimableRows[Table][]> {
  if (request.limit <= 0) return [];
  const now = request.now.getTime();
  const due = sql`
    select tenant_id, id from ${sql.table(table)}
    where ${condition(waiting)} and due_at <= ${now} and (lease_until is null or lease_until <= ${now})
    order by due_at limit ${request.limit}`;
  const lease = sql`lease_owner = ${request.owner}, lease_until = ${now + request.leaseMs}`;
  const claim =
    database.dialect === "postgres"
      ? sql`
        with due as materialized (${due} for update skip locked)
        update ${sql.table(table)} as claimed set fence = claimed.fence + 1, ${lease}
        from due where claimed.tenant_id = due.tenant_id and claimed.id = due.id
        returning claimed.*`
      : sql`
        update ${sql.table(table)} set fence = fence + 1, ${lease}
        where (tenant_id, id) in (${due})
        returning *`;
  const { rows } = await sql<ClaimableRows[Table]>`${claim}`.execute(db);
  // Neither database promises an order of what an update returns.
  return rows.sort((a, b) => Number(a.due_at) - Number(b.due_at) || (a.id < b.id ? -1 : 1));
}

/** A claim's row, while the claim holds: a later claim has another fence, and one that was given back has no lease. */
export function heldClaim(claim: ClaimRef) {
  return sql<boolean>`tenant_id = ${claim.tenantId} and id = ${claim.id} and fence = ${claim.fence} and lease_until is not null`;
}

/** The lease columns of a claim that was given back. */
export const noLease = { lease_owner: null, lease_until: null };
