import { describe, expect, it } from "vitest";
import { tiffResolution } from "../src/tiff-resolution.ts";

/** A page that says this of its resolution. */
function page(width: number, height: number, xResolution?: number, yResolution?: number, resolutionUnit = 2) {
  return { width, height, xResolution, yResolution, resolutionUnit };
}

describe("tiffResolution", () => {
  it("takes what the file says, in inches or centimetres", () => {
    expect(tiffResolution(page(1728, 1146, 204, 98))).toEqual({ xDpi: 204, yDpi: 98 });
    expect(tiffResolution(page(1728, 1146, 100, 40, 3))).toEqual({ xDpi: 254, yDpi: 101.6 });
    expect(tiffResolution(page(1728, 1146, 30, 2400))).toEqual({ xDpi: 30, yDpi: 2400 });
  });

  it.each([
    // Standard, fine and superfine of the three widths of paper.
    [1728, 1146, 204, 98],
    [1728, 1499, 204, 98],
    [1728, 1500, 204, 196],
    [2048, 2700, 204, 196],
    [2432, 2999, 204, 196],
    [1728, 3000, 204, 391],
    [3456, 4572, 408, 391],
    [2480, 3508, 300, 300],
    [2550, 3300, 300, 300],
    [2560, 3300, 300, 300],
    [2592, 3300, 300, 300],
  ])("infers that of %i by %i pixels where the file has none: %i by %i", (width, height, xDpi, yDpi) => {
    const inferred = { xDpi, yDpi };
    expect(tiffResolution(page(width, height))).toEqual(inferred);
    // No unit, or what cannot be.
    expect(tiffResolution(page(width, height, 72, 72, 1))).toEqual(inferred);
    expect(tiffResolution(page(width, height, 1, 1))).toEqual(inferred);
    expect(tiffResolution(page(width, height, 204, 8031))).toEqual(inferred);
    expect(tiffResolution(page(width, height, 29, 204))).toEqual(inferred);
  });
});
