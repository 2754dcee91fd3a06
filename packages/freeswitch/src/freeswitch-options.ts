import { FaxError } from "@faxbot/core/transport";
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

/**
 * Checks a caller's options.
 *
 * @throws FaxError `request_invalid` that names the options, never their values
 */
export function readSendOptions(options: Readonly<Record<string, unknown>>): FreeSwitchSendOptions {
  const parsed = freeswitchSendOptions.safeParse(options);
  if (parsed.success) return parsed.data;
  const names = parsed.error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => `${printable(key)} is not known`)
      : [`${printable(String(issue.path[0]))} is not valid`],
  );
  throw new FaxError("request_invalid", `options of freeswitch: ${[...new Set(names)].join("; ")}`, {
    transportId: "freeswitch",
  });
}

/** A name comes from the caller, and an error's message must not be a way to carry anything else. */
function printable(name: string): string {
  return /^[A-Za-z][A-Za-z0-9_]{0,40}$/.test(name) ? name : "a name";
}
