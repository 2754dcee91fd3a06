import type { EslEvent } from "./esl-event.ts";

/** Not every database keeps every number that a server could make up. */
const latest = Date.UTC(2100, 0, 1);

/** A count as a text, e.g. of pages: up to six digits and nothing else. */
export function countOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}

/** When an event happened; FreeSWITCH tells it in microseconds. */
export function timeOf(event: EslEvent): Date | undefined {
  const text = event.field("Event-Date-Timestamp") ?? "";
  if (!/^\d{1,17}$/.test(text)) return undefined;
  const time = Math.floor(Number(text) / 1000);
  return time > 0 && time < latest ? new Date(time) : undefined;
}
