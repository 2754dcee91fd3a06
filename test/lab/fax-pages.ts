import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PdfToTiffOptions, pdfToTiff } from "@faxbot/documents";

/** A page as poppler sees it: its size, dots per inch as it lies on the page, and its black and white dots. */
export interface Picture {
  width: number;
  height: number;
  xDpi: number;
  yDpi: number;
  /** A PBM file. */
  dots: Buffer;
}

/**
 * A page of writing, with a border and dots up to every edge, so that a lost row or column shows.
 *
 * @param name written on every page, with its number
 */
export async function faxTiff(
  name: string,
  pages: number,
  options: Pick<PdfToTiffOptions, "resolution" | "compression">,
): Promise<Uint8Array> {
  return (await pdfToTiff(labPdf(name, pages), options)).tiff;
}

/** The same pages as PDF. */
export function labPdf(name: string, pages: number): Uint8Array {
  const objects = ["<</Type/Catalog/Pages 2 0 R>>"];
  const kids = Array.from({ length: pages }, (_, index) => `${4 + index * 2} 0 R`).join(" ");
  objects.push(`<</Type/Pages/Kids[${kids}]/Count ${pages}>>`);
  objects.push("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
  for (let page = 1; page <= pages; page += 1) {
    const lines = Array.from(
      { length: 12 },
      (_, line) =>
        `BT /F1 ${8 + line * 2} Tf 40 ${700 - line * 50} Td (${name}, page ${page}, line ${line}) Tj ET`,
    );
    const ticks = Array.from({ length: 60 }, (_, at) => `${at * 10} 0 ${(at * page) % 7} 4 re f`);
    const content = `2 w 3 3 589 786 re S\n${ticks.join("\n")}\n${lines.join("\n")}`;
    objects.push(
      `<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 792]/Resources<</Font<</F1 3 0 R>>>>/Contents ${4 + page * 2 - 1} 0 R>>`,
      `<</Length ${content.length}>>stream\n${content}\nendstream`,
    );
  }
  let text = "%PDF-1.4\n";
  const offsets = objects.map((object, index) => {
    const at = text.length;
    text += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return at;
  });
  const rows = offsets.map((at) => `${String(at).padStart(10, "0")} 00000 n \n`);
  const end = `trailer<</Size ${objects.length + 1}/Root 1 0 R>>\nstartxref\n${text.length}\n%%EOF\n`;
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${rows.join("")}${end}`;
  return Buffer.from(text, "latin1");
}

/** The pages of a TIFF as libtiff and poppler see them. */
export async function picturesOfTiff(tiff: Uint8Array): Promise<Picture[]> {
  return inFolder(async (folder) => {
    await writeFile(join(folder, "fax.tif"), tiff);
    execFileSync("tiff2pdf", ["-o", join(folder, "fax.pdf"), join(folder, "fax.tif")], { stdio: "pipe" });
    return picturesOfPdf(await readFile(join(folder, "fax.pdf")));
  });
}

/** The pages of a PDF that has one picture on each, as poppler decodes and places them. */
export async function picturesOfPdf(pdf: Uint8Array): Promise<Picture[]> {
  return inFolder(async (folder) => {
    const file = join(folder, "fax.pdf");
    await writeFile(file, pdf);
    execFileSync("pdfimages", [file, join(folder, "page")]);
    const names = (await readdir(folder)).filter((name) => name.endsWith(".pbm")).sort();
    const list = execFileSync("pdfimages", ["-list", file], { encoding: "utf8" });
    const rows = list.trim().split("\n").slice(2);
    return Promise.all(
      rows.map(async (row, index) => {
        // page num type width height color comp bpc enc interp object ID x-ppi y-ppi size ratio
        const column = row.trim().split(/\s+/);
        const [width, height, xDpi, yDpi] = [3, 4, 12, 13].map((at) => Number(column[at]));
        return {
          width,
          height,
          xDpi,
          yDpi,
          dots: await readFile(join(folder, names[index] ?? "")),
        } as Picture;
      }),
    );
  });
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "faxbot-lab-pages-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
