import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { documentFromFile } from "@faxbot/core/transport";
import { afterAll, describe, expect, it } from "vitest";
import { inspectDocument } from "../src/inspect-document.ts";
import { anyDocument, fixtureBytes, fixtureNames, fixtures } from "./fixture.ts";
import { hasProgram } from "./has-program.ts";
import { PdfBuilder } from "./pdf-builder.ts";

const folder = mkdtempSync(join(tmpdir(), "faxbot-inspect-"));
afterAll(() => rmSync(folder, { recursive: true }));

function inspect(bytes: Uint8Array | string, limits = {}) {
  return inspectDocument(anyDocument(bytes), limits);
}

const onePage = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>";

describe("inspectDocument: PDF", () => {
  it.each(
    fixtureNames("pdf", "pdf-odd").filter((name) => name !== "encrypted-user.pdf" && name !== "huge.pdf"),
  )("reads %s", async (name) => {
    const info = await inspect(fixtureBytes(name));
    const expected = fixtures.get(name)?.expect;
    expect(info.mediaType).toBe("application/pdf");
    expect(info.pages).toHaveLength(expected?.pages ?? -1);
    expect(info.encrypted).toBe(expected?.encrypted ?? false);
  });

  it.each(fixtureNames("pdf-invalid").filter((name) => name !== "bomb-forms.pdf"))(
    "refuses %s",
    async (name) => {
      await expect(inspect(fixtureBytes(name))).rejects.toMatchObject({ code: "document_invalid" });
    },
  );

  it("takes bytes and a Blob as well as a document", async () => {
    const bytes = fixtureBytes("mixed-5p.pdf");
    const info = await inspect(bytes);
    for (const input of [bytes, new Blob([bytes.slice()])])
      expect(await inspectDocument(input)).toEqual(info);
    for (const input of [new Uint8Array(), new Blob([])]) {
      await expect(inspectDocument(input)).rejects.toMatchObject({ code: "document_invalid" });
    }
  });

  it("counts a page whose content cannot be rendered: that shows only when it is", async () => {
    expect((await inspect(fixtureBytes("bomb-forms.pdf"))).pages).toHaveLength(1);
  });

  it("refuses a password and a page beyond the largest box", async () => {
    await expect(inspect(fixtureBytes("encrypted-user.pdf"))).rejects.toMatchObject({
      code: "document_encrypted",
    });
    await expect(inspect(fixtureBytes("huge.pdf"))).rejects.toMatchObject({ code: "document_too_large" });
    const { pages } = await inspect(fixtureBytes("huge.pdf"), { pagePoints: 3_000_000 });
    expect(pages).toHaveLength(1);
  });

  it("takes the limit of a page's size for its width and for its height", async () => {
    const page = (box: string) =>
      new PdfBuilder()
        .object(1, "<</Type/Catalog/Pages 2 0 R>>")
        .object(2, "<</Type/Pages/Kids[3 0 R]/Count 1>>")
        .object(3, `<</Type/Page/Parent 2 0 R/MediaBox[${box}]>>`)
        .endWithTable();
    expect((await inspect(page("0 0 700 700"), { pagePoints: 700 })).pages).toHaveLength(1);
    for (const box of ["0 0 701 600", "0 0 600 701", "-701 0 0 10"]) {
      await expect(inspect(page(box), { pagePoints: 700 })).rejects.toMatchObject({
        code: "document_too_large",
      });
    }
  });

  it("gives page sizes as shown: inherited, cropped, rotated", async () => {
    const { pages } = await inspect(fixtureBytes("mixed-5p.pdf"));
    expect(pages.map(({ width, height }) => [Math.round(width), Math.round(height)])).toEqual([
      [595, 842],
      [612, 792],
      [595, 842],
      [842, 595],
      [842, 595],
    ]);
    const bytes = new PdfBuilder()
      .object(1, "<</Type/Catalog/Pages 2 0 R>>")
      .object(2, "<</Type/Pages/Kids[3 0 R 4 0 R 5 0 R]/Count 3/MediaBox[0 0 600 800]/Rotate 270>>")
      .object(3, "<</Type/Page/Parent 2 0 R>>")
      .object(4, "<</Type/Page/Parent 2 0 R/Rotate 0/CropBox[700 100 100 300]>>")
      .object(5, "<</Type/Page/Parent 2 0 R/Rotate 0/MediaBox[5 5 5 5]>>")
      .endWithTable();
    expect((await inspect(bytes)).pages).toEqual([
      { width: 800, height: 600 },
      { width: 500, height: 200 },
      { width: 612, height: 792 },
    ]);
  });

  it("reads object streams, also by a search when the cross-references are damaged", async () => {
    const builder = () =>
      new PdfBuilder().objectStream(4, {
        1: "<</Type/Catalog/Pages 2 0 R>>",
        2: "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: onePage,
      });
    const places: Record<number, [number, number]> = { 1: [4, 0], 2: [4, 1], 3: [4, 2] };
    const good = builder().endWithStream(5, 1, places);
    expect((await inspect(good)).pages).toEqual([{ width: 612, height: 792 }]);
    const text = Buffer.from(good).toString("latin1");
    const damaged = Buffer.from(text.replace(/startxref\n\d+/, "startxref\n7"), "latin1");
    expect((await inspect(damaged)).pages).toEqual([{ width: 612, height: 792 }]);
  });

  it("lets the newest of several revisions decide", async () => {
    const first = new PdfBuilder()
      .object(1, "<</Type/Catalog/Pages 2 0 R>>")
      .object(2, "<</Type/Pages/Kids[3 0 R]/Count 1>>")
      .object(3, onePage)
      .endWithTable();
    const previous = Number(/startxref\n(\d+)/.exec(Buffer.from(first).toString("latin1"))?.[1]);
    const update = new PdfBuilder("").raw(first);
    const at = update.length;
    update.raw("2 0 obj\n<</Type/Pages/Kids[3 0 R 3 0 R]/Count 2>>\nendobj\n");
    const xref = update.length;
    update.raw(
      `xref\n2 1\n${String(at).padStart(10, "0")} 00000 n \ntrailer\n<</Size 4/Root 1 0 R/Prev ${previous}>>\n`,
    );
    expect((await inspect(update.end(xref))).pages).toHaveLength(2);
  });

  it("stops at a circle of cross-reference sections and of references", async () => {
    const builder = new PdfBuilder().object(1, "<</Type/Catalog/Pages 2 0 R>>").object(2, "2 0 R");
    const bytes = builder.endWithTable(`/Root 1 0 R/Prev ${builder.length}`);
    await expect(inspect(bytes)).rejects.toMatchObject({ code: "document_invalid" });
  });

  it("refuses a page that is referred to and missing", async () => {
    const bytes = new PdfBuilder()
      .object(1, "<</Type/Catalog/Pages 2 0 R>>")
      .object(2, "<</Type/Pages/Kids[3 0 R 9 0 R]/Count 2>>")
      .object(3, onePage)
      .endWithTable();
    await expect(inspect(bytes)).rejects.toMatchObject({ code: "document_invalid" });
  });

  it("refuses compressed objects that inflate without measure", async () => {
    const bomb = deflateSync(Buffer.alloc(64 << 20, 32));
    const objects = new PdfBuilder()
      .stream(4, "/Type/ObjStm/N 3/First 20/Filter/FlateDecode", bomb)
      .endWithStream(5, 1, { 1: [4, 0], 2: [4, 1], 3: [4, 2] });
    await expect(inspect(objects)).rejects.toMatchObject({ code: "document_too_large" });
    const nested = new PdfBuilder()
      .stream(4, "/Type/ObjStm/N 3/First 20/Filter[/FlateDecode/FlateDecode]", deflateSync(bomb))
      .endWithStream(5, 1, { 1: [4, 0], 2: [4, 1], 3: [4, 2] });
    await expect(inspect(nested)).rejects.toMatchObject({ code: "document_invalid" });
    const inside = new PdfBuilder()
      .objectStream(6, { 4: "<</Type/ObjStm/N 1/First 4>>" })
      .endWithStream(7, 1, { 1: [4, 0], 2: [4, 1], 4: [6, 0], 6: [4, 0] });
    await expect(inspect(inside)).rejects.toMatchObject({ code: "document_invalid" });
  });

  it("refuses more pages than the limit", async () => {
    const builder = new PdfBuilder().object(1, "<</Type/Catalog/Pages 2 0 R>>");
    const kids = Array.from({ length: 10_000 }, (_, index) => `${index + 3} 0 R`).join(" ");
    builder.object(2, `<</Type/Pages/Kids[${kids}]/Count 1>>`);
    for (let i = 0; i < 10_000; i += 1) builder.object(i + 3, onePage);
    const bytes = builder.endWithTable();
    await expect(inspect(bytes)).rejects.toMatchObject({ code: "document_too_large" });
    expect((await inspect(bytes, { pages: 10_000 })).pages).toHaveLength(10_000);
  });

  const encryptions = [
    ["40-bit RC4", ["--allow-weak-crypto", "--encrypt", "", "owner", "40", "--"]],
    ["128-bit RC4", ["--allow-weak-crypto", "--encrypt", "", "owner", "128", "--use-aes=n", "--"]],
    ["128-bit AES", ["--allow-weak-crypto", "--encrypt", "", "owner", "128", "--use-aes=y", "--"]],
    ["256-bit AES, revision 5", ["--allow-weak-crypto", "--encrypt", "", "owner", "256", "--force-R5", "--"]],
    ["256-bit AES, revision 6", ["--encrypt", "", "owner", "256", "--"]],
  ] as const;
  it.runIf(hasProgram("qpdf")).each(encryptions)(
    "opens what only an owner password protects, and refuses a user password: %s (needs qpdf)",
    async (_, options) => {
      const source = join(folder, "plain.pdf");
      const target = join(folder, "encrypted.pdf");
      writeFileSync(source, fixtureBytes("mixed-5p.pdf"));
      execFileSync("qpdf", ["--object-streams=generate", ...options, source, target]);
      const about = { mediaType: "application/pdf" };
      const info = await inspectDocument(await documentFromFile(target, about));
      expect(info).toMatchObject({ encrypted: true, pages: { length: 5 } });
      const withUser = options.map((option) => (option === "" ? "user" : option));
      execFileSync("qpdf", ["--object-streams=generate", ...withUser, source, target]);
      await expect(inspectDocument(await documentFromFile(target, about))).rejects.toMatchObject({
        code: "document_encrypted",
      });
    },
  );
});

