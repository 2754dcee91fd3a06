import { execFile } from "node:child_process";
import { lstat, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { documentFromBytes } from "@faxbot/core/transport";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CcittDecoder } from "../src/ccitt-decoder.ts";
import { layOutCover, logoBox, ruleEnds } from "../src/cover-page-layout.ts";
import {
  type ByteParts,
  coverPage,
  inspectDocument,
  mergeDocuments,
  pdfToTiff,
  stampHeader,
  textToPdf,
} from "../src/index.ts";
import { paintRow } from "../src/paint-row.ts";
import { columnWidth } from "../src/pdf-typesetter.ts";
import { readTiff } from "../src/tiff-reader.ts";
import { fixtureBytes } from "./fixture.ts";
import { hasProgram } from "./has-program.ts";
import { PdfBuilder } from "./pdf-builder.ts";

const run = promisify(execFile);
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "faxbot-editing-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function pagesInfo(pdf: ByteParts) {
  const about = { mediaType: "application/pdf", fileName: "made.pdf" };
  return (await inspectDocument(documentFromBytes(await pdf.bytes(), about))).pages;
}

async function pagesOf(pdf: ByteParts): Promise<number> {
  return (await pagesInfo(pdf)).length;
}

/** The pixels of the first page of a fax that we wrote. */
function firstPage(tiff: Uint8Array) {
  const [page] = readTiff(tiff).pages;
  const [strip] = page?.segments() ?? [];
  if (page === undefined || strip === undefined) throw new Error("no page");
  const { width, height } = page;
  const decoder = new CcittDecoder(tiff.subarray(strip.offset), { scheme: "g4" }, width);
  const data = new Uint8Array((width / 8) * height);
  for (let y = 0; y < height && decoder.nextRow(); y += 1)
    paintRow(decoder.row, width, data, (y * width) / 8);
  return { width, height, data };
}

async function textOf(pdf: ByteParts): Promise<string> {
  const path = join(folder, "text.pdf");
  await writeFile(path, await pdf.bytes());
  return (await run("pdftotext", ["-layout", path, "-"])).stdout;
}

const mixed = "Dear Dr. Müller,\nΑγαπητέ κύριε\nУважаемый доктор\n中文 \u{1F4E0}\n";

describe("textToPdf", () => {
  it("makes the pages that the inspection counts", async () => {
    const text = Array.from({ length: 130 }, (_, index) => `line ${index + 1}`).join("\n");
    const bytes = new TextEncoder().encode(text);
    const info = await inspectDocument(
      documentFromBytes(bytes, { mediaType: "text/plain", fileName: "a.txt" }),
    );
    expect(info.pages.length).toBe(3);
    expect(await pagesOf(await textToPdf(text))).toBe(3);
  });

  it.skipIf(!hasProgram("pdftotext"))("loses no character of any script (with pdftotext)", async () => {
    const text = await textOf(await textToPdf(mixed));
    for (const word of ["Müller", "Αγαπητέ", "Уважаемый", "中", "文"]) expect(text).toContain(word);
  });

  it.skipIf(!hasProgram("pdftotext"))("leaves no gap for a soft hyphen (with pdftotext)", async () => {
    expect(await textOf(await textToPdf("Rechts\u00adanwalts\u00adkanzlei"))).toContain(
      "Rechtsanwaltskanzlei",
    );
  });

  it("refuses what is no text", async () => {
    await expect(textToPdf(fixtureBytes("letter-1p.pdf"))).rejects.toMatchObject({
      code: "document_unsupported",
    });
  });
});

