/** A named place for received faxes. */
export interface Mailbox {
  tenantId: string;
  id: string;
  /** Unique in the tenant, e.g. `pharmacy`. */
  label: string;
  /** Scopes of which a reader must hold one; empty: any reader. */
  allowedScopes: string[];
  note?: string;
  createdAt: Date;
  updatedAt: Date;
}

/** Routes faxes for one of our numbers into a mailbox. */
export interface MailboxRule {
  tenantId: string;
  id: string;
  /** E.164; unique in the tenant. */
  toNumber: string;
  mailboxLabel: string;
  createdAt: Date;
}
