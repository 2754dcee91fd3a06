import type { EmulatorRequest, EmulatorResponse } from "../emulator-server.ts";
import type { SignalWireRefuse } from "./signalwire-emulator-error.ts";
import type { SignalWireFax } from "./signalwire-emulator-fax.ts";

const pagingKeys = new Set(["Page", "PageSize", "PageToken"]);
const filterKeys = new Set(["DateCreatedAfter", "DateCreatedOnOrBefore", "From", "To"]);

/**
 * Applies the query of `GET /Faxes`: newest first; there is no filter by status or direction.
 *
 * @returns the matching faxes, or the text of what is wrong with the query
 */
export function filterSignalWireFaxes(
  faxes: readonly SignalWireFax[],
  query: URLSearchParams,
): SignalWireFax[] | string {
  for (const key of query.keys()) {
    if (!pagingKeys.has(key) && !filterKeys.has(key)) return `${key} is not a known parameter`;
  }
  for (const name of ["From", "To"]) {
    const value = query.get(name);
    // A plus sign that was not percent-encoded arrives as a space.
    if (value !== null && !/^(\+[0-9]{4,15}|sips?:\S+)$/.test(value)) return `${name} is not a valid number`;
  }
  const time = (name: string, fallback: number): number => {
    const text = query.get(name);
    if (text === null) return fallback;
    return /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(text)
      ? Date.parse(text)
      : Number.NaN;
  };
  const after = time("DateCreatedAfter", Number.NEGATIVE_INFINITY);
  const before = time("DateCreatedOnOrBefore", Number.POSITIVE_INFINITY);
  if (Number.isNaN(after) || Number.isNaN(before)) return "Dates must be in ISO 8601";
  return faxes
    .filter((fax) => {
      const created = Date.parse(fax.date_created);
      return (
        created > after &&
        created <= before &&
        (query.get("From") ?? fax.from) === fax.from &&
        (query.get("To") ?? fax.to) === fax.to
      );
    })
    .reverse()
    .sort((a, b) => Date.parse(b.date_created) - Date.parse(a.date_created));
}

/** Cuts a list into the page that the query asks for, with the vendor's links. `items` may have a second name. */
export function signalwirePage(
  request: EmulatorRequest,
  keys: readonly string[],
  items: readonly object[],
  refuse: SignalWireRefuse,
): EmulatorResponse {
  const { query, path } = request;
  const page = wholeNumber(query.get("Page"), 0);
  const size = wholeNumber(query.get("PageSize"), 50);
  if (!(page >= 0)) return refuse(422, 10000, "Page must be a whole number from 0");
  if (!(size >= 1 && size <= 1000))
    return refuse(422, 10000, "PageSize must be a whole number from 1 to 1000");
  if (page > 0 && query.get("PageToken") !== pageToken(page)) {
    return refuse(422, 10000, "PageToken is required for every page but the first");
  }
  const uri = (number: number): string => {
    const link = new URLSearchParams(query);
    link.set("Page", String(number));
    link.set("PageSize", String(size));
    if (number > 0) link.set("PageToken", pageToken(number));
    else link.delete("PageToken");
    return `${path}?${link.toString()}`;
  };
  const shown = items.slice(page * size, (page + 1) * size);
  return {
    status: 200,
    body: {
      uri: uri(page),
      first_page_uri: uri(0),
      next_page_uri: (page + 1) * size < items.length ? uri(page + 1) : null,
      previous_page_uri: page > 0 ? uri(page - 1) : null,
      page,
      page_size: size,
      ...Object.fromEntries(keys.map((key) => [key, shown])),
    },
  };
}

function pageToken(page: number): string {
  return `PA${Buffer.from(`page ${page}`).toString("hex")}`;
}

function wholeNumber(text: string | null, fallback: number): number {
  if (text === null) return fallback;
  return /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
}
