import { createHash, randomBytes } from "node:crypto";
import { type BlobInfo, type BlobStore, readAll } from "@faxbot/core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

/** What {@link describeBlobStore} tests. */
export interface BlobStoreUnderTest {
  blobs: BlobStore;
  /** Called when all tests have run. */
  close?(): Promise<void>;
}

/**
 * Proves that a blob store keeps every rule of the `BlobStore` port: whole or nothing, hashed while it streams, ranges,
 * lists by prefix, and no key that is not a plain relative path.
 *
 * @example
 * describeBlobStore("my blobs", { create: async () => ({ blobs: myBlobs() }) });
 */
export function describeBlobStore(name: string, options: { create(): Promise<BlobStoreUnderTest> }): void {
  describe(name, () => {
    let created: BlobStoreUnderTest;
    let blobs: BlobStore;
    let prefix: string;
    beforeAll(async () => {
      created = await options.create();
      blobs = created.blobs;
    });
    beforeEach(() => {
      prefix = `suite/${randomBytes(8).toString("hex")}`;
    });
    afterAll(async () => {
      await created?.close?.();
    });
    const read = async (key: string, range?: { start: number; end: number }) =>
      Buffer.from(await readAll(await blobs.open(key, range), 64 * 1024 * 1024));
    const list = async (start: string) => {
      const found: BlobInfo[] = [];
      for await (const info of blobs.list(start)) found.push(info);
      return found.sort((a, b) => (a.key < b.key ? -1 : 1));
    };

    it.each([0, 1, 65_536, 3_000_001])("keeps %i bytes as they are", async (size) => {
      const bytes = randomBytes(size);
      const written = { size, sha256: sha256(bytes) };
      expect(await blobs.put(`${prefix}/bytes.pdf`, bytes)).toStrictEqual(written);
      expect(await blobs.put(`${prefix}/stream.pdf`, streamOf(bytes, 50_000))).toStrictEqual(written);
      for (const key of [`${prefix}/bytes.pdf`, `${prefix}/stream.pdf`]) {
        expect(sha256(await read(key))).toBe(written.sha256);
        expect(await blobs.head(key)).toStrictEqual({ key, size, modifiedAt: expect.any(Date) });
      }
    });

    it("keeps a part of a larger buffer as that part", async () => {
      const bytes = randomBytes(100).subarray(10, 20);
      await blobs.put(`${prefix}/part`, bytes, { mediaType: "application/pdf" });
      expect(await read(`${prefix}/part`)).toEqual(Buffer.from(bytes));
    });

    it("keeps what it was handed, though the caller goes on using the buffer", async () => {
      const bytes = Buffer.from("before");
      await blobs.put(`${prefix}/copy`, bytes);
      bytes.write("after!");
      expect(String(await read(`${prefix}/copy`))).toBe("before");
    });

    it("opens a part, both ends included", async () => {
      await blobs.put(`${prefix}/range`, Buffer.from("0123456789"));
      const part = async (start: number, end: number) =>
        String(await read(`${prefix}/range`, { start, end }));
      expect(await part(0, 0)).toBe("0");
      expect(await part(3, 5)).toBe("345");
      expect(await part(0, 9)).toBe("0123456789");
      expect(await part(8, 100)).toBe("89");
    });

    it("can be read many times, also at once, and broken off", async () => {
      const bytes = randomBytes(300_000);
      await blobs.put(`${prefix}/many`, bytes);
      const reads = await Promise.all([1, 2, 3, 4].map(() => read(`${prefix}/many`)));
      for (const content of reads) expect(content.equals(bytes)).toBe(true);
      const stream = await blobs.open(`${prefix}/many`);
      const reader = stream.getReader();
      expect((await reader.read()).done).toBe(false);
      await reader.cancel();
      expect((await read(`${prefix}/many`)).equals(bytes)).toBe(true);
    });

    it("replaces what has the key", async () => {
      await blobs.put(`${prefix}/twice`, Buffer.from("a longer first content"));
      await blobs.put(`${prefix}/twice`, Buffer.from("second"));
      expect(String(await read(`${prefix}/twice`))).toBe("second");
      expect((await blobs.head(`${prefix}/twice`))?.size).toBe(6);
    });

    it("leaves one of two that are written at once, whole", async () => {
      const contents = [1, 2, 3, 4].map((byte) => Buffer.alloc(200_000, byte));
      await Promise.all(contents.map((content) => blobs.put(`${prefix}/race`, streamOf(content, 10_000))));
      const kept = sha256(await read(`${prefix}/race`));
      expect(contents.map(sha256)).toContain(kept);
    });

    it("writes nothing when the stream breaks, and keeps what was there", async () => {
      const error = new Error("the sender went away");
      const breaking = () => streamOf(randomBytes(200_000), 50_000, error);
      await expect(blobs.put(`${prefix}/new`, breaking())).rejects.toBe(error);
      expect(await blobs.head(`${prefix}/new`)).toBeUndefined();
      await blobs.put(`${prefix}/old`, Buffer.from("old"));
      await expect(blobs.put(`${prefix}/old`, breaking())).rejects.toBe(error);
      expect(String(await read(`${prefix}/old`))).toBe("old");
      expect((await list(`${prefix}/`)).map((info) => info.key)).toEqual([`${prefix}/old`]);
    });

    it("writes nothing when the caller aborts, even while it waits for the next chunk", async () => {
      const controller = new AbortController();
      const reason = new Error("enough");
      let canceled: unknown;
      const endless = () =>
        new ReadableStream<Uint8Array>({
          start: (stream) => stream.enqueue(Buffer.from("begin")),
          cancel: (why) => {
            canceled = why;
          },
        });
      const putting = blobs.put(`${prefix}/aborted`, endless(), { signal: controller.signal });
      setTimeout(() => controller.abort(reason), 20);
      await expect(putting).rejects.toBe(reason);
      expect(canceled).toBe(reason);
      expect(await blobs.head(`${prefix}/aborted`)).toBeUndefined();
      canceled = undefined;
      const late = blobs.put(`${prefix}/late`, endless(), { signal: AbortSignal.abort(reason) });
      await expect(late).rejects.toBe(reason);
      expect(canceled).toBe(reason);
      expect(await list(`${prefix}/`)).toEqual([]);
    });

    it("says that there is none", async () => {
      await expect(blobs.open(`${prefix}/none`)).rejects.toMatchObject({ code: "not_found" });
      expect(await blobs.head(`${prefix}/none`)).toBeUndefined();
      expect(await blobs.delete(`${prefix}/none`)).toBeUndefined();
      await blobs.put(`${prefix}/folder/file`, Buffer.from("x"));
      await expect(blobs.open(`${prefix}/folder`)).rejects.toMatchObject({ code: "not_found" });
      expect(await blobs.head(`${prefix}/folder`)).toBeUndefined();
    });

    it("deletes", async () => {
      await blobs.put(`${prefix}/a`, Buffer.from("a"));
      await blobs.put(`${prefix}/ab`, Buffer.from("ab"));
      await blobs.delete(`${prefix}/a`);
      await blobs.delete(`${prefix}/a`);
      expect(await blobs.head(`${prefix}/a`)).toBeUndefined();
      expect((await list(`${prefix}/`)).map((info) => info.key)).toEqual([`${prefix}/ab`]);
    });

    it("lists by prefix, which need not end at a slash", async () => {
      const keys = [
        "inbound/1.pdf",
        "inbound/10.pdf",
        "inbound/2.pdf",
        "inbound-old/1.pdf",
        "outbound/deep/er/1.pdf",
      ];
      for (const key of keys) await blobs.put(`${prefix}/${key}`, Buffer.from(key));
      const found = async (start: string) =>
        (await list(`${prefix}/${start}`)).map((info) => info.key.slice(prefix.length + 1));
      expect(await found("")).toEqual([...keys].sort());
      expect(await found("inbound/")).toEqual(["inbound/1.pdf", "inbound/10.pdf", "inbound/2.pdf"]);
      expect(await found("inbound/1")).toEqual(["inbound/1.pdf", "inbound/10.pdf"]);
      expect(await found("inbound")).toEqual([...keys].sort().slice(0, 4));
      expect(await found("outbound/deep/")).toEqual(["outbound/deep/er/1.pdf"]);
      expect(await found("none/")).toEqual([]);
      expect(await list(`${prefix}/inbound/1.`)).toStrictEqual([
        { key: `${prefix}/inbound/1.pdf`, size: 13, modifiedAt: expect.any(Date) },
      ]);
    });

    it.each([
      "",
      "/etc/passwd",
      "../outside",
      "a/../../outside",
      "a/./b",
      "..",
      "a//b",
      "a/",
      "a\\..\\b",
      "a\0b",
      "C:/x",
      "a b",
      "é",
      "a\n",
      "%2e%2e/x",
      "x".repeat(2_000),
    ])("refuses the key %j", async (key) => {
      const refusal = { code: "request_invalid" };
      await expect(blobs.put(key, Buffer.from("x"))).rejects.toMatchObject(refusal);
      await expect(blobs.open(key)).rejects.toMatchObject(refusal);
      await expect(blobs.head(key)).rejects.toMatchObject(refusal);
      await expect(blobs.delete(key)).rejects.toMatchObject(refusal);
    });
  });
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The bytes in chunks; then the stream ends or breaks. */
function streamOf(bytes: Uint8Array, chunkBytes: number, error?: Error): ReadableStream<Uint8Array> {
  let position = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      await new Promise((resolve) => setImmediate(resolve));
      if (position < bytes.byteLength) {
        controller.enqueue(bytes.slice(position, position + chunkBytes));
        position += chunkBytes;
      } else if (error) controller.error(error);
      else controller.close();
    },
  });
}
