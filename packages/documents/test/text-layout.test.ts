import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { layOutText, textLayout } from "../src/text-layout.ts";

const lines = (text: string) => [...layOutText(text)].flat();

describe("layOutText", () => {
  it("wraps at a space, and inside a word only when it must", () => {
    expect(lines(`${"a".repeat(78)} bcd e`)).toEqual(["a".repeat(78), "bcd e"]);
    expect(lines("x".repeat(161))).toEqual(["x".repeat(80), "x".repeat(80), "x"]);
    expect(lines(`${"a".repeat(80)} b`)).toEqual(["a".repeat(80), "b"]);
  });

  it("knows LF, CRLF, CR, tabs and form feeds", () => {
    expect(lines("a\nb\r\nc\rd")).toEqual(["a", "b", "c", "d"]);
    expect(lines("a\n\n")).toEqual(["a", ""]);
    expect(lines("ab\tc")).toEqual(["ab      c"]);
    expect([...layOutText("a\fb")]).toEqual([["a"], ["b"]]);
    expect([...layOutText("")]).toEqual([[]]);
  });

  it("counts wide characters twice and combining ones not at all", () => {
    expect(lines("漢".repeat(41))).toEqual(["漢".repeat(40), "漢"]);
    expect(lines("e\u0301".repeat(80))).toEqual(["e\u0301".repeat(80)]);
    expect(lines("x\u00ad".repeat(81))).toEqual(["x\u00ad".repeat(80), "x\u00ad"]);
  });

  it("ends a line of marks without end, and loses none of them", () => {
    const marks = "\u0301".repeat(300_000);
    const found = lines([marks, marks, marks].join(""));
    expect(found.join("")).toBe(marks.repeat(3));
    expect(found).toHaveLength(1407);
  });

  it("makes the same lines of text in pieces, wherever it is cut", () => {
    const unit = fc.constantFrom(
      "a",
      "bc",
      " ",
      "\t",
      "\n",
      "\r",
      "\r\n",
      "\f",
      "漢",
      "é",
      "x".repeat(30),
      "\u0301".repeat(700),
    );
    fc.assert(
      fc.property(fc.array(fc.string({ unit, maxLength: 120 }), { maxLength: 8 }), (pieces) => {
        expect([...layOutText(pieces)]).toEqual([...layOutText(pieces.join(""))]);
      }),
    );
    expect(lines(`${"a".repeat(80)} `)).toEqual(["a".repeat(80)]);
  });

  it("keeps every character that is not white space, in order, and every page within its bounds", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "bc", " ", "\t", "\n", "é", "x".repeat(30)), maxLength: 400 }),
        (text) => {
          const pages = [...layOutText(text)];
          expect(pages.flat().join("").replace(/\s/g, "")).toBe(text.replace(/\s/g, ""));
          for (const page of pages) {
            expect(page.length).toBeLessThanOrEqual(textLayout.linesPerPage);
            for (const line of page) expect(line.length).toBeLessThanOrEqual(textLayout.columns);
          }
        },
      ),
    );
  });
});
