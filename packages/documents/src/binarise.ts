import type { Bitmap } from "./ccitt-encoder.ts";

/**
 * How grey becomes black and white.
 *
 * - `hybrid`: text and drawings are cut at a threshold and stay sharp; areas of continuous tone become dots. The default.
 * - `threshold`: everything is cut at a threshold. Smallest; photographs turn into blots.
 * - `diffusion`: Floyd-Steinberg error diffusion everywhere. Best tones, three to four times the bytes, frayed text.
 */
export type Halftone = "hybrid" | "threshold" | "diffusion";

/** A picture of 8-bit grey, 0 is black, rows without padding. */
export interface GreyImage {
  width: number;
  height: number;
  data: Uint8Array;
}

/** How {@link binarise} turns grey into black and white. */
export interface BinariseOptions {
  halftone: Halftone;
  /** Lines per inch of the picture; pixels are 204 per inch across. Sets the threshold and the shape of the dots. */
  yDpi: number;
  /** Pixels per row of the result. Default: the picture's width. */
  width?: number;
  /** White pixels to the left of the picture, a multiple of 8. Default: 0. */
  left?: number;
  /** White rows above the picture. Default: 0. */
  top?: number;
  /** Rows of the result. Default: `top` and the picture's height. */
  height?: number;
}

/**
 * The grey below which a pixel turns black. Smoothed text is grey at its edges, more so the fewer lines there are: at 98
 * lines per inch the usual 128 loses thin strokes and makes tesseract misread twenty times as much as 205 does.
 */
function thresholdFor(yDpi: number): number {
  if (yDpi < 150) return 205;
  return yDpi < 300 ? 175 : 170;
}

const tileSize = 16;

/** Which 16 x 16 tiles of a picture hold continuous tone: 1 for each that does, row by row. */
function findToneTiles(image: GreyImage): { tone: Uint8Array; columns: number } {
  const { width, height, data } = image;
  const columns = Math.ceil(width / tileSize);
  const rows = Math.ceil(height / tileSize);
  const core = new Uint8Array(columns * rows);
  let found = false;
  for (let row = 0; row < rows; row++) {
    const top = row * tileSize;
    // Every second row and column is looked at, which is enough to tell an area from a stroke.
    const bottom = Math.min(top + tileSize, height - 1);
    for (let column = 0; column < columns; column++) {
      const left = column * tileSize;
      const right = Math.min(left + tileSize, width - 1);
      let samples = 0;
      let flat = 0;
      for (let y = top; y < bottom; y += 2) {
        const rowAt = y * width;
        for (let x = left; x < right; x += 2) {
          const at = rowAt + x;
          const grey = data[at] as number;
          samples++;
          if (grey < 24 || grey > 232) continue;
          const across = grey - (data[at + 1] as number);
          const down = grey - (data[at + width] as number);
          if (across <= 40 && across >= -40 && down <= 40 && down >= -40) flat++;
        }
      }
      if (flat * 4 > samples) {
        core[row * columns + column] = 1;
        found = true;
      }
    }
  }
  if (!found) return { tone: core, columns };
  // Grown by a tile where most neighbours are tone, so that highlights and shadows inside a photograph are dots too.
  const tone = core.slice();
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      if (core[row * columns + column] === 1) continue;
      let neighbours = 0;
      for (let y = Math.max(0, row - 1); y <= Math.min(rows - 1, row + 1); y++) {
        for (let x = Math.max(0, column - 1); x <= Math.min(columns - 1, column + 1); x++) {
          neighbours += core[y * columns + x] as number;
        }
      }
      if (neighbours >= 4) tone[row * columns + column] = 1;
    }
  }
  return { tone, columns };
}

/**
 * A clustered-dot screen at 45 degrees, 8 pixels wide and as many rows high as make the cell square on paper. Clusters
 * survive the run-length codes and the far end's printer; scattered dots do neither.
 */
function screenFor(yDpi: number): { thresholds: Uint8Array; rows: number } {
  const rows = yDpi < 150 ? 4 : yDpi < 300 ? 8 : 16;
  const cells: { at: number; spot: number }[] = [];
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < 8; x++) {
      const u = (x + 0.5) / 8;
      const v = (y + 0.5) / rows;
      const spot = Math.cos(2 * Math.PI * (u + v)) + Math.cos(2 * Math.PI * (u - v));
      // Equal spots are taken in a fixed order that alternates between the cell's two dots.
      cells.push({ at: y * 8 + x, spot: Math.round(spot * 1e6) });
    }
  }
  cells.sort((a, b) => b.spot - a.spot || a.at - b.at);
  const thresholds = new Uint8Array(rows * 8);
  for (const [rank, { at }] of cells.entries()) {
    thresholds[at] = 255 - Math.round(((rank + 0.5) * 255) / cells.length);
  }
  return { thresholds, rows };
}

