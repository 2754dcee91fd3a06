import type { AmiHeader } from "./ami-message.ts";

/** What `FAXOPT()` and the channel say when the hangup handler runs. */
export interface AmiFaxResult {
  /** `SUCCESS`, `FAILED`, or empty when no fax was begun. */
  status: string;
  /** FAXOPT(statusstr). */
  text: string;
  /** FAXOPT(error); `HANGUP` also after a success. */
  error: string;
  pages: number;
  /** Bits per second; empty when no fax was begun. */
  rate: string;
  /** Pixels per metre, e.g. `8031x7700`; empty when no fax was begun. */
  resolution: string;
  mode: "T38" | "audio";
  hangupCause: number;
  remoteStation: string;
}

/** What is known of a fax that came in when the hangup handler runs. */
export interface AmiReceivedResult
  extends Pick<AmiFaxResult, "status" | "text" | "pages" | "rate" | "resolution" | "mode"> {
  /** The file's name without `.tif`. */
  id: string;
  /** Digits and plus signs only. */
  from: string;
  to: string;
  callerName: string;
  /** As the far end's machine said it, whatever that is. */
  station: string;
  bytes: number;
}

/** What the emulated exchange has in its extensions.conf. */
export interface AmiDialplan {
  /** Global variables. */
  globals: Readonly<Record<string, string>>;
  /** Extensions by context: only these can be dialled into. */
  contexts: Readonly<Record<string, readonly string[]>>;
  /** Whether a caller's number and name are made harmless before the call is answered. */
  cleansCaller: boolean;
  /** Written to AstDB under `faxbot/<job>` when the far end answered, before the fax; `undefined` for nothing. */
  answered(): string | undefined;
  /** What the hangup handler writes there. */
  entry(result: AmiFaxResult): string;
  /** The headers of the hangup handler's `UserEvent` after those of the channel. */
  sentEvent(job: string, result: AmiFaxResult): AmiHeader[];
  /** Written to AstDB under `faxbot-in/<id>` when a fax came in; `undefined` for nothing. */
  receivedEntry(result: AmiReceivedResult): string | undefined;
  receivedEvent(result: AmiReceivedResult): AmiHeader[];
}

/** URIENCODE() of the dialplan. */
export function uriEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

const epoch = (): number => Math.floor(Date.now() / 1000);

/**
 * The dialplan that comes with `@faxbot/asterisk`: it notes in AstDB that a call was answered before anything is sent,
 * and the result whatever happens, and tells both directions in a `UserEvent`.
 */
export const faxbotDialplan: AmiDialplan = {
  globals: { FAXBOT_DIALPLAN: "1" },
  contexts: { "fax-outbound": ["send"] },
  cleansCaller: true,
  answered: () => `ANSWERED|${epoch()}`,
  entry: ({ status, pages, rate, text, error }) =>
    [status, pages, rate, uriEncode(text), epoch(), uriEncode(error)].join("|"),
  sentEvent: (job, result) => [
    ["UserEvent", "FaxbotSent"],
    ["V", "1"],
    ["Job", job],
    ["Status", result.status],
    ["Pages", String(result.pages)],
    ["Rate", result.rate],
    ["Resolution", result.resolution],
    ["Mode", result.mode],
    ["HangupCause", String(result.hangupCause)],
    ["StatusText", uriEncode(result.text)],
    ["Error", uriEncode(result.error)],
    ["RemoteStation", uriEncode(result.remoteStation)],
  ],
  receivedEntry: ({ status, pages, from, to }) => [status, pages, from, to, epoch()].join("|"),
  receivedEvent: (result) => [
    ["UserEvent", "FaxbotReceived"],
    ["V", "1"],
    ["InboundId", result.id],
    ["From", result.from],
    ["To", result.to],
    ["Status", result.status],
    ["Pages", String(result.pages)],
    ["Rate", result.rate],
    ["Resolution", result.resolution],
    ["Mode", result.mode],
    ["StatusText", uriEncode(result.text)],
    ["Error", result.status === "SUCCESS" ? "" : uriEncode(result.text)],
    ["RemoteStation", uriEncode(result.station)],
  ],
};

/**
 * Somebody's own dialplan, the one of the recordings: the same events with their headers in another order, the result
 * in AstDB, but no note of the answer, and no sign that it is ours.
 */
export const foreignDialplan: AmiDialplan = {
  ...faxbotDialplan,
  globals: {},
  cleansCaller: false,
  answered: () => undefined,
  entry: ({ status, pages, rate, text }) => [status, pages, rate, uriEncode(text), epoch()].join("|"),
  sentEvent: (job, result) =>
    inOrder(faxbotDialplan.sentEvent(job, result), ["Status", "StatusText", "Error", "Pages"]),
  receivedEntry: () => undefined,
  receivedEvent: (result) => {
    const headers = inOrder(faxbotDialplan.receivedEvent(result), ["Status", "StatusText", "Error", "Pages"]);
    const station = headers.findIndex(([name]) => name === "RemoteStation");
    headers.splice(station, 0, ["FileBytes", String(result.bytes)]);
    return [...headers, ["CallerName", uriEncode(result.callerName)]];
  },
};

/** Puts these headers one after the other, where the first of them stands. */
function inOrder(headers: readonly AmiHeader[], names: readonly string[]): AmiHeader[] {
  const found = names.flatMap((name) => headers.filter(([each]) => each === name));
  return headers.flatMap((header) => {
    if (header[0] === names[0]) return found;
    return names.includes(header[0]) ? [] : [header];
  });
}
