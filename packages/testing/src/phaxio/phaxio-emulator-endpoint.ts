import type { EmulatorRequest, EmulatorResponse } from "../emulator-server.ts";
import type { PhaxioForm } from "./phaxio-emulator-form.ts";
import { pageOfPhaxio } from "./phaxio-emulator-list.ts";

/** A request whose credentials were found good. */
export interface PhaxioCall {
  request: EmulatorRequest;
  form: PhaxioForm;
  /** Made with the test credentials. */
  isTest: boolean;
}

/** One operation of the API, without what all have in common. */
export interface PhaxioEndpoint<Operation extends string> {
  operation: Operation;
  method: "GET" | "POST" | "DELETE";
  /** Below the version, e.g. `/faxes/{id}`. */
  path: string;
  /** Needs no credentials. */
  open?: true;
  handle: (call: PhaxioCall) => EmulatorResponse;
}

/** Answers a refusal. */
export type PhaxioRefuse = (status: number, message: string) => EmulatorResponse;

/** The vendor's envelope around a success. */
export function phaxioReply(message: string, data?: unknown): EmulatorResponse {
  return { status: 200, body: { success: true, message, ...(data === undefined ? {} : { data }) } };
}

/** The vendor's envelope around a page of a list, with its headers. */
export function phaxioListReply(
  message: string,
  items: readonly object[],
  request: EmulatorRequest,
  options: { refuse: PhaxioRefuse; totalAsText?: boolean },
): EmulatorResponse {
  const page = pageOfPhaxio(items, request.query);
  if (typeof page === "string") return options.refuse(422, page);
  const { total, per_page } = page.paging;
  const shown = options.totalAsText || total > 10_000 ? ">10000" : total;
  return {
    status: 200,
    headers: {
      "x-total": String(shown),
      "x-per-page": String(per_page),
      "x-page": String(page.paging.page),
    },
    body: { success: true, message, data: page.items, paging: { ...page.paging, total: shown } },
  };
}
