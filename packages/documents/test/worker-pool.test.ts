import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { RendererAnswer, RendererRequest } from "../src/pdf-renderer-worker.ts";
import { WorkerPool } from "../src/worker-pool.ts";
import type { WorkerThread } from "../src/worker-thread.ts";

const hasWorker = existsSync(new URL("../dist/pdf-renderer-worker.js", import.meta.url));

describe.runIf(hasWorker)("WorkerPool (needs a build)", () => {
  const settings = { script: "pdf-renderer-worker", heapBytes: 64 << 20, idleMs: 30_000 };
  type Thread = WorkerThread<RendererRequest, RendererAnswer>;

  /** The thread that some work was done in. */
  const threadOf = (pool: WorkerPool<RendererRequest, RendererAnswer>, work?: (thread: Thread) => unknown) =>
    pool.use(async (thread) => {
      const answer = await thread.ask({ kind: "close" }, { subject: "nothing", deadlineMs: 20_000 });
      expect(answer.kind).toBe("closed");
      work?.(thread);
      return thread;
    });

  it("uses a thread again, and replaces it after so many uses", async () => {
    const pool = new WorkerPool<RendererRequest, RendererAnswer>({ ...settings, size: 1, usesPerThread: 2 });
    const threads = [await threadOf(pool), await threadOf(pool), await threadOf(pool)];
    expect(threads[1]).toBe(threads[0]);
    expect(threads[2]).not.toBe(threads[1]);
    expect(threads.map((thread) => thread.isUsable)).toEqual([false, false, true]);
    await threads[2]?.end();
  });

  it("does not use again what is said to be spent, or has ended", async () => {
    const pool = new WorkerPool<RendererRequest, RendererAnswer>({ ...settings, size: 1, usesPerThread: 50 });
    const spent = await threadOf(pool, (thread) => thread.retire());
    const ended = await threadOf(pool);
    expect(ended).not.toBe(spent);
    await ended.end();
    const next = await threadOf(pool);
    expect(next).not.toBe(ended);
    await next.end();
  });

  it("ends a thread that has waited long enough for work", async () => {
    const pool = new WorkerPool<RendererRequest, RendererAnswer>({
      ...settings,
      size: 1,
      usesPerThread: 50,
      idleMs: 1,
    });
    const thread = await threadOf(pool);
    await expect.poll(() => thread.isUsable).toBe(false);
  });
});
