import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { inspectPdf } from "../src/pdf-inspector.ts";
import { PdfBuilder } from "./pdf-builder.ts";

const tooLarge = { code: "document_too_large" };
const page = "<</Type/Page/MediaBox[0 0 612 792]>>";

/** A catalog and a root of the page tree with these children. */
function tree(kids: string): PdfBuilder {
  return new PdfBuilder()
    .object(1, "<</Type/Catalog/Pages 2 0 R>>")
    .object(2, `<</Type/Pages/Kids[${kids}]/Count 1>>`);
}

// Each of these took more than ten seconds, most of them minutes, when nothing counted work that is asked for again.
describe("inspectPdf: the work of one file is bounded", () => {
  it("page trees that multiply without an object coming twice", async () => {
    const kids = "<</Kids 3 0 R>>".repeat(5000);
    const wide = tree(kids).object(3, `[${"<</Type/Pages>>".repeat(6000)}]`);
    await expect(inspectPdf(wide.endWithTable())).rejects.toMatchObject(tooLarge);
    const deep = tree(kids).object(3, `[${"<</Kids 3 0 R>>".repeat(5000)}]`);
    await expect(inspectPdf(deep.endWithTable())).rejects.toMatchObject(tooLarge);
  });

  it("a large object that every page refers to", async () => {
    const pages = tree("3 0 R ".repeat(4000))
      .object(3, "<</Type/Page/MediaBox[0 0 612 4 0 R]>>")
      .object(4, `(${"x".repeat(400_000)})`);
    await expect(inspectPdf(pages.endWithTable())).rejects.toMatchObject(tooLarge);
  });

  it("hundreds of cross-reference streams that inflate", async () => {
    const data = deflateSync(Buffer.alloc(7 << 20, 1));
    const pdf = tree("3 0 R").object(3, page);
    let previous = "";
    let start = 0;
    for (let section = 0; section < 200; section += 1) {
      start = pdf.length;
      pdf.stream(
        10 + section,
        `/Type/XRef/Size 1000000/W[1 4 3]/Root 1 0 R${previous}/Filter/FlateDecode`,
        data,
      );
      previous = `/Prev ${start}`;
    }
    await expect(inspectPdf(pdf.end(start))).rejects.toMatchObject(tooLarge);
  });

  it("cross-reference streams with a predictor", async () => {
    const rows = Buffer.alloc(9 * 700_000, 1);
    const pdf = tree("3 0 R").object(3, page);
    let previous = "";
    let start = 0;
    for (let section = 0; section < 20; section += 1) {
      start = pdf.length;
      const parameters = "/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 8>>";
      pdf.stream(
        10 + section,
        `/Type/XRef/Size 700000/W[1 4 3]/Root 1 0 R${previous}${parameters}`,
        deflateSync(rows),
      );
      previous = `/Prev ${start}`;
    }
    await expect(inspectPdf(pdf.end(start))).rejects.toMatchObject(tooLarge);
  });

  it("still reads a million cross-references", async () => {
    const pdf = new PdfBuilder();
    const objects = ["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>", page];
    const places = objects.map((content, index) => {
      const at = pdf.length;
      pdf.object(index + 1, content);
      return at;
    });
    const count = 1_000_000;
    const start = pdf.length;
    // A row: PNG's filter 0, then type, place and generation.
    const rows = Buffer.alloc(7 * count);
    for (let row = 0; row < count; row += 1) {
      rows[row * 7 + 1] = 1;
      rows.writeUInt32BE(places[row] ?? start, row * 7 + 2);
    }
    const parameters = "/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 6>>";
    const about = `/Type/XRef/Size ${count + 1}/Index[1 ${count}]/W[1 4 1]/Root 1 0 R${parameters}`;
    pdf.stream(4, about, deflateSync(rows));
    expect((await inspectPdf(pdf.end(start))).pages).toHaveLength(1);
  });

  it("thousands of objects without an end, one in another, when the cross-references are lost", async () => {
    const pdf = tree("3 0 R").object(3, page);
    for (let number = 10; number < 4000; number += 1) pdf.raw(`${number} 0 obj<</Type/ObjStm/A(`);
    pdf.raw(Buffer.alloc(1 << 20, 0x41)).raw("\ntrailer\n<</Root 1 0 R>>\n");
    await expect(inspectPdf(pdf.end(99_999_999))).rejects.toMatchObject(tooLarge);
  });

  it("still reads 5,000 pages of some kilobytes each", async () => {
    const kids = Array.from({ length: 5000 }, (_, index) => `${index + 3} 0 R`).join(" ");
    const pdf = tree(kids);
    const more = `/Annots[${"9 0 R ".repeat(100)}]/Note(${"x".repeat(1000)})`;
    for (let index = 0; index < 5000; index += 1) {
      pdf.object(index + 3, `<</Type/Page/MediaBox[0 0 612 792]${more}>>`);
    }
    expect((await inspectPdf(pdf.endWithTable())).pages).toHaveLength(5000);
  });
});

it("inspectPdf: finds objects of a large object stream whose places are counted wrongly", async () => {
  const pages = 2000;
  const objects: Record<number, string> = {};
  for (let index = 0; index < pages; index += 1) objects[100 + index] = page;
  const places: Record<number, [number, number]> = {};
  for (let index = 0; index < pages; index += 1) places[100 + index] = [50, pages - 1 - index];
  const kids = Object.keys(objects)
    .map((number) => `${number} 0 R`)
    .join(" ");
  const pdf = tree(kids)
    .objectStream(50, objects)
    .endWithStream(99 + pages + 1, 1, places);
  expect((await inspectPdf(pdf)).pages).toHaveLength(pages);
});
