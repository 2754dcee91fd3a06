/**
 * A process of its own that decodes one page with utif, which must not see foreign bytes anywhere else: a loop in a
 * file makes it allocate without end. It reads a TIFF file of one page from standard input and writes one byte, the
 * number of samples per pixel (1 grey, 3 RGB), and the pixels compressed with zlib to standard output. The width and
 * height that are expected are its arguments.
 */
import { deflateSync } from "node:zlib";
import utif from "utif";

const alphaTag = "t338";

async function main(): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  const file = Buffer.concat(chunks);
  const buffer = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength);
  const [width, height] = process.argv.slice(2).map(Number);
  const [page] = utif.decode(buffer);
  if (page === undefined) throw new Error("no page");
  utif.decodeImage(buffer, page);
  if (page.width !== width || page.height !== height) throw new Error("another size than expected");
  const rgba = utif.toRGBA8(page);
  const pixels = onWhite(rgba, page[alphaTag] !== undefined);
  process.stdout.write(Buffer.concat([Buffer.of(pixels.samples), deflateSync(pixels.data)]));
}

/** Puts the pixels on white paper; grey when none has a colour. */
function onWhite(rgba: Uint8Array, hasAlpha: boolean): { samples: number; data: Uint8Array } {
  const count = rgba.length >>> 2;
  const rgb = new Uint8Array(count * 3);
  let isGrey = true;
  for (let i = 0; i < count; i += 1) {
    const alpha = hasAlpha ? (rgba[i * 4 + 3] as number) : 255;
    for (let part = 0; part < 3; part += 1) {
      const value = rgba[i * 4 + part] as number;
      rgb[i * 3 + part] = Math.round((value * alpha + 255 * (255 - alpha)) / 255);
    }
    isGrey &&= rgb[i * 3] === rgb[i * 3 + 1] && rgb[i * 3] === rgb[i * 3 + 2];
  }
  return isGrey ? { samples: 1, data: rgb.filter((_, index) => index % 3 === 0) } : { samples: 3, data: rgb };
}

main().catch(() => {
  process.exitCode = 1;
});
