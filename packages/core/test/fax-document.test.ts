import { randomBytes } from "node:crypto";
import { documentFromBytes, readDocument, streamBytes } from "@faxbot/core/transport";
import { describe, expect, it } from "vitest";

describe("documentFromBytes", () => {
  const bytes = randomBytes(200_000);
  const document = documentFromBytes(bytes, { mediaType: "application/pdf", fileName: "/a/b/fax.pdf" });

  it("can be read any number of times, whole and in ranges", async () => {
    expect(document).toMatchObject({ size: 200_000, fileName: "fax.pdf" });
    for (let time = 0; time < 2; time++) {
      expect(bytes.equals(await readDocument(document))).toBe(true);
      const part = await readDocument({
        ...document,
        open: () => document.open({ start: 65_535, end: 131_073 }),
      });
      expect(bytes.subarray(65_535, 131_074).equals(part)).toBe(true);
    }
  });

  it("gives copies in small pieces, so that readers may do with them what they like", async () => {
    const sizes: number[] = [];
    for await (const chunk of streamBytes(bytes)) {
      sizes.push(chunk.byteLength);
      chunk.fill(0);
    }
    expect(sizes).toEqual([65_536, 65_536, 65_536, 3_392]);
    expect(bytes.equals(await readDocument(document))).toBe(true);
    expect((await readDocument(documentFromBytes(new Uint8Array(), document))).byteLength).toBe(0);
  });
});
