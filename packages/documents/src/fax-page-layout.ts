/** Lines per inch of the resolutions of a fax (T.30 table 2); pixels are 204 per inch across in all of them. */
export const faxResolutions = { standard: 98, fine: 196, superfine: 391 } as const;

/** `standard` 204 x 98, `fine` 204 x 196, `superfine` 204 x 391 dots per inch. */
export type FaxResolution = keyof typeof faxResolutions;

/**
 * How long a page of the fax is: `source` as long as the page it is made of; `a4`, `letter` and `legal` all of that
 * length, with what is longer made smaller and what is shorter filled up with white.
 */
export type FaxPageSize = "source" | "a4" | "letter" | "legal";

/** Where a page of a document comes to lie on a page of the fax, in pixels of the fax. */
export interface FaxPageLayout {
  /** True when the page is a quarter turn counter-clockwise, its top at the left. */
  turned: boolean;
  /** Size on the fax to size in the document, 1 at most. */
  scale: number;
  /** The picture of the page, after it is turned. */
  width: number;
  height: number;
  /** White to the left of the picture: a multiple of 8, so that its rows start at a byte. */
  left: number;
  /** Rows of the fax page. The picture starts at its top. */
  pageHeight: number;
}

/** Pixels per row of an A4 fax, the one width that every machine has. */
export const faxPageWidth = 1728;
/** Pixels per inch across. */
export const faxDotsPerInch = 204;

const pointsPerInch = 72;
const printableWidth = (faxPageWidth / faxDotsPerInch) * pointsPerInch;
const sheetLengths = { a4: 841.89, letter: 792, legal: 1008 } as const;
/** Twice A4. Not every machine takes longer pages, and they bound what a page costs. */
const maxLength = 2 * sheetLengths.a4;
/** Pages are turned only when they are clearly wider than high. */
const landscapeRatio = 1.05;

/**
 * Lays a page out on a fax page: landscape is turned, what is too wide is made smaller, and the rest keeps its size.
 *
 * @param width of the page as it shows, in points (1/72 inch)
 * @param height of the page as it shows, in points
 * @returns undefined when the fax page would be longer than two sheets of A4
 */
export function layOutFaxPage(
  width: number,
  height: number,
  resolution: FaxResolution,
  pageSize: FaxPageSize,
): FaxPageLayout | undefined {
  const turned = width > landscapeRatio * height;
  const [across, down] = turned ? [height, width] : [width, height];
  const sheet = pageSize === "source" ? undefined : sheetLengths[pageSize];
  const scale = Math.min(1, printableWidth / across, sheet === undefined ? 1 : sheet / down);
  const pixels = (points: number, dpi: number) => Math.max(1, Math.round((points / pointsPerInch) * dpi));
  const yDpi = faxResolutions[resolution];
  const layout = {
    turned,
    scale,
    width: Math.min(faxPageWidth, pixels(across * scale, faxDotsPerInch)),
    height: pixels(down * scale, yDpi),
  };
  if (layout.height > pixels(maxLength, yDpi)) return undefined;
  return {
    ...layout,
    left: ((faxPageWidth - layout.width) >> 4) << 3,
    pageHeight: sheet === undefined ? layout.height : Math.max(layout.height, pixels(sheet, yDpi)),
  };
}
