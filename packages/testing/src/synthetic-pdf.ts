/** What {@link syntheticPdf} draws. */
export interface SyntheticPdfOptions {
  /** Number of pages; default 1. */
  pages?: number;
  /** Text for every page, one line per `\n`. Characters outside Latin-1 become `?`. */
  text?: string;
}

/**
 * Makes a small valid PDF 1.4 of Letter pages with some text: the same input gives the same bytes. For tests and
 * demonstrations; nothing in it belongs to a real person.
 *
 * @returns the file's bytes, about 400 per page
 * @throws RangeError when `pages` is not a whole number from 1 to 10,000
 * @example
 * const bytes = syntheticPdf({ pages: 3, text: "Hello fax" });
 */
export function syntheticPdf(options: SyntheticPdfOptions = {}): Uint8Array {
  const pages = options.pages ?? 1;
  if (!Number.isInteger(pages) || pages < 1 || pages > 10_000) {
    throw new RangeError("pages must be a whole number from 1 to 10,000");
  }
  const lines = (options.text ?? "Synthetic fax").split("\n");

  // Objects: 1 catalogue, 2 page tree, 3 font, then a page and its content for every page.
  const objects: string[] = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    `<< /Type /Pages /Kids [${Array.from({ length: pages }, (_, page) => `${4 + page * 2} 0 R`).join(" ")}] /Count ${pages} >>`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
  ];
  for (let page = 0; page < pages; page += 1) {
    const content = pageContent([...lines, `Page ${page + 1} of ${pages}`]);
    objects.push(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> /Contents ${5 + page * 2} 0 R >>`,
      `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
    );
  }

  // The comment of four high bytes tells transfer programs that the file is binary (ISO 32000-1, 7.5.2).
  let body = "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n";
  const offsets = objects.map((object, index) => {
    const offset = body.length;
    body += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const table = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  const xref = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}`;
  const trailer = `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${body.length}\n%%EOF\n`;
  return new Uint8Array(Buffer.from(body + xref + trailer, "latin1"));
}

function pageContent(lines: string[]): string {
  const drawn = lines.map((line, index) => `${index === 0 ? "" : "0 -18 Td "}(${escapeText(line)}) Tj`);
  return `BT /F1 14 Tf 72 720 Td ${drawn.join("\n")} ET`;
}

function escapeText(line: string): string {
  return line.replace(/[^\x20-\x7e\xa0-\xff]/g, "?").replace(/[\\()]/g, "\\$&");
}
