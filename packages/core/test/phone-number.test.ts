import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isE164, normalizeNumber } from "../src/transport/phone-number.ts";

describe("normalizeNumber", () => {
  test.each([
    ["+12025550123", "+12025550123"],
    ["+1 (202) 555-0123", "+12025550123"],
    ["+1.202.555.0123", "+12025550123"],
    ["0012025550123", "+12025550123"],
    ["+18005551212", "+18005551212"],
    ["+19005550123", "+19005550123"],
    ["+14165550123", "+14165550123"],
    ["+19898989898", "+19898989898"],
    ["+15005550006", "+15005550006"],
    // An N11 exchange is unusual but libphonenumber takes it, so it is the provider's to refuse.
    ["+12029110123", "+12029110123"],
    ["+442071234567", "+442071234567"],
    ["00 44 20 7123 4567", "+442071234567"],
  ])("%s is certain without a default country", (text, number) => {
    expect(normalizeNumber(text)).toBe(number);
    expect(normalizeNumber(text, { defaultCountryCode: "1" })).toBe(number);
  });

  test.each([
    ["(202) 555-0123", "+12025550123"],
    ["12025550123", "+12025550123"],
    ["011442071234567", "+442071234567"],
  ])("%s needs the default country code 1", (text, number) => {
    expect(normalizeNumber(text, { defaultCountryCode: "1" })).toBe(number);
    expect(normalizeNumber(text)).toBeUndefined();
  });

  test.each([
    "",
    "+",
    "fax",
    "+1 202 555 0123 ext 5",
    "+12025550123x5",
    "+12025550123,5",
    "+12025550123;5",
    "1-800-FLOWERS",
    "tel:+12025550123",
    "++12025550123",
    "+1+2025550123",
    "+0123456789",
    "5551234",
    // NANP: too short, too long, area code or exchange starts with 0 or 1, N11 and N9X area codes
    "+1202555012",
    "+120255501234",
    "+11234567890",
    "+12021550123",
    "+19115550123",
    "+12925550123",
    // more than 15 digits; fewer than any fax has
    "+8801234567890123456",
    "+1234567",
    // the bracketed trunk zero: keeping or dropping it would be a guess
    "+44 (0)20 7123 4567",
    // digits that are not ASCII
    "+١٢٠٢٥٥٥٠١٢٣",
    "+12025550123".padEnd(80),
  ])("refuses %j", (text) => {
    expect(normalizeNumber(text)).toBeUndefined();
    expect(normalizeNumber(text, { defaultCountryCode: "1" })).toBeUndefined();
  });

  test("what comes out is E.164, and comes out of itself unchanged", () => {
    const anything = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[+0-9() .x-]{0,20}$/),
      fc.stringMatching(/^\+?[0-9]{6,16}$/),
    );
    fc.assert(
      fc.property(anything, fc.constantFrom({}, { defaultCountryCode: "1" as const }), (text, options) => {
        const number = normalizeNumber(text, options);
        if (number === undefined) return;
        expect(isE164(number)).toBe(true);
        expect(normalizeNumber(number)).toBe(number);
      }),
      { numRuns: 2000 },
    );
  });
});

test("isE164 looks at the shape only", () => {
  expect(["+12", "+999123456789", "+123456789012345"].every(isE164)).toBe(true);
  expect(["+1", "12025550123", "+0123", "+1234567890123456", "+1 2", "+12025550123\n"].some(isE164)).toBe(
    false,
  );
});
