const firstMs = 500;
const longestMs = 60_000;

/**
 * How long to wait before connecting again, in ms: twice as long after each failure, at most a minute, and never quite
 * the same for two processes.
 *
 * @param failures connections that failed in a row, 1 or more
 * @example
 * await sleep(reconnectDelay(3), undefined, { signal }); // 1 to 2 s
 */
export function reconnectDelay(failures: number): number {
  const delay = Math.min(firstMs * 2 ** Math.min(failures - 1, 20), longestMs);
  return delay * (0.5 + Math.random() / 2);
}
