import { FaxError } from "../transport/fax-error.ts";

/** Where a list that is sorted newest first goes on: after this record. */
export interface PagePosition {
  createdAt: Date;
  id: string;
}

/**
 * Makes the opaque cursor that a store hands out as `nextCursor`. It names the last record of the page, so that pages
 * neither repeat nor skip a record when others are inserted in between.
 *
 * @example
 * const cursor = toPageCursor(items[items.length - 1]);
 */
export function toPageCursor(position: PagePosition): string {
  return Buffer.from(`${position.createdAt.getTime()}.${position.id}`).toString("base64url");
}

/**
 * Reads a cursor made by {@link toPageCursor}.
 *
 * @throws FaxError `request_invalid` when it is not one
 */
export function fromPageCursor(cursor: string): PagePosition {
  const match = /^(-?\d{1,16})\.(.+)$/s.exec(Buffer.from(cursor, "base64url").toString());
  const createdAt = new Date(Number(match?.[1]));
  if (match?.[2] === undefined || Number.isNaN(createdAt.getTime())) {
    throw new FaxError("request_invalid", "The cursor is not one that a list returned as nextCursor.");
  }
  return { createdAt, id: match[2] };
}
