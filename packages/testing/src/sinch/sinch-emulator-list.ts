import type { FieldViolation } from "./sinch-emulator-error.ts";
import type { SinchFax } from "./sinch-emulator-fax.ts";

const filters = new Set([
  "serviceId",
  "createTime",
  "createTime>",
  "createTime<",
  "direction",
  "status",
  "to",
  "from",
  "labels",
  "format",
  "pageSize",
  "page",
  "fromCountry",
  "toCountry",
]);

const weekMs = 7 * 24 * 60 * 60 * 1000;

/**
 * Applies the query of `GET /faxes`: newest first; `to` and `from` match by prefix; without a date filter only the
 * prior week is seen; both ends of a date range count.
 *
 * @returns the matching faxes, or what is wrong with the query
 */
export function filterFaxes(
  faxes: readonly SinchFax[],
  query: URLSearchParams,
  ignoreLabels: boolean,
): { faxes: SinchFax[] } | { violations: FieldViolation[] } {
  const violations: FieldViolation[] = [];
  const refuse = (field: string, description: string): void => {
    violations.push({ field, description });
  };
  for (const key of query.keys()) if (!filters.has(key)) refuse(key, "is not a known filter");

  const oneOf = (field: string, words: readonly string[]): string | undefined => {
    const value = query.get(field) ?? undefined;
    if (value !== undefined && !words.includes(value)) refuse(field, `must be one of ${words.join(", ")}`);
    return value;
  };
  const direction = oneOf("direction", ["OUTBOUND", "INBOUND"]);
  const status = oneOf("status", ["QUEUED", "IN_PROGRESS", "COMPLETED", "FAILURE"]);
  oneOf("format", ["csv"]);
  const prefix = (field: "to" | "from"): string | undefined => {
    const value = query.get(field) ?? undefined;
    // A plus sign that was not percent-encoded arrives as a space.
    if (value !== undefined && !/^\+[0-9]*$/.test(value))
      refuse(field, "must be an E.164 number or its beginning");
    return value;
  };
  const to = prefix("to");
  const from = prefix("from");
  const period = readPeriod(query, refuse);
  const labels = readLabels(query.get("labels"), refuse);
  if (violations.length > 0) return { violations };

  const matches = faxes.filter((fax) => {
    const createTime = Date.parse(fax.createTime);
    return (
      createTime >= period.start &&
      createTime <= period.end &&
      (direction === undefined || fax.direction === direction) &&
      (status === undefined || fax.status === status) &&
      (to === undefined || fax.to?.startsWith(to)) &&
      (from === undefined || fax.from?.startsWith(from)) &&
      sameWhereAsked(query, "serviceId", fax.serviceId) &&
      sameWhereAsked(query, "fromCountry", fax.fromCountry) &&
      sameWhereAsked(query, "toCountry", fax.toCountry) &&
      (ignoreLabels || labels.every(([key, value]) => fax.labels?.[key] === value))
    );
  });
  return { faxes: matches.sort((a, b) => Date.parse(b.createTime) - Date.parse(a.createTime)) };
}

function sameWhereAsked(query: URLSearchParams, field: string, value: string | undefined): boolean {
  const wanted = query.get(field);
  return wanted === null || wanted === value;
}

type Refuse = (field: string, description: string) => void;

function readPeriod(query: URLSearchParams, refuse: Refuse): { start: number; end: number } {
  const exact = query.get("createTime");
  const after = query.get("createTime>");
  const before = query.get("createTime<");
  if (exact === null && after === null && before === null) {
    return { start: Date.now() - weekMs, end: Number.POSITIVE_INFINITY };
  }
  const read = (field: string, text: string | null): { start: number; end: number } | undefined => {
    if (text === null) return undefined;
    const period = periodOf(text);
    if (!period) refuse(field, "must be a month, a day or an RFC 3339 time");
    return period;
  };
  const whole = read("createTime", exact);
  return {
    start: Math.max(
      whole?.start ?? Number.NEGATIVE_INFINITY,
      read("createTime>", after)?.start ?? Number.NEGATIVE_INFINITY,
    ),
    end: Math.min(
      whole?.end ?? Number.POSITIVE_INFINITY,
      read("createTime<", before)?.end ?? Number.POSITIVE_INFINITY,
    ),
  };
}

/** `2026-02` is the month, `2026-02-01` the day, a full time is that instant (to its second when it has no fraction). */
function periodOf(text: string): { start: number; end: number } | undefined {
  const month = /^(\d{4})-(\d{2})$/.exec(text);
  const start = Date.parse(month ? `${text}-01` : text);
  if (Number.isNaN(start)) return undefined;
  if (month) return { start, end: Date.UTC(Number(month[1]), Number(month[2]), 1) - 1 };
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return { start, end: start + 24 * 60 * 60 * 1000 - 1 };
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/.test(text)) return undefined;
  return { start, end: text.includes(".") ? start : start + 999 };
}

/** `labels=key,value,key,value`: form style without explode, as the OpenAPI document declares it. */
function readLabels(text: string | null, refuse: Refuse): [string, string][] {
  if (text === null) return [];
  const parts = text.split(",");
  if (parts.length % 2 !== 0) refuse("labels", "must be pairs of key and value");
  return parts.flatMap((key, index) =>
    index % 2 === 0 ? [[key, parts[index + 1] ?? ""] as [string, string]] : [],
  );
}

const csvColumns = [
  "id",
  "direction",
  "from",
  "to",
  "status",
  "numberOfPages",
  "errorType",
  "errorCode",
  "createTime",
  "completedTime",
] as const satisfies (keyof SinchFax)[];

/** The CSV export. Its columns are not documented; these are the emulator's own. */
export function faxesAsCsv(faxes: readonly SinchFax[]): string {
  const cell = (value: string | number | undefined): string =>
    /[",\r\n]/.test(String(value ?? "")) ? `"${String(value).replaceAll('"', '""')}"` : String(value ?? "");
  return [csvColumns.join(","), ...faxes.map((fax) => csvColumns.map((name) => cell(fax[name])).join(","))]
    .map((line) => `${line}\r\n`)
    .join("");
}
