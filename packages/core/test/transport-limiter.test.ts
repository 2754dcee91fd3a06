import { expect, test } from "vitest";
import { transportLimiter } from "../src/engine/transport-limiter.ts";

test("who gives up does not wait for those in front, and takes no turn", async () => {
  const limiter = transportLimiter({});
  limiter.block(60_000);
  const [first, second] = [new AbortController(), new AbortController()];
  const waiting = limiter.acquire(first.signal);
  const behind = limiter.acquire(second.signal);
  second.abort(new Error("gave up"));
  await expect(behind).rejects.toThrow("gave up");
  first.abort(new Error("gave up too"));
  await expect(waiting).rejects.toThrow("gave up too");
  await expect(limiter.acquire(AbortSignal.abort(new Error("too late")))).rejects.toThrow("too late");
});

test("serves in the order of the line", async () => {
  const limiter = transportLimiter({ requests_per_second: 200 });
  const served: number[] = [];
  const gone = new AbortController();
  const line = [1, 2, 3, 4, 5].map((place) =>
    limiter.acquire(place === 3 ? gone.signal : undefined).then(
      () => served.push(place),
      () => {},
    ),
  );
  gone.abort();
  await Promise.all(line);
  expect(served).toEqual([1, 2, 4, 5]);
});

test("leaves more time between calls than the rate alone would", async () => {
  const limiter = transportLimiter({ requests_per_second: 5 });
  const startedAt = performance.now();
  for (let calls = 0; calls < 4; calls += 1) await limiter.acquire();
  // A timer may fire a millisecond early.
  expect(performance.now() - startedAt).toBeGreaterThan(3 * 249);
});
