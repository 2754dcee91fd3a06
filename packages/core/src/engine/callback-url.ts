import type { Attempt } from "../records/attempt.ts";
import type { FaxTransportV1 } from "../transport/fax-transport.ts";

/**
 * Where the provider is to report one attempt: our path for the transport with the attempt (and the tenant, unless it is
 * `default`) in the query, so that the report finds its fax even before we know the provider's id.
 */
export function callbackUrl(
  publicUrl: string | undefined,
  transport: FaxTransportV1,
  attempt: Pick<Attempt, "id" | "tenantId">,
): { callbackUrl?: string } {
  if (publicUrl === undefined || !transport.manifest.traits.status_callback) return {};
  const url = new URL(`${publicUrl}/callbacks/${transport.id}`);
  url.searchParams.set("attempt", attempt.id);
  if (attempt.tenantId !== "default") url.searchParams.set("tenant", attempt.tenantId);
  return { callbackUrl: url.href };
}

/** Reads back what {@link callbackUrl} put into the query. Whatever else stands there is ignored. */
export function readCallbackUrl(url: string): { attemptId?: string; tenantId?: string } {
  const query = URL.parse(url, "http://callback.invalid")?.searchParams;
  const attemptId = query?.get("attempt");
  const tenantId = query?.get("tenant");
  return {
    ...(attemptId && /^[0-9a-f]{32}$/.test(attemptId) ? { attemptId } : {}),
    ...(tenantId && tenantIdPattern.test(tenantId) ? { tenantId } : {}),
  };
}

/** What a tenant's id may look like: it becomes part of blob keys and URLs. */
export const tenantIdPattern = /^[A-Za-z0-9_-]{1,64}$/;
