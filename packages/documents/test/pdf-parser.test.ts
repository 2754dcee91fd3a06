import { describe, expect, it } from "vitest";
import { PdfParser } from "../src/pdf-parser.ts";
import { PdfReadBudget } from "../src/pdf-read-budget.ts";

/** The value that stands at the start of some bytes. */
function read(text: string) {
  return new PdfParser(Buffer.from(`${text} `, "latin1"), 0, new PdfReadBudget()).readValue();
}

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));

describe("PdfParser", () => {
  it.each([
    ["0", 0],
    ["007", 7],
    ["+5", 5],
    ["-5", -5],
    ["--5", -5],
    ["-+5", -5],
    ["5.", 5],
    [".5", 0.5],
    ["-0.25", -0.25],
    ["123456789012345678", 123456789012345680],
  ])("reads the number %s", (text, value) => {
    expect(read(text)).toBe(value);
  });

  it("tells references from numbers", () => {
    expect(read("12 0 R")).toEqual({ number: 12, generation: 0 });
    expect(read("[1 2 3 0 R 4 5 R]")).toEqual([
      1,
      2,
      { number: 3, generation: 0 },
      { number: 4, generation: 5 },
    ]);
    expect(read("[1 0 Rx]".replace("Rx", "/R"))).toEqual([1, 0, "R"]);
    expect(read("[1 1.5 2 123456 3 4]")).toEqual([1, 1.5, 2, 123456, 3, 4]);
    expect(read("[1 0\\0R]".replace("\\0", "\0"))).toEqual([{ number: 1, generation: 0 }]);
    for (const text of ["12a", "1.2.3", "- 5", "[1 0 Rx]"]) expect(() => read(text)).toThrow();
  });

  it.each([
    ["(plain)", "plain"],
    ["()", ""],
    ["(a (b (c)) d)", "a (b (c)) d"],
    ["(\\(\\)\\\\)", "()\\"],
    ["(\\n\\r\\t\\b\\f\\x)", "\n\r\t\b\fx"],
    ["(\\101\\1012\\7)", "AA2\x07"],
    ["(\\53)", "+"],
    ["(a\\\nb\\\r\nc\\\rd)", "abcd"],
    ["<4142 4>", "AB@"],
    ["<>", ""],
  ])("reads the string %j", (text, value) => {
    expect(read(text)).toEqual(bytesOf(value));
  });

  it.each(["(a", "(a\\)", "(a(b)", "<41", "<4x>"])("refuses the string %j", (text) => {
    expect(() => read(text)).toThrow();
  });

  it("refuses an object of more values or bytes than any has", () => {
    expect(read(`[${"1 ".repeat(29_000)}]`)).toHaveLength(29_000);
    for (const value of ["1 ", "3 0 R ", "(a)", "/A ", "[] "]) {
      expect(() => read(`[${value.repeat(40_000)}]`)).toThrow("too large");
    }
    expect(() => read(`(${"a".repeat(2 << 20)})`)).toThrow();
  });
});