/** Packs one row cut at one threshold. White stretches, most of a page, are skipped eight pixels at a time. */
function packRow(
  data: Uint8Array,
  at: number,
  width: number,
  threshold: number,
  out: Uint8Array,
  outAt: number,
): void {
  const end = at + width;
  let to = outAt;
  let from = at;
  for (; from + 8 <= end; from += 8, to++) {
    const a = data[from] as number;
    const b = data[from + 1] as number;
    const c = data[from + 2] as number;
    const d = data[from + 3] as number;
    const e = data[from + 4] as number;
    const f = data[from + 5] as number;
    const g = data[from + 6] as number;
    const h = data[from + 7] as number;
    if ((a & b & c & d & e & f & g & h) === 255) continue;
    // The sign of the difference is the pixel: negative, so 1, is darker than the threshold.
    out[to] =
      (((a - threshold) >>> 24) & 0x80) |
      (((b - threshold) >>> 25) & 0x40) |
      (((c - threshold) >>> 26) & 0x20) |
      (((d - threshold) >>> 27) & 0x10) |
      (((e - threshold) >>> 28) & 0x08) |
      (((f - threshold) >>> 29) & 0x04) |
      (((g - threshold) >>> 30) & 0x02) |
      ((h - threshold) >>> 31);
  }
  for (let bit = 0x80; from < end; from++, bit >>>= 1) {
    if ((data[from] as number) < threshold) out[to] = (out[to] as number) | bit;
  }
}

function screenTile(
  image: GreyImage,
  left: number,
  y: number,
  screen: { thresholds: Uint8Array; rows: number },
  out: Uint8Array,
  outAt: number,
): void {
  const row = (y % screen.rows) * 8;
  const end = Math.min(left + tileSize, image.width);
  for (let x = left; x < end; x += 8) {
    let byte = 0;
    for (let bit = 0; bit < 8 && x + bit < end; bit++) {
      const grey = image.data[y * image.width + x + bit] as number;
      if (grey < (screen.thresholds[row + bit] as number)) byte |= 0x80 >>> bit;
    }
    out[outAt + ((x - left) >>> 3)] = byte;
  }
}

function diffuse(image: GreyImage, out: Uint8Array, outAt: number, stride: number): void {
  const { width, height, data } = image;
  // Errors for this row and the next, in sixteenths, with a cell to spare on both sides.
  let now = new Int32Array(width + 2);
  let next = new Int32Array(width + 2);
  for (let y = 0; y < height; y++) {
    const rowAt = outAt + y * stride;
    // Every second row runs from right to left, which avoids worm patterns.
    const step = y & 1 ? -1 : 1;
    for (let count = 0, x = step > 0 ? 0 : width - 1; count < width; count++, x += step) {
      const wanted = (data[y * width + x] as number) * 16 + (now[x + 1] as number);
      const black = wanted < 2048;
      if (black) out[rowAt + (x >>> 3)] = (out[rowAt + (x >>> 3)] as number) | (0x80 >>> (x & 7));
      const error = (black ? wanted : wanted - 4080) >> 4;
      now[x + 1 + step] = (now[x + 1 + step] as number) + error * 7;
      next[x + 1 - step] = (next[x + 1 - step] as number) + error * 3;
      next[x + 1] = (next[x + 1] as number) + error * 5;
      next[x + 1 + step] = (next[x + 1 + step] as number) + error;
    }
    [now, next] = [next, now];
    next.fill(0);
  }
}

/**
 * Turns grey into black and white the way a fax needs it, and sets it on a white page.
 *
 * @param image 204 pixels per inch across and `options.yDpi` down
 * @returns a bitmap of `options.width` by `options.height`
 * @example
 * const bitmap = binarise(grey, { halftone: "hybrid", yDpi: 196, width: 1728, left: 16 });
 */
export function binarise(image: GreyImage, options: BinariseOptions): Bitmap {
  const { halftone, yDpi, left = 0, top = 0 } = options;
  const width = options.width ?? left + image.width;
  const height = options.height ?? top + image.height;
  if ((left & 7) !== 0 || left + image.width > width || top + image.height > height) {
    throw new RangeError("the picture does not fit on the page, or its left edge is not at a multiple of 8");
  }
  const stride = (width + 7) >>> 3;
  const data = new Uint8Array(stride * height);
  const outAt = top * stride + (left >>> 3);
  if (halftone === "diffusion") {
    diffuse(image, data, outAt, stride);
    return { width, height, data };
  }
  const threshold = thresholdFor(yDpi);
  for (let y = 0; y < image.height; y++) {
    packRow(image.data, y * image.width, image.width, threshold, data, outAt + y * stride);
  }
  if (halftone === "hybrid") {
    const { tone, columns } = findToneTiles(image);
    const screen = screenFor(yDpi);
    for (let tile = tone.indexOf(1); tile >= 0; tile = tone.indexOf(1, tile + 1)) {
      const top = Math.floor(tile / columns) * tileSize;
      const column = tile % columns;
      for (let y = top; y < Math.min(top + tileSize, image.height); y++) {
        screenTile(image, column * tileSize, y, screen, data, outAt + y * stride + column * 2);
      }
    }
  }
  return { width, height, data };
}
