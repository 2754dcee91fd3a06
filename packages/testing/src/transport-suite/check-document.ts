import { createHash } from "node:crypto";
import { type FaxDocument, readAll } from "@faxbot/core/transport";

/** Notes what does not fit the contract in a document: size, hash, name, and that it opens more than once. */
export async function checkDocument(document: FaxDocument, fail: (defect: string) => void): Promise<void> {
  const { mediaType, fileName, size, sha256 } = document;
  if (!/^[a-z]+\/[a-z0-9.+-]+/.test(mediaType)) fail("a document's media type is none");
  if (fileName === "" || /[/\\]/.test(fileName) || fileName.startsWith(".")) {
    fail("a document's file name is not a safe base name");
  }
  for (const time of ["first", "second"]) {
    try {
      const bytes = await readAll(await document.open(), size + 1);
      if (bytes.byteLength !== size) fail("a document's size is not that of its bytes");
      if (createHash("sha256").update(bytes).digest("hex") !== sha256) {
        fail("a document's sha256 is not that of its bytes");
      }
    } catch {
      fail(`a document cannot be read a ${time} time`);
    }
  }
  try {
    const part = await readAll(await document.open({ start: 1, end: 3 }), size);
    if (part.byteLength !== 3) fail("a document's range is not inclusive at both ends");
  } catch {
    fail("a document's range cannot be opened");
  }
}
