/**
 * How plain text is laid out on fax pages. Inspection counts pages by it and text is rendered by it, so both always
 * agree.
 */
export const textLayout = Object.freeze({
  /** Characters per line; longer lines are wrapped at a space, or anywhere when a word is longer. */
  columns: 80,
  /** Lines per page. */
  linesPerPage: 60,
  /** A tab moves to the next multiple of this. */
  tabStop: 8,
});

/**
 * Divides text into pages of lines by {@link textLayout}. Lines end with LF, CRLF or CR; a form feed starts a new page.
 * A line break or form feed at the very end adds nothing; an empty text has one empty page.
 *
 * @param text without control characters other than tab, LF, CR and form feed; may be in pieces, cut anywhere between
 * two characters
 * @returns the pages, each made when it is asked for
 * @example
 * const [first] = [...layOutText("Dear Sir,\n...")];
 */
export function* layOutText(text: string | Iterable<string>): Generator<string[]> {
  let lines: string[] = [];
  let pages = 0;
  for (const line of wrappedLines(typeof text === "string" ? [text] : text)) {
    if (line === pageBreak || lines.length === textLayout.linesPerPage) {
      yield lines;
      pages += 1;
      lines = [];
    }
    if (line !== pageBreak) lines.push(line);
  }
  if (lines.length > 0 || pages === 0) yield lines;
}

const pageBreak = "\f";

/** The lines as they are printed, and {@link pageBreak}s. */
function* wrappedLines(pieces: Iterable<string>): Generator<string> {
  // The line that is not ended yet: what of it is not given out, and whether some of it is.
  let rest = "";
  let isContinued = false;
  let isAfterReturn = false;
  for (const piece of pieces) {
    let at = isAfterReturn && piece.startsWith("\n") ? 1 : 0;
    if (piece !== "") isAfterReturn = piece.endsWith("\r");
    while (at < piece.length) {
      const end = nextBreak(piece, at);
      const isEnded = end < piece.length;
      let last: string | undefined;
      for (const line of wrapLine(rest + piece.slice(at, end))) {
        if (last !== undefined) {
          yield last;
          isContinued = true;
        }
        last = line;
      }
      rest = last ?? "";
      at = end + (piece.startsWith("\r\n", end) ? 2 : 1);
      if (!isEnded) break;
      if (rest !== "" || !isContinued) yield rest;
      if (piece[end] === pageBreak) yield pageBreak;
      rest = "";
      isContinued = false;
    }
  }
  if (rest !== "") yield rest;
}

const lineBreak = /[\n\r\f]/g;

function nextBreak(text: string, from: number): number {
  lineBreak.lastIndex = from;
  return lineBreak.exec(text)?.index ?? text.length;
}

/** Characters of one column and one UTF-16 unit each, of which most lines consist: no marks and no control characters. */
const plainLine = /^[ -~\u00a0-\u00ac\u00ae-\u02ff\u0370-\u0482\u048a-\u0590\u2010-\u2027\u20ac]*$/;

/**
 * Marks take no column, so nothing else would ever end a line of them: this many UTF-16 units do, 8 for each column,
 * which no script comes near.
 */
const longestLine = 8 * textLayout.columns;

/** One line as the lines it takes, of so many columns. */
export function wrapLine(line: string, columns: number = textLayout.columns): Generator<string> {
  return plainLine.test(line) ? wrapPlainLine(line, columns) : wrapAnyLine(line, columns);
}

function* wrapPlainLine(line: string, columns: number): Generator<string> {
  let start = 0;
  while (line.length - start > columns) {
    const head = line.slice(start, start + columns);
    if (line[start + columns] === " ") {
      yield head.trimEnd();
      start += columns + 1;
      continue;
    }
    const length = head.lastIndexOf(" ") + 1 || columns;
    yield head.slice(0, length).trimEnd();
    start += length;
  }
  yield line.slice(start);
}

function* wrapAnyLine(line: string, columns: number): Generator<string> {
  let current = "";
  let width = 0;
  // Where the line may be broken: after the last space, as an index into `current`.
  let breakAt = 0;
  for (const character of line) {
    const isTab = character === "\t";
    const piece = isTab ? " ".repeat(textLayout.tabStop - (width % textLayout.tabStop)) : character;
    const pieceWidth = isTab ? piece.length : columnsOf(character);
    if (width + pieceWidth > columns || current.length >= longestLine) {
      const isSpace = isTab || character === " ";
      const head = isSpace || breakAt === 0 ? current : current.slice(0, breakAt);
      yield head.trimEnd();
      current = isSpace ? "" : current.slice(head.length);
      width = 0;
      breakAt = 0;
      for (const kept of current) width += columnsOf(kept);
      if (isSpace) continue;
    }
    current += piece;
    width += pieceWidth;
    if (isTab || character === " ") breakAt = current.length;
  }
  yield current;
}

const softHyphen = "\u00ad";
const zeroWidth = /[\p{M}\u200b-\u200f\u2060\ufeff]/u;
const doubleWidth =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;

/** Columns that a character takes in a fixed-width font: 0, 1 or 2. */
export function columnsOf(character: string): number {
  if (character < "\u0300") return character === softHyphen ? 0 : 1;
  if (zeroWidth.test(character)) return 0;
  return doubleWidth.test(character) ? 2 : 1;
}
