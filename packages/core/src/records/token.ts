/** What a token opens. */
export type TokenPurpose = "inbound_document" | "outbound_document" | "callback";

/** A capability: random, hashed at rest, bound to one thing and one purpose. */
export interface Token {
  tenantId: string;
  /** HMAC-SHA-256 of the token, hex. The token itself is never stored. */
  hash: string;
  purpose: TokenPurpose;
  /** The id of what it opens. */
  subjectId: string;
  expiresAt: Date;
  createdAt: Date;
}
