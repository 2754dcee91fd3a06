/** How {@link normalizeNumber} reads a number without a country code. */
export interface NormalizeNumberOptions {
  /**
   * `"1"`: ten digits are a number of the North American plan, eleven digits that start with 1 are one too, and `011`
   * is its international prefix. Without it a number has to carry its country code (`+` or `00`). Other country codes
   * are not offered: whether a leading 0 belongs to the number differs from country to country, and a guess would fax a stranger.
   */
  defaultCountryCode?: "1";
}

/** ITU-T E.164: a plus, no leading zero, at most 15 digits. */
const e164 = /^\+[1-9]\d{1,14}$/;
/** The shortest number that can be a fax destination, in digits without the plus. */
const fewestDigits = 8;
/** NANP: area code `[2-9][0-8]x` but never `x11`, exchange `[2-9]xx`. Which area codes are assigned is the provider's matter. */
const northAmerican = /^\+1(?!.11)[2-9][0-8]\d[2-9]\d{6}$/;
const separators = /[\s().-]/g;
/** `+44 (0)20 …`: the zero is dialled only inside the country. Keeping it and dropping it would both be guesses. */
const trunkZero = /\(\s*0\s*\)/;

/**
 * Tells whether a text is a number in E.164 form: `+`, then 2 to 15 digits, the first not 0. Says nothing about
 * whether the number exists.
 *
 * @example
 * isE164("+12025550123"); // true
 * isE164("202-555-0123"); // false
 */
export function isE164(text: string): boolean {
  return e164.test(text);
}

/**
 * Brings a number that a person wrote into E.164 form, without guessing.
 *
 * Spaces, brackets, dots and hyphens are dropped and `00` becomes `+`. Letters, extensions and numbers whose country
 * is not certain are refused; so are numbers of the North American plan with a wrong length or an impossible area code.
 *
 * @returns the number in E.164 form, or `undefined` when the text is not one certain number
 * @example
 * normalizeNumber("+44 20 7123 4567"); // "+442071234567"
 * normalizeNumber("(202) 555-0123", { defaultCountryCode: "1" }); // "+12025550123"
 * normalizeNumber("(202) 555-0123"); // undefined: which country?
 */
export function normalizeNumber(text: string, options: NormalizeNumberOptions = {}): string | undefined {
  if (text.length > 64 || trunkZero.test(text)) return undefined;
  const compact = text.replaceAll(separators, "");
  if (!/^\+?\d+$/.test(compact)) return undefined;
  const number = withCountryCode(compact, options.defaultCountryCode === "1");
  if (number === undefined || !e164.test(number) || number.length <= fewestDigits) return undefined;
  return number.startsWith("+1") && !northAmerican.test(number) ? undefined : number;
}

function withCountryCode(compact: string, inNorthAmerica: boolean): string | undefined {
  if (compact.startsWith("+")) return compact;
  if (compact.startsWith("00")) return `+${compact.slice(2)}`;
  if (!inNorthAmerica) return undefined;
  if (compact.startsWith("011")) return `+${compact.slice(3)}`;
  if (compact.length === 10) return `+1${compact}`;
  if (compact.length === 11 && compact.startsWith("1")) return `+${compact}`;
  return undefined;
}
