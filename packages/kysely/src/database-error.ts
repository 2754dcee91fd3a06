import { FaxError, isFaxError } from "@faxbot/core";

/** Tells that a unique index refused a row. */
export function isUniqueViolation(error: unknown): boolean {
  const code = codeOf(error);
  return code === "23505" || code === "SQLITE_CONSTRAINT_UNIQUE" || code === "SQLITE_CONSTRAINT_PRIMARYKEY";
}

/** Tells that another process holds SQLite's lock: nothing was done, and the same statement may work soon. */
export function isBusy(error: unknown): boolean {
  const code = codeOf(error);
  return code?.startsWith("SQLITE_BUSY") === true;
}

/**
 * Turns whatever a database driver threw into a FaxError. Its cause names the driver's code, table and constraint, and
 * never what PostgreSQL puts into its messages and details: the values of the row, phone numbers among them.
 */
export function databaseError(error: unknown): FaxError {
  if (isFaxError(error)) return error;
  const code = codeOf(error);
  const named = code === undefined ? "" : ` (${code})`;
  const cause = withoutValues(error, code);
  // PostgreSQL: undefined_table, undefined_column. SQLite tells both apart from other mistakes by its message only.
  if (code === "42P01" || code === "42703" || isMissingInSqlite(error, code)) {
    return new FaxError(
      "config_invalid",
      `Faxbot's tables are missing or old${named}: run migrateFaxbot(db).`,
      { cause },
    );
  }
  if (isBusy(error)) {
    return new FaxError("store_unavailable", `Another process keeps the database locked${named}.`, { cause });
  }
  return new FaxError("store_unavailable", `The database cannot be used${named}.`, { cause });
}

function isMissingInSqlite(error: unknown, code: string | undefined): boolean {
  return (
    code === "SQLITE_ERROR" && error instanceof Error && /^no such (?:table|column): /.test(error.message)
  );
}

/** A copy of the error that may be logged. */
function withoutValues(error: unknown, code: string | undefined): Error {
  const known = error instanceof Error ? error : new Error("unknown");
  // An SQLSTATE: the server itself said it, and may have quoted the row.
  const message =
    code !== undefined && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) ? `PostgreSQL error ${code}` : known.message;
  const cause = new Error(message);
  cause.name = known.name;
  for (const field of ["code", "table", "constraint"] as const) {
    const value: unknown = Reflect.get(known, field);
    if (typeof value === "string") Object.defineProperty(cause, field, { value, enumerable: true });
  }
  if (known.stack !== undefined) {
    // The stack begins with the message.
    const frames = known.stack.split("\n").filter((line) => /^\s+at /.test(line));
    cause.stack = [`${cause.name}: ${cause.message}`, ...frames].join("\n");
  }
  return cause;
}

function codeOf(error: unknown): string | undefined {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
  return typeof code === "string" ? code : undefined;
}
