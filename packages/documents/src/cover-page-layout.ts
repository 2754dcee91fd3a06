import type { CoverPageContent, CoverPageLabels } from "./pdf-job.ts";
import { columnsOfText, columnWidth, type LinePlace, oneLine } from "./pdf-typesetter.ts";
import { textLayout, wrapLine } from "./text-layout.ts";

/** The words of a cover page where the host gives none. */
const englishLabels: CoverPageLabels = {
  title: "FAX",
  to: "To",
  from: "From",
  subject: "Subject",
  pages: "Pages",
};

const titleSize = 36;
const logoGap = 12;
const fieldSize = 12;
const messageSize = 10;
const textWidth = textLayout.columns * messageSize * columnWidth;
const margin = 54;
// Below the logo, which is 72 points high at most.
const firstRuleBelowTop = margin + 90;

/** One page of a cover: lines of text, and horizontal rules over the width of the text. */
export interface CoverSheet {
  lines: ({ text: string } & LinePlace)[];
  /** Height of each rule above the bottom, in points. */
  rules: number[];
}

/** The logo's place: it is put into the upper right corner of this box. */
export function logoBox(paper: readonly [number, number]): {
  right: number;
  top: number;
  width: number;
  height: number;
} {
  return { right: (paper[0] + textWidth) / 2, top: paper[1] - margin, width: 200, height: 72 };
}

/** The left and right end of a rule, in points. */
export function ruleEnds(paper: readonly [number, number]): [left: number, right: number] {
  return [(paper[0] - textWidth) / 2, (paper[0] + textWidth) / 2];
}

/** Divides a cover into pages. */
export function layOutCover(
  cover: CoverPageContent,
  pages: number | undefined,
  paper: readonly [number, number],
): CoverSheet[] {
  const labels = { ...englishLabels };
  for (const name of Object.keys(labels) as (keyof CoverPageLabels)[]) {
    // Not spread: a word may be given as undefined.
    labels[name] = cover.labels?.[name] ?? labels[name];
  }
  const [left] = ruleEnds(paper);
  const title = oneLine(labels.title);
  const titleRoom = cover.logo === undefined ? textWidth : textWidth - logoBox(paper).width - logoGap;
  const titleFit = titleRoom / (Math.max(1, columnsOfText(title)) * columnWidth);
  const top = paper[1] - margin;
  let sheet: CoverSheet = { lines: [], rules: [] };
  const sheets = [sheet];
  let y = paper[1] - firstRuleBelowTop;
  const write = (text: string, x: number, size: number, advance: number) => {
    if (y - advance < margin) {
      sheet = { lines: [], rules: [] };
      sheets.push(sheet);
      y = top;
    }
    y -= advance;
    if (text !== "") sheet.lines.push({ text, x, y, size });
  };
  sheet.lines.push({ text: title, x: left, y: top - titleSize, size: Math.min(titleSize, titleFit) });
  sheet.rules.push(y);
  y -= 6;
  const fields: [string, string | undefined][] = [
    [labels.to, cover.to],
    [labels.from, cover.from],
    [labels.subject, cover.subject],
    [labels.pages, pages === undefined ? undefined : String(pages)],
  ];
  const pitch = fieldSize * columnWidth;
  const labelColumns = Math.min(24, 2 + Math.max(...fields.map(([label]) => Array.from(label).length)));
  const valueColumns = Math.floor(textWidth / pitch) - labelColumns;
  for (const [label, value] of fields) {
    if (value === undefined || value.trim() === "") continue;
    const labelLines = [...wrapLine(oneLine(label), labelColumns - 1)];
    const lines = value.split(lineEnd).flatMap((line) => [...wrapLine(oneLine(line), valueColumns)]);
    for (let row = 0; row < Math.max(lines.length, labelLines.length); row += 1) {
      write(lines[row] ?? "", left + labelColumns * pitch, fieldSize, row === 0 ? 22 : 15);
      const name = labelLines[row];
      if (name !== undefined) sheet.lines.push({ text: name, x: left, y, size: fieldSize });
    }
  }
  y -= 14;
  sheet.rules.push(y);
  y -= 10;
  if (cover.message === undefined) return sheets;
  for (const line of cover.message.trimEnd().split(lineEnd)) {
    for (const text of wrapLine(line)) write(text.replace(/\p{Cc}/gu, " "), left, messageSize, 13);
  }
  return sheets;
}

const lineEnd = /\r\n|[\n\r\f\u2028\u2029]/;
