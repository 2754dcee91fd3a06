import type { EmulatorRequest } from "../emulator-server.ts";

/** When status callbacks are sent. */
export type SignalWireCallbackEvent = (typeof callbackEvents)[number];

const callbackEvents = [
  "initiated",
  "ringing",
  "answered",
  "completed",
  "ringing_forwarded",
  "ringing_queued",
] as const;

/** A send that was found good. */
export interface SignalWireSend {
  mediaUrl: string;
  to: string;
  from: string;
  quality: "standard" | "fine" | "superfine";
  statusCallback: string | undefined;
  statusCallbackMethod: "GET" | "POST";
  statusCallbackEvents: readonly SignalWireCallbackEvent[];
  storeMedia: boolean;
}

/** Why a send is refused, with the vendor's error code. */
export interface SignalWireRefusal {
  code: number;
  message: string;
}

/** What a body is checked against, beside the documents. */
export interface SignalWireSendRules {
  /** Numbers of the project; empty: any. */
  numbers: readonly string[];
  /** Numbers that a trial space may send to; `undefined`: not in trial. */
  verifiedNumbers: readonly string[] | undefined;
  unknownFields: "refuse" | "ignore";
}

const known = new Set([
  "MediaUrl",
  "To",
  "From",
  "Quality",
  "StatusCallback",
  "StatusCallbackMethod",
  "StatusCallbackEvent",
  "StoreMedia",
  "Ttl",
  "SipAuthUsername",
  "SipAuthPassword",
]);
const phone = /^\+[1-9][0-9]{3,14}$/;
const sip = /^sips?:[^@\s]+@[^\s]+$/i;

/** Checks the body of `POST /Faxes` as strictly as the vendor documents it. */
export function readSignalWireSend(
  form: URLSearchParams,
  rules: SignalWireSendRules,
): SignalWireSend | SignalWireRefusal {
  const refuse = (code: number, message: string): SignalWireRefusal => ({ code, message });
  for (const name of new Set(form.keys())) {
    if (!known.has(name) && rules.unknownFields === "refuse")
      return refuse(10000, `${name} is not a known parameter`);
    if (name !== "StatusCallbackEvent" && form.getAll(name).length > 1)
      return refuse(10000, `${name} was given twice`);
  }
  const to = form.get("To");
  if (!to) return refuse(21211, "To is missing");
  if (!phone.test(to) && !sip.test(to)) return refuse(21217, `To ${to} is not a valid number`);
  const from = form.get("From");
  if (!from) return refuse(21213, "From is missing");
  if (!phone.test(from)) return refuse(21212, `From ${from} is not a valid number`);
  if (rules.numbers.length > 0 && !rules.numbers.includes(from)) {
    return refuse(21210, `From ${from} was not purchased and is not verified`);
  }
  if (rules.verifiedNumbers && !rules.verifiedNumbers.includes(to)) {
    return refuse(21219, `To ${to} is not verified, as it must be in trial mode`);
  }
  const mediaUrl = form.get("MediaUrl") ?? "";
  if (!isHttpUrl(mediaUrl)) return refuse(21620, "MediaUrl is missing or invalid");
  const quality = form.get("Quality") ?? "fine";
  if (quality !== "standard" && quality !== "fine" && quality !== "superfine") {
    return refuse(10000, "Quality must be standard, fine or superfine");
  }
  const statusCallback = form.get("StatusCallback") ?? undefined;
  if (statusCallback !== undefined && !isHttpUrl(statusCallback)) {
    return refuse(21402, "StatusCallback is not a valid URL");
  }
  const method = form.get("StatusCallbackMethod") ?? "POST";
  if (method !== "GET" && method !== "POST") {
    return refuse(10000, "StatusCallbackMethod must be GET or POST");
  }
  const events = form.getAll("StatusCallbackEvent");
  for (const event of events) {
    if (!(callbackEvents as readonly string[]).includes(event)) {
      return refuse(21626, `StatusCallbackEvent ${event} is not valid`);
    }
  }
  const store = form.get("StoreMedia") ?? "true";
  if (store !== "true" && store !== "false") return refuse(10000, "StoreMedia must be true or false");
  const ttl = form.get("Ttl") ?? "60";
  if (!/^\d{1,3}$/.test(ttl) || Number(ttl) < 5 || Number(ttl) > 300) {
    return refuse(10000, "Ttl must be a whole number of minutes from 5 to 300");
  }
  return {
    mediaUrl,
    to,
    from,
    quality,
    statusCallback,
    statusCallbackMethod: method,
    statusCallbackEvents: events.length > 0 ? (events as SignalWireCallbackEvent[]) : ["completed"],
    storeMedia: store === "true",
  };
}

/** Reads a form body; `undefined` when it is of another type. */
export function readSignalWireForm(request: EmulatorRequest): URLSearchParams | undefined {
  const type = request.headers["content-type"] ?? "";
  return type.startsWith("application/x-www-form-urlencoded")
    ? new URLSearchParams(request.body.toString())
    : undefined;
}

export function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
