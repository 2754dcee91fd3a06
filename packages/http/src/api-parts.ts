import type { Faxbot, Inbox, Logger } from "@faxbot/core";
import type { Authenticator } from "./authenticator.ts";
import type { TransportDirectory } from "./transport-directory.ts";

/** What the routes work with: the options of `faxbotApi`, checked and with their defaults. */
export interface ApiParts {
  readonly faxbot: Faxbot;
  readonly inbox: Inbox | undefined;
  readonly directory: TransportDirectory;
  readonly authenticate: Authenticator;
  /** Without a trailing slash. */
  readonly publicUrl: string | undefined;
  readonly maxUploadBytes: number;
  readonly maxCallbackBytes: number;
  /** Milliseconds; `undefined` leaves it to the inbox. */
  readonly inboundTokenTtlMs: number | undefined;
  readonly logger: Logger;
}

/** The part for a caller's tenant. */
export function ofTenant<Part extends { tenantId: string; forTenant(tenantId: string): Part }>(
  part: Part,
  tenantId: string,
): Part {
  return part.tenantId === tenantId ? part : part.forTenant(tenantId);
}
