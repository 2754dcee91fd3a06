import { normalizeNumber } from "@faxbot/core/transport";

/**
 * Area codes of the North American plan outside the USA, its territories and Canada (NANPA, "Geographic area codes";
 * the plan changes about once in ten years here). HumbleFax serves the USA and Canada alone.
 */
const elsewhere = new Set(
  [
    242, 246, 264, 268, 284, 345, 441, 473, 649, 658, 664, 721, 758, 767, 784, 809, 829, 849, 868, 869, 876,
  ].map(String),
);

/** Whether HumbleFax serves a number: E.164, in the USA or Canada. */
export function isServed(number: string): boolean {
  return (
    /^\+1\d{10}$/.test(number) && normalizeNumber(number) === number && !elsewhere.has(number.slice(2, 5))
  );
}

/** A number as the API wants it: digits with the leading 1, as a JSON integer (vendor's examples). */
export function wireNumber(number: string): number {
  return Number(number.slice(1));
}

/** A number as the API gives it (integer, or text with or without plus) in E.164 form, if it is one. */
export function readNumber(text: string | undefined): string | undefined {
  return text === undefined ? undefined : normalizeNumber(text, { defaultCountryCode: "1" });
}
