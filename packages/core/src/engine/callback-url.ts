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
  const query = new URLSearchParams({ attempt: attempt.id });
  if (attempt.tenantId !== "default") query.set("tenant", attempt.tenantId);
  // As text: signatures cover the public URL as it was configured, and `URL` would spell it in its own way.
  return { callbackUrl: `${publicUrl}/callbacks/${transport.id}?${query.toString()}` };
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
