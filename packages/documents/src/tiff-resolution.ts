import type { TiffPage } from "./tiff-reader.ts";

const lowest = 30;
const highest = 2400;

/**
 * The resolution of a page in dots per inch. Where the file gives none, or one that cannot be, it is inferred from the
 * width in pixels, as fax widths go with fax resolutions (RFC 2301, section 2.2.2; T.4): ignoring it shows a
 * standard-mode page at half its height.
 */
export function tiffResolution(
  page: Pick<TiffPage, "width" | "height" | "xResolution" | "yResolution" | "resolutionUnit">,
): { xDpi: number; yDpi: number } {
  const perInch = page.resolutionUnit === 3 ? 2.54 : 1;
  const xDpi = (page.xResolution ?? 0) * perInch;
  const yDpi = (page.yResolution ?? 0) * perInch;
  const plausible = (dpi: number) => dpi >= lowest && dpi <= highest;
  if (page.resolutionUnit !== 1 && plausible(xDpi) && plausible(yDpi)) return { xDpi, yDpi };
  switch (page.width) {
    case 3456:
      return { xDpi: 408, yDpi: 391 };
    case 2480:
    case 2550:
    case 2560:
    case 2592:
      return { xDpi: 300, yDpi: 300 };
    default:
      return { xDpi: 204, yDpi: page.height < 1500 ? 98 : page.height < 3000 ? 196 : 391 };
  }
}
