const longestMs = 24 * 60 * 60 * 1000;

/**
 * Reads a `Retry-After` header (RFC 9110 section 10.2.3): seconds, or a date. A day is the most that is believed.
 *
 * @returns milliseconds from `now`, or `undefined` when there is no such header or it cannot be read
 * @example
 * retryAfterMs("120", new Date()); // 120000
 */
export function retryAfterMs(header: string | null, now: Date): number | undefined {
  const text = header?.trim();
  if (!text) return undefined;
  // Date.parse would take "-1" for a year; an HTTP date starts with the day of the week.
  const date = /^[A-Za-z]{3,9},? /.test(text) ? Date.parse(text) : Number.NaN;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : date - now.getTime();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), longestMs) : undefined;
}
