import type { ExchangeCall } from "../exchange/exchange-call.ts";
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

/** What the emulated exchange has in its extensions.conf. */
export interface AmiDialplan {
  /** Global variables. */
  globals: Readonly<Record<string, string>>;
  /** Extensions by context: only these can be dialled into. */
  contexts: Readonly<Record<string, readonly string[]>>;
  /** AstDB's family and key of a call; `undefined` writes nothing there. */
  entryOf(call: ExchangeCall): { family: string; key: string } | undefined;
  /** What is written when the far end answered, before the fax; `undefined` for nothing. */
  answered: string | undefined;
  /** What the hangup handler writes. */
  entry(call: ExchangeCall, result: AmiFaxResult): string;
  /** The headers of the hangup handler's `UserEvent` after those of the channel. */
  sentEvent(call: ExchangeCall, result: AmiFaxResult): AmiHeader[];
}

/** URIENCODE() of the dialplan. */
export function uriEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

const jobOf = (call: ExchangeCall): string => call.variables.FAXBOT_JOB ?? "";

/**
 * A dialplan that keeps the result of every fax in AstDB under `faxbot/<job>`: `ANSWERED` before the fax begins, then
 * `status|pages|rate|sentence|epoch`, and tells it in a `UserEvent` named `FaxbotSent`.
 */
export const faxbotDialplan: AmiDialplan = {
  globals: { FAXBOT_DIALPLAN: "1" },
  contexts: { "fax-outbound": ["send"] },
  entryOf: (call) => ({ family: "faxbot", key: jobOf(call) }),
  answered: "ANSWERED",
  entry: (_call, { status, pages, rate, text }) =>
    [status, pages, rate, uriEncode(text), Math.floor(Date.now() / 1000)].join("|"),
  sentEvent: (call, result) => [
    ["UserEvent", "FaxbotSent"],
    ["V", "1"],
    ["Job", jobOf(call)],
    ["Status", result.status],
    ["StatusText", uriEncode(result.text)],
    ["Error", uriEncode(result.error)],
    ["Pages", String(result.pages)],
    ["Rate", result.rate],
    ["Resolution", result.resolution],
    ["Mode", result.mode],
    ["HangupCause", String(result.hangupCause)],
    ["RemoteStation", uriEncode(result.remoteStation)],
  ],
};

/** Somebody else's dialplan: the same event, but nothing in AstDB before the end, and no sign that it is ours. */
export const foreignDialplan: AmiDialplan = { ...faxbotDialplan, globals: {}, answered: undefined };
