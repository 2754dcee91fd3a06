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

/** What is lighter is paper, what is darker is ink; tone is in between. */
const lightest = 232;
const darkest = 24;
/** The most that two pixels of one tone differ by. */
const toneStep = 40;
/** So much darker than the threshold is ink that the threshold keeps; what is lighter may need one of its own. */
const inkMargin = 40;

/** What was found of a picture while it was cut, in blocks of 8 x 8 pixels, row by row. */
interface Blocks {
  columns: number;
  /** 0 for a block that is all white, else {@link notWhite}, and {@link hasInk} with it. */
  marks: Uint8Array;
}

const blockSize = 8;
const notWhite = 1;
const hasInk = 2;

/** Tone is told from strokes in tiles of two by two blocks. */
const tileSize = 16;

/** Tells whether an area of one tone goes on from a pixel in a direction, for `far` steps and without paper in between. */
function goesOn(data: Uint8Array, at: number, step: number, far: number): boolean {
  const difference = (data[at + step] as number) - (data[at] as number);
  return (
    difference <= toneStep &&
    difference >= -toneStep &&
    (data[at + step * ((far + 1) >> 1)] as number) <= lightest &&
    (data[at + step * far] as number) <= lightest
  );
}

/** Tells whether a pixel lies in an area of tone that is wide and high, and not in a stroke of grey or coloured text. */
function isInArea({ width, height, data }: GreyImage, x: number, y: number, yDpi: number): boolean {
  const at = y * width + x;
  const across = 5;
  const down = yDpi < 150 ? 3 : yDpi < 300 ? 5 : 10; // as far on paper
  return (
    ((x + across < width && goesOn(data, at, 1, across)) || (x >= across && goesOn(data, at, -1, across))) &&
    ((y + down < height && goesOn(data, at, width, down)) || (y >= down && goesOn(data, at, -width, down)))
  );
}

/** The tiles that hold continuous tone, row by row: 1 for each that does. */
function findToneTiles(image: GreyImage, blocks: Blocks, columns: number, yDpi: number): Uint8Array {
  const { width, height, data } = image;
  const rows = Math.ceil(height / tileSize);
  const tone = new Uint8Array(columns * rows);
  const inArea = new Uint8Array(columns * rows);
  const found: number[] = [];
  for (let tile = 0; tile < tone.length; tile++) {
    const top = Math.floor(tile / columns) * tileSize;
    const left = (tile % columns) * tileSize;
    const block = (top / blockSize) * blocks.columns + left / blockSize;
    // A block that is not there reads as undefined, or as the first of the next row, which does no harm.
    const { marks, columns: across } = blocks;
    if (!marks[block] && !marks[block + 1] && !marks[block + across] && !marks[block + across + 1]) continue;
    const bottom = Math.min(top + tileSize, height);
    const right = Math.min(left + tileSize, width);
    let samples = 0;
    let count = 0;
    let paper = 0;
    // Every second row and column is looked at, which is enough to tell an area from a stroke.
    for (let y = top; y < bottom; y += 2) {
      for (let x = left; x < right; x += 2) {
        samples++;
        const grey = data[y * width + x] as number;
        if (grey > lightest) paper++;
        else if (grey >= darkest && isInArea(image, x, y, yDpi)) count++;
      }
    }
    inArea[tile] = count;
    // In the blurred text of a coarse scan there is paper between the strokes; in a photograph there is hardly any.
    if (count * 4 > samples && paper * 16 < samples) {
      tone[tile] = 1;
      found.push(tile);
    }
  }
  if (found.length === 0) return tone;
  // An area is followed into the tiles around it, or its rim would be cut to a bar.
  for (let tile = found.pop(); tile !== undefined; tile = found.pop()) {
    const column = tile % columns;
    const neighbours = [
      column > 0 ? tile - 1 : -1,
      column + 1 < columns ? tile + 1 : -1,
      tile - columns,
      tile + columns,
    ];
    for (const neighbour of neighbours) {
      if (tone[neighbour] !== 0 || (inArea[neighbour] as number) < 2) continue;
      tone[neighbour] = 1;
      found.push(neighbour);
    }
  }
  // And where most neighbours are tone, so that highlights and shadows inside a photograph are dots too.
  const grown = tone.slice();
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      if (tone[row * columns + column] === 1) continue;
      let neighbours = 0;
      for (let y = Math.max(0, row - 1); y <= Math.min(rows - 1, row + 1); y++) {
        for (let x = Math.max(0, column - 1); x <= Math.min(columns - 1, column + 1); x++) {
          neighbours += tone[y * columns + x] as number;
        }
      }
      if (neighbours >= 4) grown[row * columns + column] = 1;
    }
  }
  return grown;
}

