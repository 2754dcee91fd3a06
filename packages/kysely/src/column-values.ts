/** A time as a column holds it: milliseconds since 1970 UTC. */
export function toMs(date: Date): number;
export function toMs(date: Date | undefined): number | null;
export function toMs(date: Date | undefined): number | null {
  return date === undefined ? null : date.getTime();
}

/** A time from its column. */
export function toDate(ms: number | string): Date {
  return new Date(Number(ms));
}

/** A time from a column that may be empty. */
export function dateOrNull(ms: number | string | null): Date | null {
  return ms === null ? null : toDate(ms);
}

/** A number from a column that may be empty. */
export function numberOrNull(value: number | string | null): number | null {
  return value === null ? null : Number(value);
}

/** A value as a column of JSON text holds it. */
export function toJson(value: object): string;
export function toJson(value: object | undefined): string | null;
export function toJson(value: object | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

/** A value from JSON text that this package wrote, so its shape is known. */
export function fromJson<T>(text: string): T;
export function fromJson<T>(text: string | null): T | null;
export function fromJson<T>(text: string | null): T | null {
  return text === null ? null : (JSON.parse(text) as T);
}

/** Leaves out what is empty: an optional field of a record is absent, and not undefined, when its column is null. */
export function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], null> } {
  const filled = Object.entries(fields).filter(([, value]) => value !== null);
  return Object.fromEntries(filled) as { [K in keyof T]?: Exclude<T[K], null> };
}
