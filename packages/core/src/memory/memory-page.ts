import { fromPageCursor, type PagePosition, toPageCursor } from "../ports/page-cursor.ts";
import type { Page } from "../ports/stores.ts";

/** Cuts one page, newest first by (createdAt, id), out of all matching rows. */
export function memoryPage<Row extends PagePosition>(
  rows: Row[],
  query: { limit: number; cursor?: string },
): Page<Row> {
  const after = query.cursor === undefined ? undefined : fromPageCursor(query.cursor);
  const rest = (after ? rows.filter((row) => newestFirst(after, row) < 0) : rows).sort(newestFirst);
  const items = rest.slice(0, query.limit);
  const last = items[items.length - 1];
  return last && rest.length > items.length ? { items, nextCursor: toPageCursor(last) } : { items };
}

/** Orders (createdAt, id) downwards. */
function newestFirst(a: PagePosition, b: PagePosition): number {
  return b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}
