import type { MailboxStore } from "../ports/stores.ts";
import type { Mailbox, MailboxRule } from "../records/mailbox.ts";
import { MemoryTable, memoryKey } from "./memory-table.ts";
import type { MemoryTransaction, MemoryTransactions } from "./memory-transaction.ts";

/** Mailboxes and their rules in memory. */
export function memoryMailboxStore(transactions: MemoryTransactions): MailboxStore<MemoryTransaction> {
  const mailboxes = new MemoryTable<Mailbox, "label">((mailbox) => memoryKey(mailbox.tenantId, mailbox.id), {
    label: (mailbox) => memoryKey(mailbox.tenantId, mailbox.label),
  });
  const rules = new MemoryTable<MailboxRule, "toNumber">((rule) => memoryKey(rule.tenantId, rule.id), {
    toNumber: (rule) => memoryKey(rule.tenantId, rule.toNumber),
  });
  return {
    insert: (mailbox, trx) => transactions.run(trx, (own) => mailboxes.insert(mailbox, own)),
    update: (mailbox, trx) => transactions.run(trx, (own) => mailboxes.replace(mailbox, own)),
    get: (tenantId, id, trx) => transactions.run(trx, () => mailboxes.get(memoryKey(tenantId, id))),
    list: (tenantId, trx) =>
      transactions.run(trx, () =>
        mailboxes
          .filter((mailbox) => mailbox.tenantId === tenantId)
          .sort((a, b) => byBytes(a.label, b.label)),
      ),
    insertRule: (rule, trx) => transactions.run(trx, (own) => rules.insert(rule, own)),
    deleteRule: (tenantId, id, trx) =>
      transactions.run(trx, (own) => rules.delete(memoryKey(tenantId, id), own)),
    listRules: (tenantId, trx) =>
      transactions.run(trx, () =>
        rules.filter((rule) => rule.tenantId === tenantId).sort((a, b) => byBytes(a.toNumber, b.toNumber)),
      ),
    findRule: (tenantId, toNumber, trx) =>
      transactions.run(trx, () => rules.find("toNumber", memoryKey(tenantId, toNumber))[0]),
  };
}

/** The order of the UTF-8 bytes, as databases sort with a binary collation. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
