import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { type ByteParts, coverPage, stampHeader, textToPdf } from "../src/index.ts";
import { fixtureBytes } from "./fixture.ts";
import { hasProgram } from "./has-program.ts";
import { popplerImages } from "./pdf-images.ts";

const folder = mkdtempSync(join(tmpdir(), "faxbot-typesetting-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a program of poppler says of a PDF. */
async function ask(program: string, pdf: ByteParts, ...options: string[]): Promise<string> {
  const file = join(folder, "asked.pdf");
  writeFileSync(file, await pdf.bytes());
  return execFileSync(program, [...options, file, ...(program === "pdftotext" ? ["-"] : [])], {
    encoding: "utf8",
  });
}

/** The characters of a text without white space, in the form that readers compare. */
function characters(text: string): string {
  return Array.from(text.normalize("NFC").replace(/[\s\f]/gu, ""))
    .sort()
    .join("");
}

// Letters that DejaVu has, and scripts, symbols and code points that it does not.
const scripts = [
  "The quick brown fox: 0123456789 !\"#$%&'()*+,-./;<=>?@[\\]^_`{|}~",
  "Zażółć gęślą jaźń, Příliš žluťoučký kůň, ÄÖÜäöüß, çéèêë, €£¥",
  "Αγαπητέ κύριε, Уважаемый доктор, Շնորհակալություն, გმადლობთ",
  "中文传真 日本語ファックス 한국어 팩스",
  "\u{1F4E0} \u{1D11E} \u{10FFFD} \uE000 ᚠᛇᚻ ⠓⠑⠇⠇⠕ ∑∫√ ☎ ✉",
  "हिन्दी ไทย தமிழ்",
].join("\n");

describe.skipIf(!hasProgram("pdftotext"))("what is written (needs poppler)", () => {
  it("is found again, every character of it, in whatever script", async () => {
    const pdf = await textToPdf(`${scripts}\n${`${scripts.replaceAll("\n", " ")} `.repeat(12)}`);
    const found = await ask("pdftotext", pdf, "-raw");
    expect(characters(found)).toBe(characters(scripts.repeat(13)));
    for (const word of ["quick brown fox", "gęślą jaźń", "Уважаемый доктор"]) expect(found).toContain(word);
  });

  it("is whole where a long text is cut into pieces", async () => {
    // The text is encoded in pieces of 2^18 units: one would end in the middle of this character.
    const text = `${"word ".repeat(52_428)}abc\u{1D400}.`;
    expect(text.charCodeAt((1 << 18) - 1)).toBe(0xd835);
    const found = await ask("pdftotext", await textToPdf(text), "-raw");
    expect(found.replace(/\s/g, "")).toBe(text.replace(/\s/g, ""));
  });

  it("is set in fonts that are embedded, and only what is used of them", async () => {
    const pdfs = [
      await textToPdf(scripts),
      await coverPage({ to: "Dr. Żak", message: scripts }),
      await stampHeader(fixtureBytes("letter-1p.pdf"), "Od: Żak, strona {page}"),
    ];
    for (const pdf of pdfs) {
      const fonts = (await ask("pdffonts", pdf)).split("\n").filter((line) => line.includes("DejaVu"));
      expect(fonts.length).toBeGreaterThan(0);
      // The columns are: embedded, a subset by its name (which pdf-lib does not say), and a map to Unicode.
      for (const font of fonts) expect(font).toMatch(/ yes +(yes|no) +yes /);
    }
    // Whole, the fonts have half a megabyte.
    expect(pdfs[0]?.size).toBeLessThan(100_000);
  });

  it("takes a font of the host for what the own ones do not have", async () => {
    const fonts = [fontWith(0x10fffd)];
    const used = await textToPdf("a \u{10fffd}", { fonts });
    expect(await ask("pdffonts", used)).toContain("DejaVuSerif");
    expect(await ask("pdftotext", used)).toContain("a \u{10fffd}");
    expect(await ask("pdffonts", await textToPdf("a b", { fonts }))).not.toContain("DejaVuSerif");
  });
});

/** DejaVu Serif with one of its characters under another code point. */
function fontWith(codePoint: number): Uint8Array {
  const require = createRequire(new URL("../src/pdf-typesetter.ts", import.meta.url));
  const font = new Uint8Array(readFileSync(require.resolve("dejavu-fonts-ttf/ttf/DejaVuSerif.ttf")));
  const view = new DataView(font.buffer);
  const tables = Array.from({ length: view.getUint16(4) }, (_, index) => 12 + index * 16);
  const cmap = view.getUint32((tables.find((at) => view.getUint32(at) === 0x636d6170) as number) + 8);
  const subtables = Array.from({ length: view.getUint16(cmap + 2) }, (_, index) => cmap + 4 + index * 8);
  const full = cmap + view.getUint32((subtables.find((at) => view.getUint16(at + 2) === 10) as number) + 4);
  // The last group of a table of format 12.
  const group = full + 16 + (view.getUint32(full + 12) - 1) * 12;
  view.setUint32(group, codePoint);
  view.setUint32(group + 4, codePoint);
  return font;
}

/** A picture of one colour, as PNG. */
function png(width: number, height: number): Uint8Array {
  const chunk = (type: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(data.length);
    let crc = 0xffffffff;
    for (const byte of body) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
    const tail = Buffer.alloc(4);
    tail.writeUInt32BE((crc ^ 0xffffffff) >>> 0);
    return Buffer.concat([head, body, tail]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const rows = Buffer.alloc((width * 3 + 1) * height, 40);
  for (let y = 0; y < height; y += 1) rows[y * (width * 3 + 1)] = 0;
  return new Uint8Array(
    Buffer.concat([
      Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]),
      chunk("IHDR", header),
      chunk("IDAT", deflateSync(rows)),
      chunk("IEND", Buffer.alloc(0)),
    ]),
  );
}

describe("the logo of a cover page", () => {
  it.skipIf(!hasProgram("pdfimages"))("is on its first page, whole (needs pdfimages)", async () => {
    const cover = await coverPage({ to: "Dr. Żak", message: "a line\n".repeat(100), logo: png(300, 90) });
    const images = popplerImages(await cover.bytes());
    expect(images.map(({ width, height }) => [width, height])).toEqual([[300, 90]]);
    expect(images[0]?.raster.every((byte) => byte === 40)).toBe(true);
    const place = await ask("pdfimages", cover, "-list");
    // 300 by 90 pixels in a box of 200 by 72 points are 108 per inch, on page 1.
    expect(place).toMatch(/^ +1 +0 image +300 +90 .* 108 +108 /m);
  });

  it("has to be a picture", async () => {
    for (const logo of [Uint8Array.of(1, 2, 3), Uint8Array.of(0x89, 0x50), fixtureBytes("letter-1p.pdf")]) {
      await expect(coverPage({ to: "a", logo })).rejects.toMatchObject({ code: "config_invalid" });
    }
  });
});
