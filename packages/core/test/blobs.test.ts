import { randomBytes } from "node:crypto";
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeBlobStore } from "@faxbot/testing/vitest";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { folderBlobs } from "../src/blobs/folder-blobs.ts";
import { memoryBlobs } from "../src/memory/memory-blobs.ts";

describeBlobStore("memoryBlobs", { create: async () => ({ blobs: memoryBlobs() }) });

describeBlobStore("folderBlobs", {
  create: async () => {
    const folder = await mkdtemp(join(tmpdir(), "faxbot blobs "));
    return {
      blobs: folderBlobs(join(folder, "made", "on demand")),
      close: () => rm(folder, { recursive: true }),
    };
  },
});

describe("folderBlobs on the disk", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "faxbot-blobs-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("makes files and folders that only their owner can read", async () => {
    const root = join(folder, "private");
    await folderBlobs(root).put("outbound/a/1.pdf", Buffer.from("x"));
    const modeOf = async (path: string) => (await stat(join(root, path))).mode & 0o777;
    expect(await modeOf("outbound/a/1.pdf")).toBe(0o600);
    for (const path of [".", "outbound", "outbound/a", "~unfinished"]) expect(await modeOf(path)).toBe(0o700);
  });

  it("follows no link out of the folder", async () => {
    const root = join(folder, "links");
    const blobs = folderBlobs(root);
    await blobs.put("a/kept", Buffer.from("x"));
    await writeFile(join(folder, "outside"), "secret");
    await symlink(join(folder, "outside"), join(root, "a", "link"));
    await expect(blobs.open("a/link")).rejects.toMatchObject({ code: "not_found" });
    expect(await blobs.head("a/link")).toBeUndefined();
    await blobs.delete("a/link");
    await blobs.put("a/link", Buffer.from("y"));
    expect(await readFile(join(folder, "outside"), "utf8")).toBe("secret");
    expect(await readFile(join(root, "a", "link"), "utf8")).toBe("y");
  });

  it("clears what a killed process began more than a day ago, and nothing younger", async () => {
    const root = join(folder, "leftovers");
    const unfinished = join(root, "~unfinished");
    await mkdir(unfinished, { recursive: true });
    for (const name of ["old", "young"]) await writeFile(join(unfinished, name), "half a document");
    const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000);
    await utimes(join(unfinished, "old"), yesterday, yesterday);
    const blobs = folderBlobs(root);
    await blobs.put("a", Buffer.from("x"));
    expect(await readdir(unfinished)).toEqual(["young"]);
    const listed: string[] = [];
    for await (const info of blobs.list("")) listed.push(info.key);
    expect(listed).toEqual(["a"]);
  });

  it("says that the disk refuses, and not what is on it", async () => {
    const file = join(folder, "a-file");
    await writeFile(file, "");
    const failing = folderBlobs(join(file, "below"));
    await expect(failing.put("a", Buffer.from("x"))).rejects.toMatchObject({
      code: "store_unavailable",
      message: "The blob folder cannot be used (ENOTDIR).",
    });
    expect(await failing.head("a")).toBeUndefined();
  });

  it.skipIf(process.getuid?.() === 0)("says so when it may not read (not as root, who may)", async () => {
    const blobs = folderBlobs(join(folder, "unreadable"));
    await blobs.put("a", Buffer.from("x"));
    await chmod(join(folder, "unreadable", "a"), 0o000);
    await expect(blobs.open("a")).rejects.toMatchObject({ code: "store_unavailable" });
  });

  it("reads a large document in small pieces", async () => {
    const blobs = folderBlobs(join(folder, "large"));
    const piece = randomBytes(1024 * 1024);
    let left = 32;
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => (left-- > 0 ? controller.enqueue(piece) : controller.close()),
    });
    const { size } = await blobs.put("large", stream);
    expect(size).toBe(32 * 1024 * 1024);
    let largest = 0;
    let total = 0;
    for await (const chunk of await blobs.open("large")) {
      largest = Math.max(largest, chunk.byteLength);
      total += chunk.byteLength;
    }
    expect([total, largest]).toEqual([size, 64 * 1024]);
  });
});
