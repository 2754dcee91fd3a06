import type { ColumnType } from "kysely";

/** A 64-bit integer: PostgreSQL's driver hands it out as text. Times are integers too: milliseconds since 1970 UTC. */
type Integer = ColumnType<number | string, number, number>;
type NullableInteger = ColumnType<number | string | null, number | null, number | null>;

interface DocumentColumns<Text extends string | null, Whole> {
  document_blob_key: Text;
  document_media_type: Text;
  document_file_name: Text;
  document_size: Whole;
  document_sha256: Text;
  document_pages: NullableInteger;
}

interface LeaseColumns {
  fence: Integer;
  lease_owner: string | null;
  lease_until: NullableInteger;
}

/** Outbound faxes. */
export interface FaxTable extends DocumentColumns<string, Integer> {
  tenant_id: string;
  id: string;
  to_number: string;
  from_number: string | null;
  status: string;
  needs_review: string | null;
  transport_id: string;
  requested_transport_id: string | null;
  /** JSON. */
  cover: string | null;
  /** JSON. */
  options: string;
  provider_id: string | null;
  attempts: Integer;
  pages: NullableInteger;
  /** JSON. */
  cost: string | null;
  /** JSON. */
  failure: string | null;
  /** Set with a partial delivery. */
  confirmed_pages: NullableInteger;
  next_attempt_at: NullableInteger;
  cancel_requested_at: NullableInteger;
  expires_at: Integer;
  created_at: Integer;
  updated_at: Integer;
  completed_at: NullableInteger;
  version: Integer;
}

/** The ledger of attempts. */
export interface AttemptTable extends LeaseColumns {
  tenant_id: string;
  id: string;
  fax_id: string;
  number: Integer;
  transport_id: string;
  state: string;
  provider_id: string | null;
  provider_status: string | null;
  /** JSON. */
  failure: string | null;
  pages: NullableInteger;
  /** JSON. */
  cost: string | null;
  line_key: string | null;
  due_at: NullableInteger;
  checks: Integer;
  submitting_at: NullableInteger;
  created_at: Integer;
  updated_at: Integer;
  completed_at: NullableInteger;
  version: Integer;
}

/** Recorded provider events. */
export interface EventTable extends LeaseColumns {
  tenant_id: string;
  id: string;
  transport_id: string;
  event_key: string;
  /** JSON. */
  payload: string;
  state: string;
  tries: Integer;
  last_error: string | null;
  due_at: Integer;
  created_at: Integer;
  updated_at: Integer;
}

/** Facts for the host that were not taken yet. */
export interface NoticeTable extends LeaseColumns {
  tenant_id: string;
  id: string;
  type: string;
  subject_id: string;
  tries: Integer;
  due_at: Integer;
  created_at: Integer;
}

/** Received faxes. */
export interface InboundFaxTable extends DocumentColumns<string | null, NullableInteger> {
  tenant_id: string;
  id: string;
  transport_id: string;
  provider_id: string;
  from_number: string | null;
  to_number: string | null;
  status: string;
  /** 0 or 1. */
  partial: Integer;
  pages: NullableInteger;
  mailbox: string | null;
  retention_until: NullableInteger;
  error: string | null;
  created_at: Integer;
  received_at: NullableInteger;
  updated_at: Integer;
  version: Integer;
}

/** Idempotency keys and the faxes they stand for. */
export interface IdempotencyKeyTable {
  tenant_id: string;
  idempotency_key: string;
  fingerprint: string;
  fax_id: string;
  created_at: Integer;
}

/** Hashes of capability tokens. */
export interface TokenTable {
  tenant_id: string;
  hash: string;
  purpose: string;
  subject_id: string;
  expires_at: Integer;
  created_at: Integer;
}

/** Leases on names, over all tenants. */
export interface LeaseTable {
  name: string;
  fence: Integer;
  owner: string | null;
  lease_until: NullableInteger;
  due_at: NullableInteger;
}

/** Small values of transports. */
export interface TransportStateTable {
  tenant_id: string;
  transport_id: string;
  state_key: string;
  value: string;
}

/** Mailboxes. */
export interface MailboxTable {
  tenant_id: string;
  id: string;
  label: string;
  /** JSON array. */
  allowed_scopes: string;
  note: string | null;
  created_at: Integer;
  updated_at: Integer;
}

/** Which number's faxes go to which mailbox. */
export interface MailboxRuleTable {
  tenant_id: string;
  id: string;
  to_number: string;
  mailbox_label: string;
  created_at: Integer;
}

/** Hashes of API keys. */
export interface ApiKeyTable {
  tenant_id: string;
  id: string;
  name: string | null;
  secret_hash: string;
  /** JSON array. */
  scopes: string;
  expires_at: NullableInteger;
  revoked_at: NullableInteger;
  last_used_at: NullableInteger;
  created_at: Integer;
}

/** Which migrations were applied. */
export interface MigrationTable {
  name: string;
  applied_at: Integer;
}

/** Faxbot's tables in the host's database. */
export interface FaxbotTables {
  faxbot_faxes: FaxTable;
  faxbot_attempts: AttemptTable;
  faxbot_events: EventTable;
  faxbot_notices: NoticeTable;
  faxbot_inbound_faxes: InboundFaxTable;
  faxbot_idempotency_keys: IdempotencyKeyTable;
  faxbot_tokens: TokenTable;
  faxbot_leases: LeaseTable;
  faxbot_transport_state: TransportStateTable;
  faxbot_mailboxes: MailboxTable;
  faxbot_mailbox_rules: MailboxRuleTable;
  faxbot_api_keys: ApiKeyTable;
  faxbot_migrations: MigrationTable;
}
