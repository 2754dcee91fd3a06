import type { EmulatorRequest, EmulatorResponse } from "../emulator-server.ts";
import type { FieldViolation } from "./sinch-emulator-error.ts";

/** Cuts a list into the page that the query asks for, with the vendor's paging fields. */
export function pageOf<Item extends object>(
  request: EmulatorRequest,
  key: string,
  items: readonly Item[],
  defaultPageSize: number,
  refuse: (status: number, message?: string, violations?: FieldViolation[]) => EmulatorResponse,
): EmulatorResponse {
  const pageSize = wholeNumber(request.query.get("pageSize"), defaultPageSize);
  const page = wholeNumber(request.query.get("page"), 1);
  const violations: FieldViolation[] = [];
  if (!(pageSize >= 1 && pageSize <= 1000)) {
    violations.push({ field: "pageSize", description: "must be an integer from 1 to 1000" });
  }
  if (!(page >= 1)) violations.push({ field: "page", description: "must be an integer from 1" });
  if (violations.length > 0) return refuse(422, undefined, violations);
  return {
    status: 200,
    body: {
      [key]: items.slice((page - 1) * pageSize, page * pageSize),
      page,
      totalPages: Math.max(1, Math.ceil(items.length / pageSize)),
      pageSize,
      totalItems: items.length,
    },
  };
}

function wholeNumber(text: string | null, fallback: number): number {
  if (text === null) return fallback;
  return /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
}
