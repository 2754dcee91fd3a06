import {
  FaxError,
  type FaxSpool,
  isE164,
  isFaxError,
  normalizeNumber,
  type TransportEvent,
} from "@faxbot/core/transport";
import type { AmiMessage } from "./ami-message.ts";
import type { AsteriskSettings } from "./asterisk-settings.ts";
import { countOf } from "./asterisk-status.ts";

/** The family in Asterisk's database where the dialplan notes what it received. */
export const receivedFamily = "faxbot-in";

/** What is told of a received fax, by event, by HTTP or by the dialplan's note. */
export interface Reception {
  /** The generated name of the file, without its ending. */
  id: string;
  from?: string;
  to?: string;
  /** `SUCCESS`, `FAILED`, or nothing when nobody said. */
  status?: string;
  pages?: string;
}

const receptionId = /^[0-9a-f-]{8,64}$/;

/** The id of a received fax as the file's name. @throws FaxError `not_found` for what no dialplan of ours generates */
export function fileOf(id: string): string {
  if (!receptionId.test(id) || id.includes("\n")) {
    throw new FaxError("not_found", "there is no such received fax", { transportId: "asterisk" });
  }
  return `${id}.tif`;
}

/** The id that a file's name holds. */
export function idOfFile(name: string): string {
  return name.replace(/\.tif$/, "");
}

/** Reads the dialplan's `FaxbotReceived` event; `undefined` when it does not say which fax. */
export function receptionOfEvent(event: AmiMessage): Reception | undefined {
  const id = event.get("InboundId");
  if (id === undefined || !receptionId.test(id)) return undefined;
  return withTold(id, {
    from: event.get("From"),
    to: event.get("To"),
    status: event.get("Status"),
    pages: event.get("Pages"),
  });
}

/** Reads the dialplan's note `<status>|<pages>|<from>|<to>`. */
export function receptionOfNote(id: string, value: string): Reception {
  const [status, pages, from, to] = value.split("|");
  return withTold(id, { status, pages, from, to });
}

/**
 * Reads what a dialplan posts: a form `id, from, to, status, pages`, or JSON `tiff_path, from_number, to_number,
 * faxstatus, faxpages`.
 *
 * @returns the file it names, by name or path, and what is told of it
 * @throws FaxError `webhook_malformed` when it names none
 */
export function readHint(fields: Readonly<Record<string, string>>): {
  file: string;
  told: Omit<Reception, "id">;
} {
  const { id, tiff_path: path } = fields;
  const file = id === undefined ? path : `${id}.tif`;
  if (!file || (id !== undefined && !receptionId.test(id))) {
    throw new FaxError("webhook_malformed", "the call does not say which fax was received", {
      transportId: "asterisk",
    });
  }
  const { id: _, ...told } = withTold("", {
    from: fields.from ?? fields.from_number,
    to: fields.to ?? fields.to_number,
    status: fields.status ?? fields.faxstatus,
    pages: fields.pages ?? fields.faxpages,
  });
  return { file, told };
}

function withTold(
  id: string,
  told: { [name in keyof Omit<Reception, "id">]: string | undefined },
): Reception {
  const reception: Reception = { id };
  for (const name of ["from", "to", "status", "pages"] as const) {
    const value = told[name];
    if (value !== undefined && value !== "") reception[name] = value;
  }
  return reception;
}

/**
 * Makes the event of a reception. Event, HTTP and spool give the same key, so that whichever comes first counts.
 *
 * @param spool is asked for the file: what left none was no fax
 * @returns `undefined` when nothing was received
 */
export async function receivedEvent(
  reception: Reception,
  spool: FaxSpool,
  settings: Pick<AsteriskSettings, "defaultCountryCode">,
): Promise<TransportEvent | undefined> {
  try {
    await spool.locate(fileOf(reception.id));
  } catch (error) {
    if (isFaxError(error, "not_found") || isFaxError(error, "request_invalid")) return undefined;
    throw error;
  }
  const { id, status } = reception;
  // A call that broke before the end of its first page.
  if (status === "FAILED" && reception.pages === "0") return undefined;
  const from = numberOf(reception.from, settings);
  const to = numberOf(reception.to, settings);
  return {
    type: "received",
    key: `received:${id}`,
    providerId: id,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...countOf(reception.pages),
    // Nobody said that it is whole: then it is not taken to be.
    ...(status === "SUCCESS" ? {} : { partial: true }),
  };
}

/** A number as a trunk gives it, in E.164 form where that is certain. */
function numberOf(
  text: string | undefined,
  { defaultCountryCode }: Pick<AsteriskSettings, "defaultCountryCode">,
): string | undefined {
  if (text === undefined || isE164(text)) return text;
  return normalizeNumber(text, defaultCountryCode === undefined ? {} : { defaultCountryCode });
}
