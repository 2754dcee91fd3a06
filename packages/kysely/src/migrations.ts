import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";
import { type DatabaseDialect, dialectOf } from "./database-dialect.ts";
import {
  deadEvent,
  doneEvent,
  onTheLine,
  openAttempt,
  pendingEvent,
  retainedInbound,
  reviewedFax,
  visibleInbound,
} from "./index-conditions.ts";

/**
 * The migrations of Faxbot's tables as Kysely's own `Migration` objects, for a host that runs all its migrations with
 * its own migrator. They only go up: going down would delete the ledger of what was sent.
 *
 * @example
 * const provider = { getMigrations: async () => ({ ...hostMigrations, ...faxbotMigrations }) };
 */
export const faxbotMigrations: Readonly<Record<string, Migration>> = {
  faxbot_0001_ledger: migration("faxbot_0001_ledger", ledger),
};

/** What differs between the databases in a table's definition. */
interface Words {
  /** Sorted and compared by bytes, whatever the database's collation is: cursors and unique indexes must not depend on it. */
  text: string;
  int: string;
  /** At the end of a table. */
  end: string;
}

const wordsOf: Record<DatabaseDialect, Words> = {
  sqlite: { text: "text", int: "integer", end: "strict" },
  postgres: { text: 'text collate "C"', int: "bigint", end: "" },
};

/** Makes a migration that also notes that it was applied, whoever runs it, so that `checkReady` can tell. */
function migration(name: string, statements: (words: Words) => string[]): Migration {
  return {
    up: async (db: Kysely<unknown>) => {
      const words = wordsOf[dialectOf(db)];
      for (const statement of statements(words)) await sql.raw(statement).execute(db);
      await sql`insert into faxbot_migrations (name, applied_at) values (${name}, ${Date.now()})`.execute(db);
    },
  };
}

/** The table that notes what was applied. */
export function migrationTable(dialect: DatabaseDialect): string {
  const { text, int, end } = wordsOf[dialect];
  return `create table if not exists faxbot_migrations (
    name ${text} not null primary key,
    applied_at ${int} not null
  ) ${end}`;
}

