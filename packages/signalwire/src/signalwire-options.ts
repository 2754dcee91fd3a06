import { parseSendOptions, type SendJob } from "@faxbot/core/transport";
import { z } from "zod";
import { signalwireManifest } from "./signalwire-manifest.ts";
import type { SignalWireSettings } from "./signalwire-settings.ts";

const callbackEvents = [
  "initiated",
  "ringing",
  "answered",
  "completed",
  "ringing_forwarded",
  "ringing_queued",
] as const;

/**
 * The options of `POST /Faxes` that a caller may give with a fax, with the names of the vendor's SDKs and the bounds of
 * the API reference. `SipAuthUsername` and `SipAuthPassword` are not among them: they are for SIP destinations.
 */
export const signalwireSendOptions = z.strictObject({
  /** Default of SignalWire: `fine`. */
  quality: z.enum(["standard", "fine", "superfine"]).optional(),
  /** False: SignalWire keeps no copy of the document. Default: true. */
  storeMedia: z.boolean().optional(),
  /** Minutes from the request in which the fax must have begun; default of SignalWire: 60. */
  ttl: z.int().min(5).max(300).optional(),
  /** Of what SignalWire calls back; default: `completed`. */
  statusCallbackEvent: z
    .array(z.enum(callbackEvents))
    .min(1)
    .refine((events) => events.includes("completed"), "must have completed")
    .optional(),
});

/** See {@link signalwireSendOptions}. */
export type SignalWireSendOptions = z.input<typeof signalwireSendOptions>;

/** Checks a caller's options. @throws FaxError `request_invalid` that names the options, never their values */
export function readSendOptions(
  options: Readonly<Record<string, unknown>>,
): z.output<typeof signalwireSendOptions> {
  return parseSendOptions(signalwireManifest.id, signalwireSendOptions, options);
}

/** The fields of the form of `POST /Faxes` (API reference, "Send a fax"); any other field is refused there. */
export function sendFields(
  job: SendJob,
  documentUrl: string,
  settings: Pick<SignalWireSettings, "from">,
  callbackUrl: string | undefined,
): [name: string, value: string][] {
  const { quality, storeMedia, ttl, statusCallbackEvent } = readSendOptions(job.options);
  const fields: [string, string][] = [
    ["To", job.to],
    ["From", job.from ?? settings.from],
    ["MediaUrl", documentUrl],
  ];
  if (quality !== undefined) fields.push(["Quality", quality]);
  if (storeMedia !== undefined) fields.push(["StoreMedia", String(storeMedia)]);
  if (ttl !== undefined) fields.push(["Ttl", String(ttl)]);
  if (callbackUrl !== undefined) {
    fields.push(["StatusCallback", callbackUrl], ["StatusCallbackMethod", "POST"]);
    for (const event of statusCallbackEvent ?? []) fields.push(["StatusCallbackEvent", event]);
  }
  return fields;
}
