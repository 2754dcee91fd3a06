import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import fontkit from "@cantoo/fontkit";
import { FaxError } from "@faxbot/core/transport";
import type { PDFDocument, PDFFont, PDFName, PDFPageLeaf, PDFRef } from "pdf-lib";
import { columnsOf } from "./text-layout.ts";

/** Width of a column, as a part of the font size: what DejaVu Sans Mono has. */
export const columnWidth = 1233 / 2048;

const ownFonts = ["DejaVuSansMono.ttf", "DejaVuSans.ttf"];
// Half a pixel of a fax in fine mode, at the size of text.
const widthTolerance = 0.02;
const ignorable = /\p{Default_Ignorable_Code_Point}/gu;
const controlCharacter = /\p{Cc}/gu;

interface FontFace {
  has(codePoint: number): boolean;
  bytes: Uint8Array;
  font?: PDFFont;
}

/** How the characters of one place are shown. */
type Piece =
  | { font: number; glyphs: string; width: number }
  // No font has them: their code points, as hex digits.
  | { digits: string };

/** Where a line of text goes: the left end of its base line, in points. */
export interface LinePlace {
  x: number;
  y: number;
  size: number;
}

/**
 * Sets lines of text in a fixed-width grid, so that what was laid out by columns fits whatever font a character comes
 * from. A character that no font has is shown as its code point in a small box, and still is itself when the text is
 * copied or searched.
 */
export class PdfTypesetter {
  readonly #faces: FontFace[];
  readonly #pieces = new Map<string, Piece>();

  private constructor(faces: FontFace[]) {
    this.#faces = faces;
  }

  /**
   * Embeds the fonts that some texts need, as subsets.
   *
   * @param fonts of the host, tried after the own ones
   * @throws FaxError `config_invalid` when one of them cannot be read
   */
  static async embed(pdf: PDFDocument, texts: Iterable<string>, fonts: readonly Uint8Array[]) {
    pdf.registerFontkit(fontkit);
    const missing = new Set<string>();
    for (const text of texts) for (const character of text.normalize("NFC")) missing.add(character);
    const require = createRequire(import.meta.url);
    const faces: FontFace[] = [];
    const load: (() => Promise<Uint8Array>)[] = [
      ...ownFonts.map((name) => () => readFile(require.resolve(`dejavu-fonts-ttf/ttf/${name}`))),
      ...fonts.map((font) => async () => font),
    ];
    for (const read of load) {
      if (faces.length > 0 && missing.size === 0) break;
      const face = openFont(await read());
      const found = [...missing].filter((character) => face.has(character.codePointAt(0) as number));
      // The first one is always there: it has the digits for codes.
      if (faces.length > 0 && found.length === 0) continue;
      for (const character of found) missing.delete(character);
      faces.push({ ...face, font: await pdf.embedFont(face.bytes, { subset: true }) });
    }
    return new PdfTypesetter(faces);
  }

  /** The operators that draw one line on a page, whose resources get the fonts. */
  line(page: FontResources, text: string, { x, y, size }: LinePlace): string {
    const pitch = size * columnWidth;
    let operators = "";
    let run = "";
    let runColumn = 0;
    let column = 0;
    const endRun = () => {
      if (run !== "") operators += show(page.nameOf(0), run, x + runColumn * pitch, y, size);
      run = "";
    };
    for (const { characters, columns } of places(text)) {
      const piece = this.#piece(characters);
      const left = x + column * pitch;
      const room = Math.max(columns, 1) * pitch;
      if ("digits" in piece) {
        endRun();
        operators += this.#box(page, piece.digits, characters, { x: left, y, size }, room);
      } else if (
        piece.font === 0 &&
        columns === 1 &&
        Math.abs(piece.width - columnWidth) < widthTolerance * columnWidth
      ) {
        if (run === "") runColumn = column;
        run += piece.glyphs;
      } else {
        endRun();
        const width = piece.width * size;
        const squeeze = width > room ? room / width : 1;
        const start = left + (room - width * squeeze) / 2;
        operators += show(page.nameOf(piece.font), piece.glyphs, start, y, size, squeeze);
      }
      column += columns;
    }
    endRun();
    return operators;
  }

  /** The font that {@link FontResources} gives a name to. */
  font(index: number): PDFFont {
    const font = this.#faces[index]?.font;
    if (font === undefined) throw new RangeError("no such font");
    return font;
  }

