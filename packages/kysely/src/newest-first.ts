import { fromPageCursor, type Page, type PagePosition, toPageCursor } from "@faxbot/core";
import { type RawBuilder, sql } from "kysely";

/** What the lists have in common. */
export interface PageQuery {
  limit: number;
  cursor?: string;
  since?: Date;
}

/** The conditions that begin a page where the last one ended. The row value lets the index find the place. */
export function pageConditions(query: PageQuery): RawBuilder<boolean>[] {
  const conditions: RawBuilder<boolean>[] = [];
  if (query.since !== undefined) conditions.push(sql`created_at >= ${query.since.getTime()}`);
  if (query.cursor !== undefined) {
    const { createdAt, id } = fromPageCursor(query.cursor);
    conditions.push(sql`(created_at, id) < (${createdAt.getTime()}, ${id})`);
  }
  return conditions;
}

/** Makes a page of rows of which one more was read than the page holds. */
export function pageOf<Item extends PagePosition>(items: Item[], limit: number): Page<Item> {
  if (items.length <= limit) return { items };
  const shown = items.slice(0, limit);
  const last = shown[shown.length - 1];
  return last === undefined ? { items: [] } : { items: shown, nextCursor: toPageCursor(last) };
}
