import type { PhaxioFax } from "./phaxio-emulator-fax.ts";
import { wholeNumber } from "./phaxio-emulator-send.ts";

const weekMs = 7 * 24 * 60 * 60 * 1000;
const plainFilters = new Set([
  "created_before",
  "created_after",
  "direction",
  "status",
  "phone_number",
  "per_page",
  "page",
  "api_key",
  "api_secret",
]);
const statuses = ["queued", "pendingbatch", "inprogress", "success", "failure", "partialsuccess"];

/**
 * Applies the query of `GET /faxes`: newest first; without `created_after` only the last week is seen; `phone_number`
 * matches exactly, any party; several tags must all match.
 *
 * @returns the matching faxes, or the text of what is wrong with the query
 */
export function filterPhaxioFaxes(faxes: readonly PhaxioFax[], query: URLSearchParams): PhaxioFax[] | string {
  const tags: [string, string][] = [];
  for (const [key, value] of query) {
    const tag = /^tag\[(.+)\]$/.exec(key)?.[1];
    if (tag !== undefined) tags.push([tag, value]);
    else if (!plainFilters.has(key)) return `${key} is not a known parameter`;
  }
  const direction = query.get("direction");
  if (direction !== null && direction !== "sent" && direction !== "received") {
    return "direction must be sent or received";
  }
  const status = query.get("status");
  if (status !== null && !statuses.includes(status)) return `status must be one of ${statuses.join(", ")}`;
  const number = query.get("phone_number");
  // A plus sign that was not percent-encoded arrives as a space.
  if (number !== null && !/^\+[0-9]{4,15}$/.test(number)) return "phone_number is not in E.164 format";
  const before = timeOf(query.get("created_before"), Number.POSITIVE_INFINITY);
  const after = timeOf(query.get("created_after"), Date.now() - weekMs);
  if (Number.isNaN(before)) return "created_before is not a RFC 3339 time";
  if (Number.isNaN(after)) return "created_after is not a RFC 3339 time";

  return faxes
    .filter((fax) => {
      const created = Date.parse(fax.created_at);
      const numbers = [
        fax.from_number,
        fax.to_number,
        ...(fax.recipients ?? []).map((each) => each.phone_number),
      ];
      return (
        created >= after &&
        created <= before &&
        (direction === null || fax.direction === direction) &&
        (status === null || fax.status === status) &&
        (number === null || numbers.includes(number)) &&
        tags.every(([key, value]) => fax.tags[key] === value)
      );
    })
    .sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at) || b.id - a.id);
}

/** Without a zone it is read as UTC. */
function timeOf(text: string | null, fallback: number): number {
  if (text === null) return fallback;
  const match = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?)(Z|[+-]\d{2}:\d{2})?$/.exec(text);
  return match ? Date.parse(`${match[1]}${match[2] ?? "Z"}`) : Number.NaN;
}

/** One page of a list. */
export interface PhaxioPage<Item> {
  items: Item[];
  paging: { total: number; per_page: number; page: number };
}

/** Cuts a list into the page that the query asks for. @returns the text of what is wrong otherwise */
export function pageOfPhaxio<Item>(
  items: readonly Item[],
  query: URLSearchParams,
): PhaxioPage<Item> | string {
  const per_page = wholeNumber(query.get("per_page") ?? undefined, 1, 1000) ?? 25;
  const page = wholeNumber(query.get("page") ?? undefined, 1, 1_000_000) ?? 1;
  if (Number.isNaN(per_page)) return "per_page must be a whole number from 1 to 1000";
  if (Number.isNaN(page)) return "page must be a whole number from 1";
  return {
    items: items.slice((page - 1) * per_page, page * per_page),
    paging: { total: items.length, per_page, page },
  };
}
