import { documentFromBytes, type FaxDocument } from "@faxbot/core/transport";

/**
 * A fax TIFF as the document engine makes it: 1 bit, 1728 pixels wide, Group 4, 204 x 196 dots per inch. Every row says
 * "as the row above", so the pages are white.
 */
export function faxTiff(pages = 1): FaxDocument {
  const rows = 8;
  // T.6: V0 is the bit 1, and the end of the block is twice 000000000001.
  const strip = Buffer.from([0xff, 0x00, 0x10, 0x01]);
  const parts: Buffer[] = [Buffer.from([0x49, 0x49, 42, 0, 0, 0, 0, 0])];
  let size = 8;
  let link = { part: 0, at: 4 };
  for (let page = 0; page < pages; page += 1) {
    const stripAt = size;
    const resolutionAt = stripAt + strip.length;
    const entriesAt = resolutionAt + 16;
    const entries: [tag: number, type: number, value: number][] = [
      [256, 4, 1728],
      [257, 4, rows],
      [258, 3, 1],
      [259, 3, 4],
      [262, 3, 0],
      [273, 4, stripAt],
      [277, 3, 1],
      [278, 4, rows],
      [279, 4, strip.length],
      [282, 5, resolutionAt],
      [283, 5, resolutionAt + 8],
      [296, 3, 2],
    ];
    const body = Buffer.alloc(strip.length + 16 + 2 + entries.length * 12 + 4);
    strip.copy(body);
    for (const [index, value] of [204, 1, 196, 1].entries()) {
      body.writeUInt32LE(value, strip.length + index * 4);
    }
    body.writeUInt16LE(entries.length, entriesAt - stripAt);
    for (const [index, [tag, type, value]] of entries.entries()) {
      const at = entriesAt - stripAt + 2 + index * 12;
      body.writeUInt16LE(tag, at);
      body.writeUInt16LE(type, at + 2);
      body.writeUInt32LE(1, at + 4);
      body.writeUInt32LE(value, at + 8);
    }
    parts[link.part]?.writeUInt32LE(entriesAt, link.at);
    link = { part: parts.length, at: body.length - 4 };
    parts.push(body);
    size += body.length;
  }
  return documentFromBytes(Buffer.concat(parts), {
    mediaType: "image/tiff;profile=fax",
    fileName: "fax.tif",
  });
}