describe("inspectDocument: TIFF", () => {
  it.each(fixtureNames("ccitt", "ccitt-nonstd", "other", "damaged"))(
    "lists the pages of %s",
    async (name) => {
      const info = await inspect(fixtureBytes(name));
      expect(info).toMatchObject({ mediaType: "image/tiff", encrypted: false });
      expect(info.pages.map(({ width, height }) => [width, height])).toEqual(
        fixtures.get(name)?.pages?.map(({ width, height }) => [width, height]),
      );
    },
  );

  it("gives the resolution in dots per inch, inferred where the file has none", async () => {
    const [perCentimetre] = (await inspect(fixtureBytes("g4-cm.tif"))).pages;
    expect(perCentimetre?.xDpi).toBeCloseTo(204, 2);
    expect(perCentimetre?.yDpi).toBeCloseTo(196, 2);
    expect((await inspect(fixtureBytes("g4-nores.tif"))).pages[0]).toMatchObject({ xDpi: 204, yDpi: 98 });
  });

  it.each(["truncated-ifd.tif", "ifd-loop.tif"])(
    "refuses %s, whose list of pages is damaged",
    async (name) => {
      await expect(inspect(fixtureBytes(name))).rejects.toMatchObject({ code: "document_invalid" });
    },
  );

  it("refuses pages and pixels above the limits", async () => {
    await expect(inspect(fixtureBytes("dimension-bomb.tif"))).rejects.toMatchObject({
      code: "document_too_large",
    });
    const bytes = fixtureBytes("g4-fine-3p.tif");
    await expect(inspect(bytes, { pages: 2 })).rejects.toMatchObject({ code: "document_too_large" });
    await expect(inspect(bytes, { pixels: 1_000_000 })).rejects.toMatchObject({ code: "document_too_large" });
    expect((await inspect(bytes, { pages: 3 })).pages).toHaveLength(3);
  });
});

