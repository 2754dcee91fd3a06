import type { TiffPage } from "./tiff-reader.ts";
import { tiffResolution } from "./tiff-resolution.ts";

// T.30 table 2: the pixels per row that every machine takes, and the lines per inch. A wider page (B4, A3) is rendered
// anew: most machines refuse it after they have answered.
const faxWidth = 1728;
const faxLines = [98, 196, 391];
const faxDotsPerInch = 204;
// What spandsp takes for the same resolution.
const tolerance = 0.05;

/**
 * Tells whether the pages of a TIFF file can go to a fax machine as they are: bilevel, Group 3 or 4 in strips, upright,
 * of the width and a resolution that every fax machine has (RFC 2306, TIFF-F). Anything else has to be rendered anew.
 */
export function isFaxProfile(pages: readonly TiffPage[]): boolean {
  return pages.every((page) => {
    const { xDpi, yDpi } = tiffResolution(page);
    return (
      (page.compression === 3 || page.compression === 4) &&
      page.samplesPerPixel === 1 &&
      page.bitsPerSample === 1 &&
      page.tile === undefined &&
      page.orientation === 1 &&
      // Without the tags spandsp takes the page for one of standard resolution.
      page.xResolution !== undefined &&
      page.yResolution !== undefined &&
      page.resolutionUnit !== 1 &&
      page.width === faxWidth &&
      isNear(xDpi, faxDotsPerInch) &&
      faxLines.some((lines) => isNear(yDpi, lines))
    );
  });
}

function isNear(value: number, nominal: number): boolean {
  return Math.abs(value - nominal) <= nominal * tolerance;
}
