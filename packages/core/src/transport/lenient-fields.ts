import { z } from "zod";

// What providers say is read leniently: real services were seen giving numbers as texts, single values as lists of one,
// and nothing where their documents promise something. A field that cannot be made sense of counts as missing, so that
// it never costs the rest of an answer.

/** The first of a list, and anything else as it is. */
const one = (value: unknown): unknown => (Array.isArray(value) ? (value as unknown[])[0] : value);
const lenient = <S extends z.ZodType>(schema: S) => z.preprocess(one, schema).optional().catch(undefined);

const digits = z
  .string()
  .regex(/^\d{1,12}$/)
  .transform(Number);

/** A text in a provider's answer; a number counts as its text. */
export const lenientText = lenient(z.union([z.string(), z.number().transform(String)]));

/** A count in a provider's answer: a whole number from 0 to 999,999,999, as number or text. */
export const lenientWholeNumber = lenient(
  z.union([z.number(), digits]).pipe(z.number().int().min(0).max(999_999_999)),
);

/** Not every database keeps every time that a provider could make up. */
const believable = z.date().min(new Date("1970-01-02")).max(new Date("2100-01-01"));

/**
 * A time in a provider's answer: RFC 3339 with any offset, or seconds since 1970 as number or text; from 1970 to 2099.
 */
export const lenientTime = lenient(
  z.union([
    z
      .union([z.number(), digits])
      .transform((seconds) => new Date(seconds * 1000))
      .pipe(believable),
    z
      .string()
      .regex(/\D/)
      .transform((text) => new Date(text))
      .pipe(believable),
  ]),
);