/**
 * Gives text and lines in yellow or light grey, which the threshold has thinned or taken away, a threshold of their own:
 * half way between them and the paper. Done only where the paper is wholly white, since on a scan it would bring stains
 * and the other side of the sheet to light; and not next to ink, whose smooth edges are light too, nor to tone.
 */
function keepFaintStrokes(
  { width, height, data }: GreyImage,
  blocks: Blocks,
  isTone: (x: number, y: number) => boolean,
  ink: number,
  out: Uint8Array,
  outAt: number,
  stride: number,
): void {
  const around = 4;
  const { marks, columns } = blocks;
  for (let block = marks.indexOf(notWhite); block >= 0; block = marks.indexOf(notWhite, block + 1)) {
    const top = Math.floor(block / columns) * blockSize;
    const left = (block % columns) * blockSize;
    const bottom = Math.min(top + blockSize + around, height);
    const right = Math.min(left + blockSize + around, width);
    let darkestHere = 255;
    let paper = 0;
    let seen = 0;
    for (let y = Math.max(0, top - around); y < bottom && darkestHere >= ink; y++) {
      for (let x = Math.max(0, left - around); x < right; x++) {
        const grey = data[y * width + x] as number;
        if (grey < darkestHere) darkestHere = grey;
        if (grey === 255) paper++;
        seen++;
      }
    }
    if (darkestHere < ink || darkestHere > lightest || paper * 4 < seen || isTone(left, top)) continue;
    const middle = (darkestHere + 255) >> 1;
    for (let y = top; y < Math.min(top + blockSize, height); y++) {
      let byte = 0;
      for (let bit = 0; bit < 8 && left + bit < width; bit++) {
        if ((data[y * width + left + bit] as number) < middle) byte |= 0x80 >>> bit;
      }
      out[outAt + y * stride + (left >>> 3)] = byte;
    }
  }
}