describe("cover page, header, merging", () => {
  it.skipIf(!hasProgram("pdftotext"))("write what they are given (with pdftotext)", async () => {
    const cover = await coverPage({
      to: "Dr. Weiß",
      from: "Practice",
      subject: "Results",
      message: mixed,
      pages: 4,
    });
    const text = await textOf(cover);
    for (const word of ["Dr. Weiß", "Practice", "Results", "Müller", "4"]) expect(text).toContain(word);
    const stamped = await stampHeader(fixtureBytes("mixed-5p.pdf"), "+12025550123 to +12025550124");
    expect((await textOf(stamped)).match(/\+12025550124/g)).toHaveLength(5);
  });

  it("shrink a title that would not fit, also beside a logo", () => {
    const paper = [612, 792] as const;
    const endOfTitle = (title: string, logo?: Uint8Array) => {
      const [sheet] = layOutCover({ labels: { title }, ...(logo && { logo }) }, undefined, paper);
      const { text, x, size } = sheet?.lines[0] ?? { text: "", x: 0, size: 0 };
      expect(text).toBe(title);
      return { size, end: x + text.length * size * columnWidth };
    };
    expect(endOfTitle("FAX", new Uint8Array())).toMatchObject({ size: 36 });
    const long = "TELEFAX, VERTRAULICH UND PERSÖNLICH";
    expect(endOfTitle(long).end).toBeLessThanOrEqual(ruleEnds(paper)[1] + 0.01);
    const { right, width } = logoBox(paper);
    expect(endOfTitle(long, new Uint8Array()).end).toBeLessThan(right - width);
  });

  it("have the English word where none is given", async () => {
    const labels = { title: "TELEFAX", to: undefined } as unknown as { title: string };
    const [sheet] = layOutCover({ to: "Dr. Weiß", labels }, undefined, [612, 792]);
    expect(sheet?.lines.map(({ text }) => text)).toEqual(["TELEFAX", "Dr. Weiß", "To"]);
  });

  it("count the pages of all parts", async () => {
    const text = new TextEncoder().encode("one page of text\n");
    const merged = await mergeDocuments([fixtureBytes("mixed-5p.pdf"), fixtureBytes("g4-fine-3p.tif"), text]);
    expect(await pagesOf(merged)).toBe(9);
    expect(await pagesOf(await stampHeader(await merged.bytes(), "a line"))).toBe(9);
  });

  /** A PDF of one page with objects for a form field; its content leaves its own coordinates behind. */
  function page(entries: string, more = ""): Uint8Array {
    return new PdfBuilder()
      .object(1, `<</Type/Catalog/Pages 2 0 R${more}>>`)
      .object(2, "<</Type/Pages/Kids[3 0 R]/Count 1>>")
      .object(3, `<</Type/Page/Parent 2 0 R/Contents 5 0 R${entries}>>`)
      .object(4, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
      .stream(5, "", Buffer.from("0.5 0.1 0.1 0.5 9 9 cm"))
      .object(
        6,
        "<</Type/Annot/Subtype/Widget/FT/Tx/T(name)/V(Jane)/F 4/Rect[100 100 200 120]/P 3 0 R/AP<</N 7 0 R>>>>",
      )
      .stream(
        7,
        "/Type/XObject/Subtype/Form/BBox[0 0 100 20]/Resources<</Font<</F 4 0 R>>>>",
        Buffer.from("BT /F 12 Tf 2 5 Td (filled-in) Tj ET"),
      )
      .endWithTable();
  }

  it("stamp at the top of what is seen, however a page is cropped and turned", async () => {
    const stampedFax = async (entries: string) => {
      const stamped = await stampHeader(page(entries), "From +12025550123, page {page} of {pages}");
      return Buffer.from((await pdfToTiff(await stamped.bytes())).tiff);
    };
    const portrait = await stampedFax("/MediaBox[0 0 400 600]");
    const landscape = await stampedFax("/MediaBox[0 0 600 400]");
    // What is seen of it is 600 wide and 400 high before it is turned.
    const cropped = "/MediaBox[-50 -50 700 500]/CropBox[40 30 640 430]";
    for (const [turn, upright] of [
      [0, landscape],
      [90, portrait],
      [180, landscape],
      [-90, portrait],
      [450, portrait],
    ] as const) {
      expect(upright.equals(await stampedFax(`${cropped}/Rotate ${turn}`)), `turned by ${turn}`).toBe(true);
    }
    // And there it is a line at the top, with nothing below.
    const { data, width, height } = firstPage(portrait);
    const rows = Array.from({ length: height }, (_, y) =>
      data.subarray((y * width) / 8, ((y + 1) * width) / 8),
    );
    const inked = rows.flatMap((row, y) => (row.some((byte) => byte !== 0) ? [y] : []));
    expect(Math.min(...inked)).toBeGreaterThan(0);
    expect(Math.max(...inked)).toBeLessThan((12 / 72) * 196);
    expect(firstPage(Buffer.from((await pdfToTiff(page("/MediaBox[0 0 400 600]"))).tiff)).data).toEqual(
      new Uint8Array(data.length),
    );
  });

  it("stamp letters of one size, however wide a page is and whichever way it is turned", async () => {
    const rowsOf = async (box: string) => {
      const stamped = await stampHeader(page(`/MediaBox[${box}]`), "From +12025550123");
      const { data, width, height } = firstPage((await pdfToTiff(await stamped.bytes())).tiff);
      // A landscape page is turned, so the line stands along the left edge.
      const inked = new Set<number>();
      for (let at = 0; at < data.length * 8; at += 1) {
        if (((data[at >> 3] ?? 0) & (0x80 >> (at & 7))) === 0) continue;
        inked.add(box.startsWith("0 0 900") ? at % width : Math.floor(at / width));
      }
      expect(height).toBeGreaterThan(0);
      return inked.size;
    };
    const usual = await rowsOf("0 0 600 800");
    expect(Math.abs((await rowsOf("0 0 216 400")) - usual)).toBeLessThanOrEqual(1);
    expect(Math.abs((await rowsOf("0 0 900 600")) - usual * (204 / 196))).toBeLessThanOrEqual(2);
    expect(Math.abs((await rowsOf("0 0 842 1191")) - usual)).toBeLessThanOrEqual(1);
  });

  it.skipIf(!hasProgram("pdftotext"))("keep what is filled in in forms (with pdftotext)", async () => {
    const form = page("/MediaBox[0 0 300 300]/Annots[6 0 R]", "/AcroForm<</Fields[6 0 R]>>");
    const plain = page("/MediaBox[0 0 300 300]");
    for (const parts of [
      [form, plain],
      [plain, form],
      [form, form],
    ]) {
      const merged = await mergeDocuments(parts);
      const forms = parts.filter((part) => part === form).length;
      expect((await textOf(merged)).match(/filled-in/g)).toHaveLength(forms);
      // And it is faxed.
      const blank = await pdfToTiff(await (await mergeDocuments(parts.map(() => plain))).bytes());
      const fax = await pdfToTiff(await merged.bytes());
      for (const [index, part] of parts.entries()) {
        const [more, less] = [fax.pages[index]?.bytes ?? 0, blank.pages[index]?.bytes ?? 0];
        if (part === form) expect(more).toBeGreaterThan(less);
        else expect(more).toBe(less);
      }
    }
    expect(await textOf(await stampHeader(form, "stamp"))).toMatch(/stamp[\s\S]*filled-in/);
  });

  it("never see a document that the inspection refuses", async () => {
    for (const name of ["bomb-tree.pdf", "loop.pdf", "encrypted-user.pdf"]) {
      await expect(stampHeader(fixtureBytes(name), "a line")).rejects.toMatchObject({ code: /^document_/ });
      await expect(mergeDocuments([fixtureBytes(name)])).rejects.toMatchObject({ code: /^document_/ });
    }
  });
});

describe("faxbot-documents", () => {
  const program = new URL("../dist/faxbot-documents.js", import.meta.url).pathname;
  const call = (...args: string[]) => callNode(args);
  const callNode = async (
    args: string[],
    nodeOptions: string[] = [],
  ): Promise<{ code: number; out: string; err: string }> => {
    try {
      const { stdout, stderr } = await run(
        process.execPath,
        [...nodeOptions, decodeURIComponent(program), ...args],
        { cwd: folder },
      );
      return { code: 0, out: stdout, err: stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, out: stdout, err: stderr };
    }
  };

  it("inspects and converts", async () => {
    await writeFile(join(folder, "a.pdf"), fixtureBytes("letter-1p.pdf"));
    expect(await call("inspect", "a.pdf")).toMatchObject({
      code: 0,
      out: expect.stringContaining("1 page\n"),
    });
    const fax = await call("to-fax", "a.pdf", "-o", "a.tif", "--resolution", "standard");
    expect(fax).toMatchObject({ code: 0, err: "page 1 of 1\n" });
    expect((await call("inspect", "a.tif")).out).toContain("204 x 98 dpi");
    expect((await call("to-pdf", "a.tif", "-o", "b.pdf")).code).toBe(0);
    expect((await readFile(join(folder, "b.pdf"))).subarray(0, 5).toString()).toBe("%PDF-");
  });

  it("tells sizes with their units", async () => {
    await writeFile(join(folder, "a.txt"), "Dear Sir");
    await writeFile(join(folder, "a.pdf"), fixtureBytes("letter-1p.pdf"));
    expect((await call("inspect", "a.txt")).out).toContain("page 1: 80 x 60 characters\n");
    expect((await call("inspect", "a.pdf")).out).toContain("page 1: 595.28 x 841.89 points\n");
  });

  it("reads standard input and writes standard output", async () => {
    await writeFile(join(folder, "a.txt"), "Dear Sir");
    const shell = async (line: string) =>
      (await run("sh", ["-c", line, process.execPath, decodeURIComponent(program)], { cwd: folder })).stdout;
    expect(await shell('cat a.txt | "$0" "$1" to-pdf - | "$0" "$1" inspect -')).toContain("pdf, 1 page\n");
    expect(await shell('"$0" "$1" to-pdf a.txt -o /dev/stdout | "$0" "$1" inspect -')).toContain(
      "pdf, 1 page\n",
    );
    // Whoever reads may stop: that is no crash.
    await writeFile(join(folder, "long.txt"), "a\f".repeat(250));
    await shell('"$0" "$1" to-pdf long.txt -o - 2>err.txt | head -c 9');
    expect(await readFile(join(folder, "err.txt"), "utf8")).toBe("faxbot-documents: write EPIPE\n");
  });

  it("replaces files, and nothing else", async () => {
    await writeFile(join(folder, "a.txt"), "Dear Sir");
    await writeFile(join(folder, "target.pdf"), "");
    await symlink("target.pdf", join(folder, "link.pdf"));
    expect((await call("to-pdf", "a.txt", "-o", "link.pdf")).code).toBe(0);
    expect((await lstat(join(folder, "link.pdf"))).isSymbolicLink()).toBe(true);
    expect((await lstat(join(folder, "target.pdf"))).size).toBeGreaterThan(1000);
    await run("mkfifo", [join(folder, "pipe")]);
    const read = readFile(join(folder, "pipe"));
    expect((await call("to-pdf", "a.txt", "-o", "pipe")).code).toBe(0);
    expect((await read).subarray(0, 5).toString()).toBe("%PDF-");
    expect((await lstat(join(folder, "pipe"))).isFIFO()).toBe(true);
    expect((await readdir(folder)).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  it("sees before the work that the output cannot be", async () => {
    await writeFile(join(folder, "same.tif"), fixtureBytes("g4-fine-3p.tif"));
    await symlink("same.tif", join(folder, "same-too.tif"));
    for (const [code, ...args] of [
      [2, "to-fax", "same.tif"],
      [2, "to-fax", "same.tif", "-o", "same-too.tif"],
      [1, "to-pdf", "same.tif", "-o", "."],
      [1, "to-pdf", "same.tif", "-o", "not-here/a.pdf"],
    ] as const) {
      const failed = await call(...args);
      expect(failed.code, args.join(" ")).toBe(code);
      expect(failed.err).not.toContain("page 1 of");
    }
  });

  it("makes the same PDF where there is no WebAssembly", async () => {
    await writeFile(join(folder, "fax.tif"), fixtureBytes("g4-fine-3p.tif"));
    expect((await call("to-pdf", "fax.tif", "-o", "with.pdf")).code).toBe(0);
    expect((await callNode(["to-pdf", "fax.tif", "-o", "without.pdf"], ["--jitless"])).code).toBe(0);
    const [one, other] = await Promise.all(
      ["with.pdf", "without.pdf"].map((name) => readFile(join(folder, name))),
    );
    expect(Buffer.compare(one as Buffer, other as Buffer)).toBe(0);
  });

  it("fits a page that is too long for a fax onto a sheet when it is told to", async () => {
    const long = new PdfBuilder().object(1, "<</Type/Catalog/Pages 2 0 R>>");
    long.object(2, "<</Type/Pages/Kids[3 0 R]/Count 1>>");
    long.object(3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 3000]/Resources<<>>>>");
    await writeFile(join(folder, "long.pdf"), long.endWithTable());
    expect(await call("to-fax", "long.pdf")).toMatchObject({
      code: 1,
      err: expect.stringContaining("longer than two sheets of A4, which a page size would change"),
    });
    expect((await call("to-fax", "long.pdf", "--page-size", "a4", "-o", "long.tif")).code).toBe(0);
    expect((await call("inspect", "long.tif")).out).toContain("1728 x 2292 pixels");
    expect((await call("to-fax", "long.pdf", "--page-size", "a5")).code).toBe(2);
  });

  it("says what is wrong, without a stack", async () => {
    await writeFile(join(folder, "bad.pdf"), "%PDF-1.4\nno more");
    const bad = await call("inspect", "bad.pdf");
    expect(bad.code).toBe(1);
    expect(bad.err).not.toContain("    at ");
    expect((await call("fold", "a.pdf")).code).toBe(2);
    expect((await call("to-fax", "a.pdf", "--resolution", "huge")).code).toBe(2);
    expect((await call("to-pdf", "a.pdf", "-o", "./a.pdf")).code).toBe(2);
    expect((await call("inspect", "not-here.pdf")).code).toBe(1);
    expect(await call("inspect", ".")).toMatchObject({
      code: 1,
      err: "faxbot-documents: . is a directory\n",
    });
    // What would do nothing.
    expect((await call("to-pdf", "a.pdf", "-o", "c.pdf", "--resolution", "fine")).code).toBe(2);
    expect((await call("inspect", "a.pdf", "-o", "c.txt")).code).toBe(2);
    expect((await call("--help")).out).toContain("to-fax FILE");
  });
});
