/** A tag: its number, its type (3 SHORT, 4 LONG, 5 RATIONAL as pairs, 7 UNDEFINED) and its values. */
export type TiffTag = [tag: number, type: 1 | 3 | 4 | 5 | 7, values: readonly number[]];

/** A page for {@link buildTiff}. */
export interface TiffBuilderPage {
  tags: TiffTag[];
  /** The data of its strips or tiles. */
  segments: Uint8Array[];
  /** True to write TileOffsets and TileByteCounts instead of those of strips. */
  tiled?: boolean;
}

/** Tags of a page with 204 x 196 dots per inch; later tags of the same number replace earlier ones. */
export function pageTags(width: number, height: number, ...more: TiffTag[]): TiffTag[] {
  const tags = new Map<number, TiffTag>();
  const base: TiffTag[] = [
    [256, 4, [width]],
    [257, 4, [height]],
    [258, 3, [1]],
    [259, 3, [1]],
    [262, 3, [0]],
    [277, 3, [1]],
    [278, 4, [height]],
    [282, 5, [204, 1]],
    [283, 5, [196, 1]],
    [296, 3, [2]],
  ];
  for (const tag of [...base, ...more]) tags.set(tag[0], tag);
  return [...tags.values()];
}

const sizes = { 1: 1, 3: 2, 4: 4, 5: 4, 7: 1 } as const;

/** Writes a classic TIFF file. */
export function buildTiff(pages: readonly TiffBuilderPage[], order: "II" | "MM" = "II"): Uint8Array {
  const little = order === "II";
  const chunks: Uint8Array[] = [];
  let length = 0;
  const append = (chunk: Uint8Array): number => {
    if (length % 2 === 1) {
      chunks.push(new Uint8Array(1));
      length += 1;
    }
    const at = length;
    chunks.push(chunk);
    length += chunk.length;
    return at;
  };
  const header = new Uint8Array(8);
  const headerView = new DataView(header.buffer);
  header.set(Buffer.from(order, "latin1"));
  headerView.setUint16(2, 42, little);
  append(header);
  let pointer = { view: headerView, at: 4 };
  for (const page of pages) {
    const offsets = page.segments.map((segment) => append(segment));
    const tags: TiffTag[] = [
      ...page.tags,
      [page.tiled ? 324 : 273, 4, offsets],
      [page.tiled ? 325 : 279, 4, page.segments.map((segment) => segment.length)],
    ];
    tags.sort(([a], [b]) => a - b);
    const directory = new Uint8Array(2 + tags.length * 12 + 4);
    const view = new DataView(directory.buffer);
    view.setUint16(0, tags.length, little);
    tags.forEach(([tag, type, values], index) => {
      const at = 2 + index * 12;
      const bytes = new Uint8Array(values.length * sizes[type]);
      const valueView = new DataView(bytes.buffer);
      values.forEach((value, i) => {
        if (sizes[type] === 1) valueView.setUint8(i, value);
        else if (sizes[type] === 2) valueView.setUint16(i * 2, value, little);
        else valueView.setUint32(i * 4, value, little);
      });
      view.setUint16(at, tag, little);
      view.setUint16(at + 2, type, little);
      view.setUint32(at + 4, type === 5 ? values.length / 2 : values.length, little);
      if (bytes.length <= 4) directory.set(bytes, at + 8);
      else view.setUint32(at + 8, append(bytes), little);
    });
    const start = append(directory);
    pointer.view.setUint32(pointer.at, start, little);
    pointer = { view, at: 2 + tags.length * 12 };
  }
  return new Uint8Array(Buffer.concat(chunks));
}
