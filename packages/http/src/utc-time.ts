import { z } from "@hono/zod-openapi";

const written = z.union([z.iso.date(), z.iso.datetime({ offset: true, local: true })]);

/**
 * A time as a caller writes it: ISO 8601, a date alone or with a time; without an offset it is UTC.
 */
export const utcTimeSchema = z
  .string()
  .transform((text, context): Date => {
    if (!written.safeParse(text).success) {
      context.addIssue({ code: "custom", message: "must be an ISO 8601 time" });
      return z.NEVER;
    }
    return new Date(/T.*(Z|[+-]\d\d:?\d\d)$/.test(text) || !text.includes("T") ? text : `${text}Z`);
  })
  .meta({ type: "string", format: "date-time" });
