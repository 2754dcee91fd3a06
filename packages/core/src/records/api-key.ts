/** A key to the HTTP API. Only the hash of its secret is stored. */
export interface ApiKey {
  tenantId: string;
  /** 12 hex digits: the public middle part of `fbk_live_<id>_<secret>`. Unique over all tenants. */
  id: string;
  name?: string;
  /** HMAC-SHA-256 of the secret with the host's pepper, hex. */
  secretHash: string;
  scopes: string[];
  expiresAt?: Date;
  revokedAt?: Date;
  lastUsedAt?: Date;
  createdAt: Date;
}