  #piece(characters: string): Piece {
    const known = this.#pieces.get(characters);
    if (known !== undefined) return known;
    const piece = this.#find(characters);
    this.#pieces.set(characters, piece);
    return piece;
  }

  #find(characters: string): Piece {
    const visible = characters.normalize("NFC").replace(ignorable, "");
    const text = visible.trim() === "" ? " " : visible;
    const codePoints = Array.from(text, (character) => character.codePointAt(0) as number);
    const index = this.#faces.findIndex((face) => codePoints.every((codePoint) => face.has(codePoint)));
    if (index >= 0) {
      const font = this.font(index);
      const width = font.widthOfTextAtSize(text, 1);
      return { font: index, glyphs: font.encodeText(text).asString(), width };
    }
    const digits = codePoints.map((codePoint) => hex(codePoint, codePoint > 0xffff ? 6 : 4)).join("");
    return { digits };
  }

  /** A box with hex digits, as small as the place is; text is found under the characters it stands for. */
  #box(
    page: FontResources,
    digits: string,
    characters: string,
    { x, y, size }: LinePlace,
    room: number,
  ): string {
    const width = room - 1;
    const height = size - 1;
    const ratio = 0.85;
    let best = { rows: 1, perRow: digits.length, size: 0 };
    for (let rows = 1; rows <= digits.length; rows += 1) {
      const perRow = Math.ceil(digits.length / rows);
      const fitting = Math.min((width - 0.8) / (perRow * columnWidth), (height - 0.8) / (rows * ratio));
      if (fitting > best.size) best = { rows, perRow, size: fitting };
    }
    const bottom = y - size * 0.2 + 0.5;
    let text = "";
    for (let row = 0; row * best.perRow < digits.length; row += 1) {
      const part = digits.slice(row * best.perRow, (row + 1) * best.perRow);
      const left = x + 0.5 + (width - part.length * best.size * columnWidth) / 2;
      const step = height / best.rows;
      const base = bottom + height - (row + 1) * step + (step - best.size * 0.73) / 2;
      text += show(page.nameOf(0), this.font(0).encodeText(part).asString(), left, base, best.size);
    }
    const actual = `FEFF${Array.from({ length: characters.length }, (_, at) => hex(characters.charCodeAt(at), 4)).join("")}`;
    return (
      `/Span<</ActualText<${actual}>>>BDC\n` +
      `q 0.4 w ${number(x + 0.5)} ${number(bottom)} ${number(width)} ${number(height)} re S Q\n${text}EMC\n`
    );
  }
}

/** The names that one page has for the fonts of a {@link PdfTypesetter}. */
export class FontResources {
  readonly #page: PDFPageLeaf;
  readonly #typesetter: PdfTypesetter;
  readonly #names: (string | undefined)[] = [];

  constructor(page: PDFPageLeaf, typesetter: PdfTypesetter) {
    this.#page = page;
    this.#typesetter = typesetter;
  }

  /** The name of a font, e.g. `/Faxbot-1`. */
  nameOf(font: number): string {
    this.#names[font] ??= this.#add(this.#typesetter.font(font).ref).toString();
    return this.#names[font];
  }

  /** Pages may share their resources: each font has one name there. */
  #add(font: PDFRef): PDFName {
    const fonts = this.#page.normalizedEntries().Font;
    const known = fonts.entries().find(([, value]) => value === font);
    return known?.[0] ?? this.#page.newFontDictionary("Faxbot", font);
  }
}

/** A text on one line: control characters are blanks, and none is left out. */
export function oneLine(text: string): string {
  return text.replace(controlCharacter, " ").trim();
}

/** Columns that a text on one line takes. */
export function columnsOfText(text: string): number {
  let columns = 0;
  for (const character of text) columns += columnsOf(character);
  return columns;
}

function openFont(bytes: Uint8Array): FontFace {
  try {
    const font = fontkit.create(bytes);
    if (!("hasGlyphForCodePoint" in font)) throw new TypeError("a collection of fonts");
    return { bytes, has: (codePoint) => font.hasGlyphForCodePoint(codePoint) };
  } catch (error) {
    throw new FaxError(
      "config_invalid",
      "a font is neither TrueType nor OpenType, or a collection of fonts (.ttc)",
      { cause: error },
    );
  }
}

/** The places of a line: a character each, with the marks that go over it. */
function* places(line: string): Generator<{ characters: string; columns: number }> {
  let characters = "";
  let columns = 0;
  for (const character of line) {
    const width = columnsOf(character);
    if (characters !== "" && width > 0 && columns > 0) {
      yield { characters, columns };
      characters = "";
      columns = 0;
    }
    characters += character;
    columns += width;
  }
  if (characters !== "") yield { characters, columns };
}

function show(font: string, glyphs: string, x: number, y: number, size: number, squeeze = 1): string {
  const scaling = squeeze === 1 ? "" : `${number(squeeze * 100)} Tz `;
  return `BT ${font} ${number(size)} Tf ${scaling}1 0 0 1 ${number(x)} ${number(y)} Tm <${glyphs}> Tj ET${squeeze === 1 ? "" : " 100 Tz"}\n`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}

/** A number as PDF writes it: never with an exponent. */
export function number(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}
