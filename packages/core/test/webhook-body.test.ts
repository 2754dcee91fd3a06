import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { isFaxError, readAll, spoolBytes, spoolDocument, webhookBody } from "../src/transport/index.ts";

/** A source that counts what was asked of it. */
function source(chunks: Uint8Array[]) {
  const seen = { pulled: 0, canceled: false };
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = chunks[seen.pulled++];
        if (chunk) controller.enqueue(chunk);
        else controller.close();
      },
      cancel() {
        seen.canceled = true;
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, seen };
}

const bytesOf = (length: number, offset = 0) =>
  Uint8Array.from({ length }, (_, index) => (index + offset) % 251);
const chunked = (bytes: Uint8Array, size: number) =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe.each([
  ["in memory", 5_000, 1024 * 1024],
  ["in a file", 200_000, 4096],
])("webhookBody, %s", (_, length, memoryBytes) => {
  const bytes = bytesOf(length);

  test("reads nothing before it is asked, then gives the same bytes any number of times", async () => {
    const { stream, seen } = source(chunked(bytes, 1500));
    const body = webhookBody(stream, { maxBytes: length, memoryBytes });
    expect(seen.pulled).toBe(0);
    expect(Buffer.from(await body.bytes(length)).equals(bytes)).toBe(true);
    const both = await Promise.all([body.stream(), body.stream()]);
    for (const copy of both) expect(Buffer.from(await readAll(copy, length)).equals(bytes)).toBe(true);
    await body.dispose();
    expect(await failure(body.stream())).toMatchObject({ code: "state_conflict" });
  });

  test("refuses more than the limit and stops reading", async () => {
    const { stream, seen } = source(chunked(bytes, 1500));
    const body = webhookBody(stream, { maxBytes: length - 1, memoryBytes });
    expect(isFaxError(await failure(body.bytes(length)), "document_too_large")).toBe(true);
    expect(seen.canceled).toBe(true);
    await body.dispose();
  });

  test("refuses to hold more than bytes() allows, and can still be streamed", async () => {
    const body = webhookBody(source(chunked(bytes, 1500)).stream, { maxBytes: length, memoryBytes });
    expect(isFaxError(await failure(body.bytes(100)), "document_too_large")).toBe(true);
    expect((await readAll(await body.stream(), length)).byteLength).toBe(length);
    await body.dispose();
  });
});

describe("webhookBody", () => {
  test("a disposed body cancels a source that nobody read, and one in the middle of it", async () => {
    const unread = source([bytesOf(10)]);
    await webhookBody(unread.stream, { maxBytes: 100 }).dispose();
    expect(unread.seen).toEqual({ pulled: 0, canceled: true });

    let canceled = false;
    const stuck = new ReadableStream<Uint8Array>({
      cancel() {
        canceled = true;
      },
    });
    const body = webhookBody(stuck, { maxBytes: 100 });
    const read = failure(body.bytes(100));
    await body.dispose();
    expect(await read).toMatchObject({ code: "state_conflict" });
    expect(canceled).toBe(true);
  });

  test("no body is an empty body", async () => {
    const body = webhookBody(null, { maxBytes: 10 });
    expect(await body.bytes(10)).toHaveLength(0);
    await body.dispose();
  });
});

describe("spoolBytes", () => {
  test("hashes, opens ranges, and leaves no file with a name", async () => {
    const folder = await mkdtemp(join(tmpdir(), "faxbot-test-"));
    vi.stubEnv("TMPDIR", folder);
    onTestFinished(async () => {
      vi.unstubAllEnvs();
      await rm(folder, { recursive: true });
    });
    const bytes = bytesOf(300_000);
    const spool = await spoolBytes(source(chunked(bytes, 7000)).stream, {
      maxBytes: 400_000,
      memoryBytes: 0,
    });
    expect(spool.size).toBe(300_000);
    expect(spool.sha256).toBe(Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("hex"));
    const range = await readAll(spool.open({ start: 65_530, end: 140_000 }), 400_000);
    expect(Buffer.from(range).equals(bytes.subarray(65_530, 140_001))).toBe(true);
    expect(await readdir(folder)).toEqual([]);
    await spool.dispose();
    await spool.dispose();
  });

  test("a stream that is open when the spool is disposed fails instead of reading something else", async () => {
    const spool = await spoolBytes(source(chunked(bytesOf(300_000), 7000)).stream, {
      maxBytes: 400_000,
      memoryBytes: 0,
    });
    const reader = spool.open().getReader();
    await reader.read();
    await spool.dispose();
    expect(await failure(reader.read())).toMatchObject({ code: "state_conflict" });
  });

  test("passes on the source's error and the signal's reason", async () => {
    const broken = new ReadableStream<Uint8Array>({
      pull: () => Promise.reject(new Error("connection lost")),
    });
    await expect(spoolBytes(broken, { maxBytes: 10 })).rejects.toThrow("connection lost");

    const controller = new AbortController();
    const stuck = new ReadableStream<Uint8Array>({});
    const spooling = failure(spoolBytes(stuck, { maxBytes: 10, signal: controller.signal }));
    controller.abort(new Error("enough"));
    expect(await spooling).toMatchObject({ message: "enough" });
  });

  test("a document takes only a base name", async () => {
    const document = await spoolDocument(
      source([bytesOf(3)]).stream,
      { mediaType: "application/pdf", fileName: "../../etc/fax.pdf" },
      { maxBytes: 10 },
    );
    expect(document).toMatchObject({ fileName: "fax.pdf", size: 3, mediaType: "application/pdf" });
    await document.dispose();
    expect(await failure(document.open())).toMatchObject({ code: "state_conflict" });
  });
});
