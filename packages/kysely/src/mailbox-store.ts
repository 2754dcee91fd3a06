import type { Mailbox, MailboxRule, MailboxStore } from "@faxbot/core";
import type { Insertable, Selectable } from "kysely";
import { fromJson, present, toDate, toJson, toMs } from "./column-values.ts";
import type { FaxbotDatabase } from "./faxbot-database.ts";
import type { MailboxRuleTable, MailboxTable } from "./faxbot-tables.ts";

/** Mailboxes in `faxbot_mailboxes` and their rules in `faxbot_mailbox_rules`. */
export function kyselyMailboxStore<Trx>(database: FaxbotDatabase<Trx>): MailboxStore<Trx> {
  return {
    async insert(mailbox, trx) {
      const row = { ...toKey(mailbox), ...toColumns(mailbox) };
      return database.run(trx, async (db) => {
        const result = await db
          .insertInto("faxbot_mailboxes")
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        return result.numInsertedOrUpdatedRows === 1n;
      });
    },

    async update(mailbox, trx) {
      const columns = toColumns(mailbox);
      return database.runUnlessTaken(trx, async (db) => {
        const result = await db
          .updateTable("faxbot_mailboxes")
          .set(columns)
          .where("tenant_id", "=", mailbox.tenantId)
          .where("id", "=", mailbox.id)
          .executeTakeFirst();
        return result.numUpdatedRows === 1n;
      });
    },

    get: (tenantId, id, trx) =>
      database.run(trx, async (db) => {
        const row = await db
          .selectFrom("faxbot_mailboxes")
          .selectAll()
          .where("tenant_id", "=", tenantId)
          .where("id", "=", id)
          .executeTakeFirst();
        return row && fromRow(row);
      }),

    list: (tenantId, trx) =>
      database.run(trx, async (db) => {
        const rows = await db
          .selectFrom("faxbot_mailboxes")
          .selectAll()
          .where("tenant_id", "=", tenantId)
          .orderBy("label")
          .execute();
        return rows.map(fromRow);
      }),

    insertRule: (rule, trx) =>
      database.run(trx, async (db) => {
        const result = await db
          .insertInto("faxbot_mailbox_rules")
          .values({
            tenant_id: rule.tenantId,
            id: rule.id,
            to_number: rule.toNumber,
            mailbox_label: rule.mailboxLabel,
            created_at: toMs(rule.createdAt),
          })
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        return result.numInsertedOrUpdatedRows === 1n;
      }),

    deleteRule: (tenantId, id, trx) =>
      database.run(trx, async (db) => {
        const result = await db
          .deleteFrom("faxbot_mailbox_rules")
          .where("tenant_id", "=", tenantId)
          .where("id", "=", id)
          .executeTakeFirst();
        return result.numDeletedRows === 1n;
      }),

    listRules: (tenantId, trx) =>
      database.run(trx, async (db) => {
        const rows = await db
          .selectFrom("faxbot_mailbox_rules")
          .selectAll()
          .where("tenant_id", "=", tenantId)
          .orderBy("to_number")
          .execute();
        return rows.map(ruleFromRow);
      }),

    findRule: (tenantId, toNumber, trx) =>
      database.run(trx, async (db) => {
        const row = await db
          .selectFrom("faxbot_mailbox_rules")
          .selectAll()
          .where("tenant_id", "=", tenantId)
          .where("to_number", "=", toNumber)
          .executeTakeFirst();
        return row && ruleFromRow(row);
      }),
  };
}

function toKey(mailbox: Mailbox): Pick<Insertable<MailboxTable>, "tenant_id" | "id"> {
  return { tenant_id: mailbox.tenantId, id: mailbox.id };
}

function toColumns(mailbox: Mailbox): Omit<Insertable<MailboxTable>, "tenant_id" | "id"> {
  return {
    label: mailbox.label,
    allowed_scopes: toJson(mailbox.allowedScopes),
    note: mailbox.note ?? null,
    created_at: toMs(mailbox.createdAt),
    updated_at: toMs(mailbox.updatedAt),
  };
}

function fromRow(row: Selectable<MailboxTable>): Mailbox {
  return {
    tenantId: row.tenant_id,
    id: row.id,
    label: row.label,
    allowedScopes: fromJson<string[]>(row.allowed_scopes),
    createdAt: toDate(row.created_at),
    updatedAt: toDate(row.updated_at),
    ...present({ note: row.note }),
  };
}

function ruleFromRow(row: Selectable<MailboxRuleTable>): MailboxRule {
  return {
    tenantId: row.tenant_id,
    id: row.id,
    toNumber: row.to_number,
    mailboxLabel: row.mailbox_label,
    createdAt: toDate(row.created_at),
  };
}
