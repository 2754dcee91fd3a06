import { z } from "zod";
import { FaxError } from "../fax-error.ts";

/**
 * The digits of a number as a dial string takes them. Nothing but digits can reach the exchange, so that no number is
 * ever read as a command.
 *
 * @param number E.164, with or without the plus
 * @throws FaxError `request_invalid` for anything but 3 to 20 digits after an optional plus
 * @example
 * dialledNumber("+12025550123"); // "12025550123"
 */
export function dialledNumber(number: string): string {
  const digits = /^\+?([0-9]{3,20})$/.exec(number)?.[1];
  // `$` also fits before a last line break.
  if (digits === undefined || number.includes("\n"))
    throw new FaxError("request_invalid", "this number cannot be dialled");
  return digits;
}

/**
 * A station id (ITU-T T.30 section 5.3.6.2.4: digits, plus and space, at most 20). Everything else is left out.
 *
 * @example
 * stationIdOf("+1 (202) 555-0123"); // "+1 202 5550123"
 */
export function stationIdOf(text: string): string {
  return text
    .replace(/[^0-9+ ]/g, "")
    .trim()
    .slice(0, 20)
    .trimEnd();
}

/**
 * A header line's text as a telephone exchange can be told it: letters, digits and a few signs, at most 50. Everything
 * that an exchange's own languages give a meaning to (quotes, commas, braces, dollar signs, line breaks) becomes a space.
 *
 * @example
 * headerTextOf("St. Mary's Hospital, {ICU}"); // "St. Mary s Hospital ICU"
 */
export function headerTextOf(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^A-Za-z0-9 .+()@:_-]+/g, " ")
    .replace(/ {2,}/g, " ")
    .trim()
    .slice(0, 50)
    .trimEnd();
}

/** The name of a trunk, gateway or dialplan context. */
export const trunkNameSchema: z.ZodString = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, "use letters, digits, _ and - only");
