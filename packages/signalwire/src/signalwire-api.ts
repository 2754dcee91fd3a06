import { lenientText, lenientTime, lenientWholeNumber } from "@faxbot/core/transport";
import { z } from "zod";

/**
 * The wire shapes of SignalWire's Compatibility API, as far as they are read. Source: vendor API reference and OpenAPI
 * ("Fax", "FaxMedia"). Everything but the id is optional and read tolerantly: documents and examples of the vendor
 * disagree on texts and numbers, and on what is null when.
 */
const oneOf = <S extends z.ZodType>(schema: S) =>
  z.preprocess((value) => (Array.isArray(value) ? (value as unknown[])[0] : value), schema);
/** A UUID by the documents, whose own examples are none; so only what cannot leave a path or fill a log. */
const sid = oneOf(
  z.union([z.string(), z.number().transform(String)]).pipe(z.string().regex(/^[A-Za-z0-9_-]{1,128}$/)),
);
/** `-0.005` for what was charged. */
const price = oneOf(
  z
    .union([z.string(), z.number().transform((value) => value.toFixed(6).replace(/\.?0+$/, ""))])
    .pipe(z.string().regex(/^-?\d{1,9}(\.\d{1,9})?$/))
    .transform((value) => value.replace(/^-/, ""))
    .optional()
    .catch(undefined),
);
const currency = oneOf(
  z
    .string()
    .regex(/^[A-Z]{3}$/)
    .optional()
    .catch(undefined),
);

/** One fax as SignalWire tells it. */
export const signalwireFax = z.object({
  sid,
  status: lenientText,
  direction: lenientText,
  from: lenientText,
  to: lenientText,
  num_pages: lenientWholeNumber,
  price,
  price_unit: currency,
  media_sid: sid.optional().catch(undefined),
  media_url: lenientText,
  error_code: lenientText,
  error_message: lenientText,
  date_created: lenientTime,
  date_updated: lenientTime,
});

/** See {@link signalwireFax}. */
export type SignalWireFax = z.output<typeof signalwireFax>;

/** The answer to `GET /Faxes`. */
export const signalwireFaxList = z.object({
  faxes: z.array(signalwireFax.optional().catch(undefined)).default([]),
  next_page_uri: lenientText,
});

const code = z.union([
  z.number().int(),
  z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number),
]);
const coded = z.object({ code });

/**
 * The number in an error body. Three shapes are documented: `{code, message}`, `{errors: [{code, message}]}` and
 * `{errors: ["text"]}`, which has none. Texts are never read.
 */
export const signalwireErrorBody = z.union([
  coded.transform((body) => body.code),
  z
    .object({ errors: z.union([z.array(z.unknown()), z.unknown().transform((value) => [value])]) })
    .transform(({ errors }) =>
      errors.map((each) => coded.safeParse(each).data?.code).find((each) => each !== undefined),
    ),
]);