function ledger({ text, int, end }: Words): string[] {
  const tenant = `tenant_id ${text} not null default 'default'`;
  const lease = `fence ${int} not null, lease_owner ${text}, lease_until ${int}`;
  const document = (need: string) => `
    document_blob_key ${text} ${need},
    document_media_type ${text} ${need},
    document_file_name ${text} ${need},
    document_size ${int} ${need},
    document_sha256 ${text} ${need},
    document_pages ${int}`;
  return [
    migrationTable(end === "strict" ? "sqlite" : "postgres"),

    `create table faxbot_faxes (
      ${tenant},
      id ${text} not null,
      to_number ${text} not null,
      from_number ${text},
      status ${text} not null,
      needs_review ${text},
      transport_id ${text} not null,
      requested_transport_id ${text},
      ${document("not null")},
      cover ${text},
      options ${text} not null,
      provider_id ${text},
      attempts ${int} not null,
      pages ${int},
      cost ${text},
      failure ${text},
      confirmed_pages ${int},
      next_attempt_at ${int},
      cancel_requested_at ${int},
      expires_at ${int} not null,
      created_at ${int} not null,
      updated_at ${int} not null,
      completed_at ${int},
      version ${int} not null,
      primary key (tenant_id, id)
    ) ${end}`,
    "create index faxbot_faxes_created on faxbot_faxes (tenant_id, created_at, id)",
    "create index faxbot_faxes_status on faxbot_faxes (tenant_id, status, created_at, id)",
    "create index faxbot_faxes_to on faxbot_faxes (tenant_id, to_number, created_at, id)",
    `create index faxbot_faxes_review on faxbot_faxes (tenant_id, created_at, id) where ${reviewedFax}`,
    "create index faxbot_faxes_blob on faxbot_faxes (document_blob_key)",

    `create table faxbot_attempts (
      ${tenant},
      id ${text} not null,
      fax_id ${text} not null,
      number ${int} not null,
      transport_id ${text} not null,
      state ${text} not null,
      provider_id ${text},
      provider_status ${text},
      failure ${text},
      pages ${int},
      cost ${text},
      line_key ${text},
      due_at ${int},
      checks ${int} not null,
      ${lease},
      submitting_at ${int},
      created_at ${int} not null,
      updated_at ${int} not null,
      completed_at ${int},
      version ${int} not null,
      primary key (tenant_id, id)
    ) ${end}`,
    "create unique index faxbot_attempts_id on faxbot_attempts (id)",
    `create unique index faxbot_attempts_open on faxbot_attempts (tenant_id, fax_id) where ${openAttempt}`,
    `create unique index faxbot_attempts_line on faxbot_attempts (tenant_id, line_key) where ${onTheLine}`,
    "create index faxbot_attempts_fax on faxbot_attempts (tenant_id, fax_id, number)",
    `create index faxbot_attempts_provider
      on faxbot_attempts (tenant_id, transport_id, provider_id, created_at, number) where provider_id is not null`,
    `create index faxbot_attempts_due on faxbot_attempts (due_at) where ${openAttempt}`,

    `create table faxbot_events (
      ${tenant},
      id ${text} not null,
      transport_id ${text} not null,
      event_key ${text} not null,
      payload ${text} not null,
      state ${text} not null,
      tries ${int} not null,
      last_error ${text},
      due_at ${int} not null,
      ${lease},
      created_at ${int} not null,
      updated_at ${int} not null,
      primary key (tenant_id, id)
    ) ${end}`,
    "create unique index faxbot_events_key on faxbot_events (tenant_id, transport_id, event_key)",
    "create index faxbot_events_created on faxbot_events (tenant_id, created_at, id)",
    `create index faxbot_events_due on faxbot_events (due_at) where ${pendingEvent}`,
    `create index faxbot_events_dead on faxbot_events (tenant_id, created_at, id) where ${deadEvent}`,
    `create index faxbot_events_done on faxbot_events (created_at) where ${doneEvent}`,

    `create table faxbot_notices (
      ${tenant},
      id ${text} not null,
      type ${text} not null,
      subject_id ${text} not null,
      tries ${int} not null,
      due_at ${int} not null,
      ${lease},
      created_at ${int} not null,
      primary key (tenant_id, id)
    ) ${end}`,
    "create index faxbot_notices_due on faxbot_notices (due_at)",

    `create table faxbot_inbound_faxes (
      ${tenant},
      id ${text} not null,
      transport_id ${text} not null,
      provider_id ${text} not null,
      from_number ${text},
      to_number ${text},
      status ${text} not null,
      partial ${int} not null,
      pages ${int},
      ${document("")},
      mailbox ${text},
      retention_until ${int},
      error ${text},
      created_at ${int} not null,
      received_at ${int},
      updated_at ${int} not null,
      version ${int} not null,
      primary key (tenant_id, id)
    ) ${end}`,
    `create unique index faxbot_inbound_faxes_provider
      on faxbot_inbound_faxes (tenant_id, transport_id, provider_id)`,
    `create index faxbot_inbound_faxes_visible
      on faxbot_inbound_faxes (tenant_id, created_at, id) where ${visibleInbound}`,
    "create index faxbot_inbound_faxes_status on faxbot_inbound_faxes (tenant_id, status, created_at, id)",
    "create index faxbot_inbound_faxes_to on faxbot_inbound_faxes (tenant_id, to_number, created_at, id)",
    `create index faxbot_inbound_faxes_mailbox
      on faxbot_inbound_faxes (tenant_id, mailbox, created_at, id) where mailbox is not null`,
    `create index faxbot_inbound_faxes_retention
      on faxbot_inbound_faxes (retention_until) where ${retainedInbound}`,
    `create index faxbot_inbound_faxes_blob
      on faxbot_inbound_faxes (document_blob_key) where document_blob_key is not null`,

    `create table faxbot_idempotency_keys (
      ${tenant},
      idempotency_key ${text} not null,
      fingerprint ${text} not null,
      fax_id ${text} not null,
      created_at ${int} not null,
      primary key (tenant_id, idempotency_key)
    ) ${end}`,
    "create index faxbot_idempotency_keys_created on faxbot_idempotency_keys (created_at)",

    `create table faxbot_tokens (
      ${tenant},
      hash ${text} not null,
      purpose ${text} not null,
      subject_id ${text} not null,
      expires_at ${int} not null,
      created_at ${int} not null,
      primary key (tenant_id, hash)
    ) ${end}`,
    "create index faxbot_tokens_expires on faxbot_tokens (expires_at)",

    `create table faxbot_leases (
      name ${text} not null primary key,
      fence ${int} not null,
      owner ${text},
      lease_until ${int},
      due_at ${int}
    ) ${end}`,

    `create table faxbot_transport_state (
      ${tenant},
      transport_id ${text} not null,
      state_key ${text} not null,
      value ${text} not null,
      primary key (tenant_id, transport_id, state_key)
    ) ${end}`,

    `create table faxbot_mailboxes (
      ${tenant},
      id ${text} not null,
      label ${text} not null,
      allowed_scopes ${text} not null,
      note ${text},
      created_at ${int} not null,
      updated_at ${int} not null,
      primary key (tenant_id, id)
    ) ${end}`,
    "create unique index faxbot_mailboxes_label on faxbot_mailboxes (tenant_id, label)",

    `create table faxbot_mailbox_rules (
      ${tenant},
      id ${text} not null,
      to_number ${text} not null,
      mailbox_label ${text} not null,
      created_at ${int} not null,
      primary key (tenant_id, id)
    ) ${end}`,
    "create unique index faxbot_mailbox_rules_number on faxbot_mailbox_rules (tenant_id, to_number)",

    `create table faxbot_api_keys (
      ${tenant},
      id ${text} not null,
      name ${text},
      secret_hash ${text} not null,
      scopes ${text} not null,
      expires_at ${int},
      revoked_at ${int},
      last_used_at ${int},
      created_at ${int} not null,
      primary key (tenant_id, id)
    ) ${end}`,
    "create unique index faxbot_api_keys_id on faxbot_api_keys (id)",
  ];
}
