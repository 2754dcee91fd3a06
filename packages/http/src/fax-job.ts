import { type Fax, failureReasons, faxStatuses } from "@faxbot/core";
import { z } from "@hono/zod-openapi";
import type { TransportDirectory } from "./transport-directory.ts";

const time = z.iso.datetime();

/** An outbound fax as the API shows it: the classic names and the v4 names side by side. */
export const faxJobSchema = z
  .object({
    id: z.string(),
    job_id: z.string().openapi({ description: "The same as id." }),
    to: z.string().openapi({ description: "E.164.", example: "+12025550123" }),
    to_number: z.string().openapi({ description: "The same as to." }),
    from_number: z.string().nullable(),
    status: z.enum(faxStatuses),
    error: z
      .enum(failureReasons)
      .nullable()
      .openapi({ description: "Why it failed, or why the last attempt did: a fixed word." }),
    needs_review: z
      .enum(["outcome_unknown", "contradiction"])
      .nullable()
      .openapi({ description: "Set while a person has to look: sending again could send twice." }),
    pages: z.int().nullable().openapi({ description: "Pages confirmed by the far end." }),
    backend: z.string(),
    provider: z.string().openapi({ description: "The same as backend." }),
    provider_sid: z.string().nullable(),
    cost: z.object({ amount: z.string(), currency: z.string() }).nullable(),
    attempts: z.int().openapi({ description: "Attempts made or open so far." }),
    next_attempt_at: time.nullable(),
    created_at: time,
    updated_at: time,
    completed_at: time.nullable(),
  })
  .openapi("FaxJob");

/** Shows a fax. */
export function faxJob(fax: Fax, directory: TransportDirectory): z.output<typeof faxJobSchema> {
  const backend = directory.backendOf(fax.transportId);
  return {
    id: fax.id,
    job_id: fax.id,
    to: fax.to,
    to_number: fax.to,
    from_number: fax.from ?? null,
    status: fax.status,
    error: fax.failure?.reason ?? null,
    needs_review: fax.needsReview ?? null,
    pages: fax.pages ?? null,
    backend,
    provider: backend,
    provider_sid: fax.providerId ?? null,
    cost: fax.cost ? { amount: fax.cost.amount, currency: fax.cost.currency } : null,
    attempts: fax.attempts,
    next_attempt_at: fax.nextAttemptAt?.toISOString() ?? null,
    created_at: fax.createdAt.toISOString(),
    updated_at: fax.updatedAt.toISOString(),
    completed_at: fax.completedAt?.toISOString() ?? null,
  };
}
