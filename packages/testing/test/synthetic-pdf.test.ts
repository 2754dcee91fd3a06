import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { expect, test } from "vitest";
import { countPdfPages, syntheticNumber, syntheticPdf } from "../src/index.ts";
import { hasProgram } from "./has-program.ts";

test("makes a PDF whose cross-reference table points at its objects", () => {
  const text = Buffer.from(syntheticPdf({ pages: 3 })).toString("latin1");
  const start = Number(/startxref\n(\d+)/.exec(text)?.[1]);
  expect(text.slice(start, start + 4)).toBe("xref");
  const offsets = [...text.slice(start).matchAll(/^(\d{10}) 00000 n $/gm)].map((match) => Number(match[1]));
  expect(offsets).toHaveLength(3 + 2 * 3);
  offsets.forEach((offset, index) => {
    expect(text.slice(offset).startsWith(`${index + 1} 0 obj\n`)).toBe(true);
  });
});

test.skipIf(!hasProgram("pdfinfo") || !hasProgram("pdftotext"))(
  "poppler reads it without a complaint (needs poppler-utils)",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "synthetic-pdf-"));
    try {
      const file = join(folder, "a.pdf");
      writeFileSync(file, syntheticPdf({ pages: 7, text: "Bracket ( and \\ and )\nZürich" }));
      const info = spawnSync("pdfinfo", [file], { encoding: "utf8" });
      expect(info.stderr).toBe("");
      expect(info.stdout).toMatch(/Pages:\s+7\n/);
      expect(spawnSync("pdftotext", ["-f", "7", file, "-"], { encoding: "utf8" }).stdout).toContain(
        "Bracket ( and \\ and )\nZürich\nPage 7 of 7",
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

test("the same input gives the same bytes, and refuses nonsense", () => {
  expect(syntheticPdf({ text: "a" })).toEqual(syntheticPdf({ text: "a" }));
  expect(() => syntheticPdf({ pages: 0 })).toThrow(RangeError);
  expect(() => syntheticPdf({ pages: 1.5 })).toThrow(RangeError);
});

test("counts pages, also in compressed object streams, and none in other files", () => {
  expect(countPdfPages(syntheticPdf({ pages: 12 }))).toBe(12);
  expect(countPdfPages(Buffer.from("hello /Type /Page"))).toBe(0);
  const packed = deflateSync("<< /Type /Pages >> << /Type /Page >> << /Type/Page >>");
  const file = Buffer.concat([
    Buffer.from(
      `%PDF-1.5\n9 0 obj << /Type /ObjStm /Filter /FlateDecode /Length ${packed.length} >> stream\r\n`,
    ),
    packed,
    Buffer.from("\nendstream endobj"),
  ]);
  expect(countPdfPages(file)).toBe(2);
});

test("synthetic numbers are E.164 and stay in reserved ranges", () => {
  expect([0, 7, 99, 100, 10_099].map(syntheticNumber)).toEqual([
    "+12025550100",
    "+12025550107",
    "+12025550199",
    "+15005550000",
    "+15005559999",
  ]);
  expect(() => syntheticNumber(10_100)).toThrow(RangeError);
});
