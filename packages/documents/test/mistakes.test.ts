import { expect, it } from "vitest";
import {
  coverPage,
  documents,
  inspectDocument,
  mergeDocuments,
  pdfToTiff,
  stampHeader,
  textToPdf,
  tiffToPdf,
} from "../src/index.ts";
import { fixtureBytes } from "./fixture.ts";

/** What a caller without types passes. */
const untyped = (value: unknown) => value as never;

it("says what a document has to be given as", async () => {
  const made = await textToPdf("Dear Sir");
  for (const wrong of ["order.pdf", new ArrayBuffer(8), made, undefined, null]) {
    const calls: (() => Promise<unknown>)[] = [
      () => inspectDocument(untyped(wrong)),
      () => pdfToTiff(untyped(wrong)),
      () => tiffToPdf(untyped(wrong)),
      () => stampHeader(untyped(wrong), "a line"),
      () => mergeDocuments([fixtureBytes("letter-1p.pdf"), untyped(wrong ?? {})]),
    ];
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject({
        code: "request_invalid",
        message: expect.stringContaining("Uint8Array"),
      });
    }
  }
  await expect(textToPdf(untyped(5))).rejects.toMatchObject({ code: "request_invalid" });
});

it("refuses settings that are none of their words, rather than to choose another", async () => {
  const pdf = fixtureBytes("letter-1p.pdf");
  for (const name of ["resolution", "compression", "pageSize", "halftone", "engine"]) {
    const refusal = { code: "config_invalid", message: expect.stringContaining(`${name} is one of`) };
    await expect(pdfToTiff(pdf, untyped({ [name]: "high" }))).rejects.toMatchObject(refusal);
    expect(() => documents({ tiff: untyped({ [name]: "high" }) })).toThrow(expect.objectContaining(refusal));
  }
  const paper = { code: "config_invalid", message: "paper is one of a4, letter" };
  await expect(textToPdf("Dear Sir", { paper: untyped("A4") })).rejects.toMatchObject(paper);
  expect(() => documents({ paper: untyped("legal") })).toThrow(expect.objectContaining(paper));
});

it("names the control character for which a text is none", async () => {
  for (const [text, code] of [
    ["end of a DOS file\r\n\x1a", "U+001A"],
    ["\x1b[1mbold", "U+001B"],
    ["next\x85line", "U+0085"],
  ] as const) {
    await expect(inspectDocument(new TextEncoder().encode(text))).rejects.toMatchObject({
      code: "document_unsupported",
      message: expect.stringContaining(code),
    });
  }
});

it("names the field of a cover page that is no text", async () => {
  for (const value of [null, 12, ["a", "b"]]) {
    await expect(coverPage({ from: "Billing", to: untyped(value) })).rejects.toMatchObject({
      code: "request_invalid",
      message: '"to" of the cover page is not a text',
    });
  }
});
