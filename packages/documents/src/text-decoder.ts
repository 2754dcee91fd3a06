import { FaxError } from "@faxbot/core/transport";
import type { TimeSlice } from "./time-slice.ts";

// Every control character (C0, DEL, C1) except tab, LF, form feed and CR.
const controlCharacter = /[^\P{Cc}\t\n\f\r]/u;
const chunkBytes = 1 << 16;
/** What Windows-1252 has at 0x80 to 0x9f (WHATWG Encoding); the five that it leaves open stay control characters. */
const windows1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ";

/**
 * Decodes a text document by a fixed rule: a byte order mark decides (UTF-8, UTF-16 LE or BE); else it is UTF-8 when
 * that is valid; else Windows-1252, the superset of ISO 8859-1 that such files are written in.
 *
 * @param bytes the whole document
 * @returns the text without its byte order mark, in pieces that are decoded when they are asked for: a long text takes
 * several times the memory of its bytes
 * @throws FaxError `document_unsupported` when it holds NUL or another control character: then it is not text;
 * `document_invalid` when it is not valid UTF-16 after a byte order mark that says so
 */
export async function decodeText(bytes: Uint8Array, slice: TimeSlice): Promise<Iterable<string>> {
  const encodings = encodingsOf(bytes);
  for (const encoding of encodings) {
    if (await isText(bytes, encoding, slice)) return { [Symbol.iterator]: () => decode(bytes, encoding) };
  }
  throw new FaxError("document_invalid", "the text is not valid UTF-16");
}

/** In the order they are tried. No bytes are invalid as Windows-1252. */
function encodingsOf(bytes: Uint8Array): string[] {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return ["utf-16le"];
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return ["utf-16be"];
  return ["utf-8", "windows-1252"];
}

/** False for bytes that are invalid in this encoding; throws for control characters. */
async function isText(bytes: Uint8Array, encoding: string, slice: TimeSlice): Promise<boolean> {
  const parts = decode(bytes, encoding);
  for (;;) {
    if (slice.due()) await slice.pause();
    let part: string | undefined;
    try {
      part = parts.next().value;
    } catch {
      return false;
    }
    if (part === undefined) return true;
    const [control] = controlCharacter.exec(part) ?? [];
    if (control !== undefined) {
      const code = control.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
      const message = `the document is neither PDF, TIFF nor plain text, which has no control character U+${code}`;
      throw new FaxError("document_unsupported", message);
    }
  }
}

/** @throws TypeError for bytes that are invalid in this encoding */
function* decode(bytes: Uint8Array, encoding: string): Generator<string, undefined> {
  const decoder = new TextDecoder(encoding, { fatal: true });
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const last = at + chunkBytes >= bytes.length;
    const part = decoder.decode(bytes.subarray(at, at + chunkBytes), { stream: !last });
    // Some releases of Node 22 and 23 take it for ISO 8859-1.
    yield encoding === "windows-1252"
      ? part.replace(/[\u0080-\u009f]/g, (character) => windows1252[character.charCodeAt(0) - 0x80] ?? "")
      : part;
  }
}
