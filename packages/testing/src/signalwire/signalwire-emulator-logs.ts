import type { EmulatorRequest, EmulatorResponse } from "../emulator-server.ts";
import type { SignalWireFax } from "./signalwire-emulator-fax.ts";

const callStatuses: Readonly<Record<string, string>> = {
  queued: "queued",
  processing: "initiated",
  sending: "in-progress",
  receiving: "in-progress",
  delivered: "completed",
  received: "completed",
  busy: "busy",
  "no-answer": "no-answer",
  failed: "failed",
  canceled: "canceled",
};

/** The log of the call of a fax (`/api/fax/logs/{id}`). */
export function faxLog(fax: SignalWireFax): Readonly<Record<string, unknown>> {
  return {
    id: fax.sid,
    from: fax.from,
    to: fax.to,
    direction: fax.direction,
    status: callStatuses[fax.status] ?? fax.status,
    number_of_pages: Number(fax.num_pages ?? 0),
    charge: Math.abs(Number(fax.price ?? 0)),
    error_code: fax.error_code,
    error_message: fax.error_message,
    created_at: fax.date_created,
  };
}

/** A page of logs, newest first, with the links of the newer API. */
export function faxLogs(faxes: readonly SignalWireFax[], { path, query }: EmulatorRequest): EmulatorResponse {
  const size = Math.min(1000, Math.max(1, Number(query.get("page_size") ?? 50) || 50));
  const page = Math.max(0, Number(query.get("page_number") ?? 0) || 0);
  const link = (number: number): string =>
    `${path}?page_number=${number}&page_size=${size}${number > 0 ? `&page_token=PA${number}` : ""}`;
  return {
    status: 200,
    body: {
      links: {
        self: link(page),
        first: link(0),
        ...((page + 1) * size < faxes.length ? { next: link(page + 1) } : {}),
      },
      data: [...faxes]
        .reverse()
        .slice(page * size, (page + 1) * size)
        .map(faxLog),
    },
  };
}