describe("inspectDocument: text and the rest", () => {
  it("counts pages of text by the layout that is rendered", async () => {
    expect(await inspect("Dear Sir,\r\nyours\n")).toEqual({
      mediaType: "text/plain",
      pages: [{ width: 80, height: 60 }],
      encrypted: false,
    });
    expect((await inspect("line\n".repeat(60))).pages).toHaveLength(1);
    expect((await inspect("line\n".repeat(61))).pages).toHaveLength(2);
    expect((await inspect(`${"x".repeat(80 * 60)}`)).pages).toHaveLength(1);
    expect((await inspect(`${"x".repeat(80 * 60 + 1)}`)).pages).toHaveLength(2);
    expect((await inspect("one\ftwo\fthree\f")).pages).toHaveLength(3);
    await expect(inspect("\f".repeat(11), { pages: 10 })).rejects.toMatchObject({
      code: "document_too_large",
    });
  });

  it("takes UTF-8, UTF-16 with a mark, and Windows-1252", async () => {
    for (const bytes of [
      Buffer.from("\ufeffZażółć gęślą jaźń\n"),
      Buffer.from("\ufeffZażółć\n", "utf16le"),
      Buffer.from("\ufeffZażółć\n", "utf16le").swap16(),
      Buffer.from("Grüße\n", "latin1"),
      Buffer.from([0x93, 0x68, 0x69, 0x94]),
    ]) {
      expect((await inspect(new Uint8Array(bytes))).mediaType).toBe("text/plain");
    }
  });

  it.each([
    ["nothing", "", "document_invalid"],
    ["a NUL", "a\0b", "document_unsupported"],
    ["a NUL after the first kilobyte", `${"a\n".repeat(1000)}\0`, "document_unsupported"],
    ["an escape", "a\x1b[2Jb", "document_unsupported"],
    [
      "a picture",
      new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13]),
      "document_unsupported",
    ],
    ["undefined bytes", new Uint8Array([0x61, 0x81, 0x8d]), "document_unsupported"],
    ["broken UTF-16", new Uint8Array([0xff, 0xfe, 0x00, 0xd8]), "document_invalid"],
  ])("refuses %s", async (_, bytes, code) => {
    await expect(inspect(bytes)).rejects.toMatchObject({ code });
  });

  it("refuses by size before it reads, and a document that is not as large as it says", async () => {
    const document = anyDocument("hello");
    const unread = {
      ...document,
      size: 60 << 20,
      open: () => Promise.reject(new Error("opened")),
    };
    await expect(inspectDocument(unread)).rejects.toMatchObject({ code: "document_too_large" });
    await expect(inspectDocument({ ...document, size: 4 })).rejects.toMatchObject({
      code: "document_invalid",
    });
    await expect(inspectDocument({ ...document, size: 6 })).rejects.toMatchObject({
      code: "document_invalid",
    });
  });
});
