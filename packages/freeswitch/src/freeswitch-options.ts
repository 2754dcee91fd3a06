import { parseSendOptions } from "@faxbot/core/transport";
import { z } from "zod";

/** The options that a caller may give with a fax. */
export const freeswitchSendOptions = z.strictObject({
  /** Printed on top of each page in place of the setting's. */
  header_text: z.string().min(1).max(50).optional(),
  /** Our station id for this fax. */
  station_id: z
    .string()
    .regex(/^[0-9+ ]{1,20}$/)
    .optional(),
  /** False: this far end is to be called without T.38. */
  t38: z.boolean().optional(),
});

/** See {@link freeswitchSendOptions}. */
export type FreeSwitchSendOptions = z.output<typeof freeswitchSendOptions>;

/** Checks a caller's options. @throws FaxError `request_invalid` that names the options, never their values */
export function readSendOptions(options: Readonly<Record<string, unknown>>): FreeSwitchSendOptions {
  return parseSendOptions("freeswitch", freeswitchSendOptions, options);
}
