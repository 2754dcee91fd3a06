/**
 * The scopes that calls of the API ask for. `inbound:list` and `inbound:read` may also be held for one mailbox alone:
 * `inbound:read:pharmacy`.
 */
export const apiScopes = [
  "fax:send",
  "fax:read",
  "inbound:list",
  "inbound:read",
  "keys:manage",
  "mailboxes:manage",
] as const;

/** One of {@link apiScopes}. */
export type ApiScope = (typeof apiScopes)[number];

/** The scopes that can be held for one mailbox alone. */
export type MailboxScope = Extract<ApiScope, `inbound:${string}`>;

/** Who calls, as the host's `authenticate` tells it. */
export interface Principal {
  /** Whose faxes the call may see. */
  tenantId: string;
  /** Names the caller in logs: a key's id or a user's id, never a secret or a person's name. */
  subject: string;
  /** What the caller may do; `"*"` is everything. */
  scopes: readonly string[];
}

/** Tells whether a caller holds a scope, for everything or (inbound scopes) for one mailbox at least. */
export function holdsScope(principal: Principal, scope: ApiScope): boolean {
  return principal.scopes.some(
    (held) => held === "*" || held === scope || (isMailboxScope(scope) && held.startsWith(`${scope}:`)),
  );
}

/**
 * The mailboxes for which a caller holds a scope; `undefined` means all of them, also faxes in no mailbox.
 */
export function mailboxesOf(principal: Principal, scope: MailboxScope): string[] | undefined {
  const labels = new Set<string>();
  for (const held of principal.scopes) {
    if (held === "*" || held === scope) return undefined;
    if (held.startsWith(`${scope}:`)) labels.add(held.slice(scope.length + 1));
  }
  return [...labels];
}

function isMailboxScope(scope: ApiScope): scope is MailboxScope {
  return scope === "inbound:list" || scope === "inbound:read";
}