/** Tells whether a tile or one around it is tone. */
function isNearTone(tone: Uint8Array, columns: number, column: number, row: number): boolean {
  for (let y = Math.max(0, row - 1); y <= row + 1; y++) {
    for (let x = Math.max(0, column - 1); x <= Math.min(columns - 1, column + 1); x++) {
      if (tone[y * columns + x] === 1) return true;
    }
  }
  return false;
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

/**
 * Packs one row, cut at one threshold, and marks its blocks. White stretches, most of a page, are passed over in long
 * steps.
 */
function packRow(
  view: DataView,
  at: number,
  width: number,
  threshold: number,
  out: Uint8Array,
  outAt: number,
  marks: Uint8Array,
  firstBlock: number,
): void {
  // Four pixels are compared at once: a byte is at least the threshold when its highest bit is set and its other bits
  // carry into that bit after this is added. So the thresholds have to be 128 or more.
  const carry = (256 - threshold) * 0x01010101;
  const inkCarry = (256 - threshold + inkMargin) * 0x01010101;
  const end = at + width;
  let from = at;
  let to = outAt;
  while (from + 8 <= end) {
    const left = view.getInt32(from);
    const right = view.getInt32(from + 4);
    if ((left & right) !== -1) {
      const [lowLeft, lowRight] = [left & 0x7f7f7f7f, right & 0x7f7f7f7f];
      out[to] = ~((gather(left & (lowLeft + carry)) << 4) | gather(right & (lowRight + carry)));
      const noInk = left & (lowLeft + inkCarry) & right & (lowRight + inkCarry) & 0x80808080;
      const block = firstBlock + to - outAt;
      marks[block] = (marks[block] as number) | (noInk === (0x80808080 | 0) ? notWhite : notWhite | hasInk);
    } else {
      while (
        from + 40 <= end &&
        (view.getInt32(from + 8) &
          view.getInt32(from + 12) &
          view.getInt32(from + 16) &
          view.getInt32(from + 20) &
          view.getInt32(from + 24) &
          view.getInt32(from + 28) &
          view.getInt32(from + 32) &
          view.getInt32(from + 36)) ===
          -1
      ) {
        from += 32;
        to += 4;
      }
    }
    from += 8;
    to++;
  }
  if (from < end) marks[firstBlock + to - outAt] = notWhite | hasInk;
  for (let bit = 0x80; from < end; from++, bit >>>= 1) {
    if (view.getUint8(from) < threshold) out[to] = (out[to] as number) | bit;
  }
}

/** The highest bits of four bytes as four bits. */
function gather(word: number): number {
  return ((word >>> 28) & 8) | ((word >>> 21) & 4) | ((word >>> 14) & 2) | ((word >>> 7) & 1);
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
  // What this row and the next still owe, in sixteenths, with a cell to spare on both sides.
  let now = new Int32Array(width + 2);
  let next = new Int32Array(width + 2);
  for (let y = 0; y < height; y++) {
    const rowAt = outAt + y * stride;
    // Every second row runs from right to left, which avoids worm patterns.
    const step = y & 1 ? -1 : 1;
    let ahead = 0;
    for (let count = 0, x = step > 0 ? 0 : width - 1; count < width; count++, x += step) {
      const grey = data[y * width + x] as number;
      const owed = (now[x + 1] as number) + ahead;
      ahead = 0;
      if (grey === 255 && owed === 0) continue;
      const wanted = grey * 16 + owed;
      const black = wanted < 2048;
      if (black) out[rowAt + (x >>> 3)] = (out[rowAt + (x >>> 3)] as number) | (0x80 >>> (x & 7));
      const error = (black ? wanted : wanted - 4080) >> 4;
      ahead = error * 7;
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
  const blockColumns = Math.ceil(image.width / blockSize);
  const marks = new Uint8Array(blockColumns * Math.ceil(image.height / blockSize));
  const view = new DataView(image.data.buffer, image.data.byteOffset, image.data.byteLength);
  for (let y = 0; y < image.height; y++) {
    const firstBlock = Math.floor(y / blockSize) * blockColumns;
    packRow(view, y * image.width, image.width, threshold, data, outAt + y * stride, marks, firstBlock);
  }
  if (halftone === "hybrid") {
    const blocks = { columns: blockColumns, marks };
    const columns = Math.ceil(image.width / tileSize);
    const tone = findToneTiles(image, blocks, columns, yDpi);
    const screen = screenFor(yDpi);
    for (let tile = tone.indexOf(1); tile >= 0; tile = tone.indexOf(1, tile + 1)) {
      const top = Math.floor(tile / columns) * tileSize;
      const column = tile % columns;
      for (let y = top; y < Math.min(top + tileSize, image.height); y++) {
        screenTile(image, column * tileSize, y, screen, data, outAt + y * stride + column * 2);
      }
    }
    const isTone = (x: number, y: number) =>
      isNearTone(tone, columns, Math.floor(x / tileSize), Math.floor(y / tileSize));
    keepFaintStrokes(image, blocks, isTone, threshold - inkMargin, data, outAt, stride);
  }
  return { width, height, data };
}
