import { ByteParts } from "./byte-parts.ts";

/** One image that fills one page. */
export interface PdfPageImage {
  /** Pixels. */
  width: number;
  height: number;
  /** Dots per inch. */
  xDpi: number;
  yDpi: number;
  /** TIFF Orientation: 1 is upright, 2 to 8 are its mirrored and turned forms. */
  orientation: number;
  /** Entries of the image dictionary that say how the data is coded, e.g. `/ColorSpace/DeviceGray/Filter/…`. */
  coding: string;
  /** The coded data. It is not copied. */
  data: readonly Uint8Array[];
}

// ISO 32000-1, annex C.2: no page is larger than this in points.
const maxPagePoints = 14_400;
const pageTreeObject = 2;
const firstPageObject = 3;
const objectsPerPage = 3;

/**
 * Writes a PDF 1.4 with one image per page. Everything is written in one pass; the image data is referred to and never
 * copied.
 */
export class ImagePdfWriter {
  // The comment of high bytes tells file transfer programs that this is not text (ISO 32000-1, 7.5.2).
  readonly #parts: Uint8Array[] = [];
  readonly #offsets: number[] = [];
  #pending = "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n";
  #length = 0;
  #pages = 0;

  /** Appends a page. */
  addPage(image: PdfPageImage): void {
    const number = firstPageObject + this.#pages * objectsPerPage;
    this.#pages += 1;
    const length = image.data.reduce((sum, part) => sum + part.length, 0);
    this.#begin(number);
    this.#write(
      `<</Type/XObject/Subtype/Image/Width ${image.width}/Height ${image.height}${image.coding}/Length ${length}>>\nstream\n`,
    );
    this.#flush();
    for (const part of image.data) {
      this.#parts.push(part);
      this.#length += part.length;
    }
    this.#write("\nendstream\nendobj\n");
    const { width, height, matrix } = placement(image);
    const content = `q ${matrix} cm /I0 Do Q`;
    this.#begin(number + 1);
    this.#write(`<</Length ${content.length}>>\nstream\n${content}\nendstream\nendobj\n`);
    this.#begin(number + 2);
    this.#write(
      `<</Type/Page/Parent ${pageTreeObject} 0 R/MediaBox[0 0 ${width} ${height}]/Contents ${number + 1} 0 R` +
        `/Resources<</XObject<</I0 ${number} 0 R>>>>>>\nendobj\n`,
    );
  }

  /** Ends the file. */
  finish(): ByteParts {
    const kids = Array.from(
      { length: this.#pages },
      (_, page) => `${firstPageObject + page * objectsPerPage + 2} 0 R`,
    );
    this.#begin(1);
    this.#write(`<</Type/Catalog/Pages ${pageTreeObject} 0 R>>\nendobj\n`);
    this.#begin(pageTreeObject);
    this.#write(`<</Type/Pages/Count ${this.#pages}/Kids[${kids.join(" ")}]>>\nendobj\n`);
    const start = this.#position;
    const size = this.#offsets.length;
    let table = `xref\n0 ${size}\n0000000000 65535 f \n`;
    for (let number = 1; number < size; number += 1) {
      table += `${String(this.#offsets[number]).padStart(10, "0")} 00000 n \n`;
    }
    this.#write(`${table}trailer\n<</Size ${size}/Root 1 0 R>>\nstartxref\n${start}\n%%EOF\n`);
    this.#flush();
    return new ByteParts(this.#parts);
  }

  get #position(): number {
    return this.#length + this.#pending.length;
  }

  #begin(number: number): void {
    this.#offsets[number] = this.#position;
    this.#write(`${number} 0 obj\n`);
  }

  #write(text: string): void {
    this.#pending += text;
  }

  #flush(): void {
    this.#parts.push(Buffer.from(this.#pending, "latin1"));
    this.#length += this.#pending.length;
    this.#pending = "";
  }
}

/** The size of a page in points and the matrix that maps the unit square of the image to it. */
function placement(image: PdfPageImage): { width: string; height: string; matrix: string } {
  const scale = Math.min(
    72,
    (maxPagePoints * image.xDpi) / image.width,
    (maxPagePoints * image.yDpi) / image.height,
  );
  const across = points((image.width / image.xDpi) * scale, image.width);
  const down = points((image.height / image.yDpi) * scale, image.height);
  const isTurned = image.orientation >= 5 && image.orientation <= 8;
  const width = isTurned ? down : across;
  const height = isTurned ? across : down;
  return { width, height, matrix: matrixOf(image.orientation, width, height) };
}

function matrixOf(orientation: number, width: string, height: string): string {
  switch (orientation) {
    case 2:
      return `-${width} 0 0 ${height} ${width} 0`;
    case 3:
      return `-${width} 0 0 -${height} ${width} ${height}`;
    case 4:
      return `${width} 0 0 -${height} 0 ${height}`;
    case 5:
      return `0 -${height} -${width} 0 ${width} ${height}`;
    case 6:
      return `0 -${height} ${width} 0 0 ${height}`;
    case 7:
      return `0 ${height} ${width} 0 0 0`;
    case 8:
      return `0 ${height} -${width} 0 ${width} 0`;
    default:
      return `${width} 0 0 ${height} 0 0`;
  }
}

/**
 * A length with four decimals at most, without an exponent, never zero.
 *
 * Readers compute in single precision. Where the image must come out at its own number of pixels, a product that is a
 * hair too large makes them resample it, so a length near by is taken whose product is exact.
 */
function points(length: number, pixels: number): string {
  const nearest = Math.max(100, Math.round(length * 10_000));
  for (let step = 0; step < 40; step += 1) {
    const candidate = (nearest + (step % 2 === 0 ? -step / 2 : (step + 1) / 2)) / 10_000;
    const single = Math.fround(candidate);
    if (candidate <= maxPagePoints && Math.fround(Math.fround(pixels / single) * single) === pixels) {
      return String(candidate);
    }
  }
  return String(nearest / 10_000);
}
