import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { CcittDecoder } from "../src/ccitt-decoder.ts";
import { paintRow } from "../src/paint-row.ts";

/** An image as it is in a PDF that we wrote. */
export interface PdfImage {
  width: number;
  height: number;
  dictionary: string;
  data: Uint8Array;
  /** The page that it fills, in points. */
  page: { width: number; height: number };
}

/** Lists the images of a PDF written by `ImagePdfWriter`. Knows its layout, and no other. */
export function pdfImages(pdf: Uint8Array): PdfImage[] {
  const text = Buffer.from(pdf.buffer, pdf.byteOffset, pdf.byteLength).toString("latin1");
  const images: PdfImage[] = [];
  const pattern =
    /<<\/Type\/XObject\/Subtype\/Image\/Width (\d+)\/Height (\d+)([^\n]*)\/Length (\d+)>>\nstream\n/g;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const start = match.index + match[0].length;
    const end = start + Number(match[4]);
    const box = /MediaBox\[0 0 ([\d.]+) ([\d.]+)\]/.exec(text.slice(end, end + 1000));
    images.push({
      width: Number(match[1]),
      height: Number(match[2]),
      dictionary: match[3] as string,
      data: pdf.subarray(start, end),
      page: { width: Number(box?.[1]), height: Number(box?.[2]) },
    });
    pattern.lastIndex = end;
  }
  return images;
}

/** The packed bitmap that a CCITT image decodes to by our own decoder, 1 = black; throws when it is not flawless. */
export function decodeCcittImage(image: PdfImage): Uint8Array {
  const { width, height, dictionary, data } = image;
  const k = Number(/\/K (-?\d+)/.exec(dictionary)?.[1]);
  const eols = dictionary.includes("/EndOfLine true");
  const aligned = dictionary.includes("/EncodedByteAlign true");
  const decoder = new CcittDecoder(
    data,
    k < 0
      ? { scheme: "g4" }
      : eols || k > 0
        ? { scheme: "g3", twoDimensional: k > 0 }
        : { scheme: "rle", rowAlignment: aligned ? 8 : 1 },
    width,
  );
  const stride = (width + 7) >>> 3;
  const bitmap = new Uint8Array(stride * height);
  for (let row = 0; row < height; row += 1) {
    if (!decoder.nextRow()) throw new Error(`only ${row} of ${height} rows`);
    paintRow(decoder.row, width, bitmap, row * stride);
  }
  if (decoder.badRows + decoder.irregularRows > 0) throw new Error("damaged rows");
  return dictionary.includes("/BlackIs1 true") ? invert(bitmap, width) : bitmap;
}

function invert(bitmap: Uint8Array, width: number): Uint8Array {
  const stride = (width + 7) >>> 3;
  const mask = width % 8 === 0 ? 0xff : 0xff << (8 - (width % 8));
  return bitmap.map((byte, index) => ~byte & (index % stride === stride - 1 ? mask : 0xff));
}

/** Inflates an image that is coded with FlateDecode alone. */
export function inflateImage(image: PdfImage): Uint8Array {
  return new Uint8Array(inflateSync(image.data));
}

/** SHA-256 in hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The images of a PDF as poppler decodes them: the raster of each PBM, PGM or PPM, with 1 = black in PBM. */
export function popplerImages(pdf: Uint8Array): { width: number; height: number; raster: Uint8Array }[] {
  const folder = mkdtempSync(join(tmpdir(), "faxbot-poppler-"));
  try {
    writeFileSync(join(folder, "in.pdf"), pdf);
    execFileSync("pdfimages", [join(folder, "in.pdf"), join(folder, "image")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    return readdirSync(folder)
      .filter((name) => name.startsWith("image"))
      .sort()
      .map((name) => parseNetpbm(new Uint8Array(readFileSync(join(folder, name)))));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function parseNetpbm(bytes: Uint8Array): { width: number; height: number; raster: Uint8Array } {
  const head = Buffer.from(bytes.subarray(0, 100)).toString("latin1");
  const match = /^P([456])\s(?:#.*\n)*(\d+)\s(\d+)\s(?:(\d+)\s)?/.exec(head);
  if (match === null) throw new Error("not a PBM, PGM or PPM file");
  // A PBM has no maximum; digits behind its size are pixels.
  const length =
    match[1] === "4" ? (/^P4\s(?:#.*\n)*\d+\s\d+\s/.exec(head)?.[0].length ?? 0) : match[0].length;
  const width = Number(match[2]);
  const raster = bytes.slice(length);
  if (match[1] === "4" && width % 8 !== 0) {
    // The format leaves the bits behind the last pixel open.
    const stride = (width + 7) >>> 3;
    const mask = 0xff << (8 - (width % 8));
    for (let at = stride - 1; at < raster.length; at += stride) raster[at] = (raster[at] as number) & mask;
  }
  return { width, height: Number(match[3]), raster };
}
