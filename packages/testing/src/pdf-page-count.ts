import { inflateSync } from "node:zlib";

const pageObject = /\/Type\s*\/Page(?![A-Za-z])/g;
const objectStream = /\/Type\s*\/ObjStm[\s\S]{0,400}?stream\r?\n/g;

/**
 * Counts the pages of a PDF by its page objects, also those inside compressed object streams. Good enough for what an
 * emulator is sent; not a parser, and not for hostile files.
 *
 * @returns the number of pages, or 0 when the bytes are not a PDF
 */
export function countPdfPages(bytes: Uint8Array): number {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString("latin1");
  if (!text.startsWith("%PDF-")) return 0;
  let pages = text.match(pageObject)?.length ?? 0;
  for (const match of text.matchAll(objectStream)) {
    try {
      const inflated = inflateSync(buffer.subarray(match.index + match[0].length), {
        maxOutputLength: 8 * 1024 * 1024,
      });
      pages += inflated.toString("latin1").match(pageObject)?.length ?? 0;
    } catch {
      // A stream that does not inflate holds no pages that we could count.
    }
  }
  return pages;
}
