import { lenientText, lenientTime, lenientWholeNumber } from "@faxbot/core/transport";
import { z } from "zod";

/**
 * The wire shapes of the Sinch Fax API v3, as far as they are read. Sources: vendor OpenAPI (schema `Fax`), the vendor's
 * Node and .NET SDKs and their fixtures. Everything but the id is optional and read tolerantly: fields of the real
 * service were seen as texts and as numbers, as lists and as single values, and missing.
 */

/** `hasFile`: a boolean by the vendor's OpenAPI, `"true"` in payloads of the field. */
const flag = z
  .union([z.boolean(), z.enum(["true", "false"]).transform((word) => word === "true")])
  .optional()
  .catch(undefined);
/** A ULID today; other ids stay possible, but nothing that could leave a path or fill a log. */
const faxId = z
  .union([z.string(), z.number().transform(String)])
  .pipe(z.string().regex(/^[A-Za-z0-9_-]{1,128}$/));
/** `amount` is a text in the OpenAPI and a number in the .NET SDK's fixtures. */
const price = z
  .object({
    currencyCode: z.string().regex(/^[A-Z]{3}$/),
    amount: z
      .union([z.string(), z.number().transform(String)])
      .pipe(z.string().regex(/^\d{1,9}(\.\d{1,9})?$/)),
  })
  .optional()
  .catch(undefined);

/** One fax as Sinch tells it. */
export const sinchFax = z.object({
  id: faxId,
  direction: lenientText,
  from: lenientText,
  to: lenientText,
  status: lenientText,
  numberOfPages: lenientWholeNumber,
  pagesSentSuccessfully: lenientWholeNumber,
  price,
  createTime: lenientTime,
  completedTime: lenientTime,
  errorType: lenientText,
  errorCode: lenientWholeNumber,
  labels: z.record(z.string(), z.unknown()).optional().catch(undefined),
  hasFile: flag,
});

/** See {@link sinchFax}. */
export type SinchFax = z.output<typeof sinchFax>;

/**
 * The answer to `POST /faxes`: a bare fax for one recipient, `{faxes: […]}` for several (vendor SDKs; the OpenAPI shows
 * only the first). We send to one and read both.
 */
export const sinchSendReply = z.union([
  z.object({ faxes: z.array(sinchFax).min(1) }).transform((reply) => reply.faxes),
  sinchFax.transform((fax) => [fax]),
]);

/** The answer to `GET /faxes`. The page's number is `page` (OpenAPI) or `pageNumber` (.NET SDK). */
export const sinchFaxList = z.object({
  faxes: z.array(sinchFax.optional().catch(undefined)).default([]),
  page: lenientWholeNumber,
  pageNumber: lenientWholeNumber,
  totalPages: lenientWholeNumber,
});

/** The answer to `POST /oauth2/token` (RFC 6749; vendor SDK). */
export const sinchTokenReply = z.object({
  access_token: z
    .string()
    .min(1)
    .max(16_384)
    .regex(/^[\x21-\x7e]+$/),
  expires_in: z.coerce
    .number()
    .positive()
    .max(86_400 * 30)
    .optional()
    .catch(undefined),
});

/**
 * An error body. Two shapes are documented: `code` as a text with `details.fieldViolations`, and `code` as a number with
 * `details` as a list. Only names of fields are read, never texts.
 */
const violations = z.array(z.object({ field: z.string() }).optional().catch(undefined)).catch([]);
export const sinchErrorBody = z.object({
  details: z
    .union([
      z.object({ fieldViolations: violations }).transform((details) => details.fieldViolations),
      z
        .array(z.object({ fieldViolations: violations.default([]) }))
        .transform((details) => details.flatMap((detail) => detail.fieldViolations)),
    ])
    .optional()
    .catch(undefined),
});
