import { lenientText, lenientTime, lenientWholeNumber } from "@faxbot/core/transport";
import { z } from "zod";

/**
 * The wire shapes of Phaxio v2.1, and of the v1 and v2.0 webhooks that an account may still be set to, as far as they
 * are read. Sources: the vendor's documents, the recordings of phaxio-ruby, the fixtures of phaxio-java. Everything but
 * the id is optional and read tolerantly: numbers may come as texts, lists as single values, and keys may be missing.
 */
/** A whole number today; other ids stay possible, but nothing that could leave a path or fill a log. */
const faxId = z
  .union([z.string(), z.number().int().transform(String)])
  .pipe(z.string().regex(/^[A-Za-z0-9_-]{1,64}$/));

const recipient = z.object({
  status: lenientText,
  error_id: lenientWholeNumber,
  error_type: lenientText,
});
const recipients = z
  .union([z.array(recipient.optional().catch(undefined)), recipient.transform((one) => [one])])
  .optional()
  .catch(undefined);

/** One fax as Phaxio tells it. */
export const phaxioFax = z.object({
  id: faxId,
  direction: lenientText,
  num_pages: lenientWholeNumber,
  status: lenientText,
  created_at: lenientTime,
  /** v1's name of it. */
  requested_at: lenientTime,
  completed_at: lenientTime,
  from_number: lenientText,
  to_number: lenientText,
  /** In cents. */
  cost: lenientWholeNumber,
  tags: z.record(z.string(), z.unknown()).optional().catch(undefined),
  recipients,
  error_id: lenientWholeNumber,
  error_type: lenientText,
});

/** See {@link phaxioFax}. */
export type PhaxioFax = z.output<typeof phaxioFax>;

/** The answer to a call that makes or names a fax. */
export const phaxioFaxRef = z.object({ id: faxId });

/** `data` of `GET /faxes`, the good ones of it: one entry that cannot be read must not hide the others. */
export const phaxioFaxList = z
  .union([z.array(phaxioFax.optional().catch(undefined)), phaxioFax.transform((one) => [one])])
  .default([]);

const refusal = z
  .object({ success: z.union([z.literal(false), z.literal("false")]) })
  .transform(() => ({ refused: true as const }));

/**
 * The envelope of every answer: `{success, message, data, paging}`. `success: false` may come with HTTP 200 too (all
 * vendor SDKs check both). `message` is prose and never read.
 */
export function phaxioReply<S extends z.ZodType>(data: S) {
  const answer = z.object({
    data,
    paging: z.object({ per_page: lenientWholeNumber }).optional().catch(undefined),
  });
  return z.union([refusal, answer.transform((reply) => ({ refused: false as const, ...reply }))]);
}
