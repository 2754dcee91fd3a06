import { parseSendOptions } from "@faxbot/core/transport";
import { z } from "zod";

/** The options that a caller may give with a fax. */
export const asteriskSendOptions = z.strictObject({
  /** Printed on top of each page in place of the setting's; an empty text: no header line. */
  header_text: z.string().max(50).optional(),
  /** Our station id for this fax. */
  station_id: z
    .string()
    .regex(/^[0-9+ ]{1,20}$/)
    .optional(),
  /** False: this far end is to be called without T.38. */
  t38: z.boolean().optional(),
});

/** See {@link asteriskSendOptions}. */
export type AsteriskSendOptions = z.output<typeof asteriskSendOptions>;

/** Checks a caller's options. @throws FaxError `request_invalid` that names the options, never their values */
export function readSendOptions(options: Readonly<Record<string, unknown>>): AsteriskSendOptions {
  return parseSendOptions("asterisk", asteriskSendOptions, options);
}
