import type { Notice, NoticeStore, NoticeType } from "@faxbot/core";
import { type Insertable, type Selectable, sql } from "kysely";
import { claimDue, heldClaim, noLease } from "./claims.ts";
import { dateOrNull, present, toDate, toMs } from "./column-values.ts";
import type { FaxbotDatabase } from "./faxbot-database.ts";
import type { NoticeTable } from "./faxbot-tables.ts";

/** Facts for the host that were not taken yet, in `faxbot_notices`. */
export function kyselyNoticeStore<Trx>(database: FaxbotDatabase<Trx>): NoticeStore<Trx> {
  return {
    async insert(notice, trx) {
      const row = toRow(notice);
      return database.run(trx, async (db) => {
        const result = await db
          .insertInto("faxbot_notices")
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        return result.numInsertedOrUpdatedRows === 1n;
      });
    },

    claimDue: (request, trx) =>
      database.run(trx, async (db) =>
        (await claimDue(database, db, "faxbot_notices", "due_at is not null", request)).map(fromRow),
      ),

    remove: (claim, trx) =>
      database.run(trx, async (db) => {
        const result = await db.deleteFrom("faxbot_notices").where(heldClaim(claim)).executeTakeFirst();
        return result.numDeletedRows === 1n;
      }),

    postpone: (claim, dueAt, trx) =>
      database.run(trx, async (db) => {
        const result = await db
          .updateTable("faxbot_notices")
          .set({ ...noLease, due_at: toMs(dueAt), tries: sql<number>`tries + 1` })
          .where(heldClaim(claim))
          .executeTakeFirst();
        return result.numUpdatedRows === 1n;
      }),
  };
}

function toRow(notice: Notice): Insertable<NoticeTable> {
  return {
    tenant_id: notice.tenantId,
    id: notice.id,
    type: notice.type,
    subject_id: notice.subjectId,
    tries: notice.tries,
    due_at: toMs(notice.dueAt),
    fence: notice.fence,
    lease_owner: notice.leaseOwner ?? null,
    lease_until: toMs(notice.leaseUntil),
    created_at: toMs(notice.createdAt),
  };
}

function fromRow(row: Selectable<NoticeTable>): Notice {
  return {
    tenantId: row.tenant_id,
    id: row.id,
    type: row.type as NoticeType,
    subjectId: row.subject_id,
    tries: Number(row.tries),
    dueAt: toDate(row.due_at),
    fence: Number(row.fence),
    createdAt: toDate(row.created_at),
    ...present({ leaseOwner: row.lease_owner, leaseUntil: dateOrNull(row.lease_until) }),
  };
}
