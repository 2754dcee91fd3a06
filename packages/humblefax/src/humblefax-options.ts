import { FaxError, type SendJob } from "@faxbot/core/transport";
import { z } from "zod";
import { wireNumber } from "./humblefax-number.ts";
import type { HumbleFaxSettings } from "./humblefax-settings.ts";

/** The options that a caller may give with a fax, with the vendor's names (API documentation, "QuickSendFax"). */
export const humblefaxSendOptions = z.strictObject({
  /** The vendor's own cover sheet, made of the five texts below. Default here: false. */
  includeCoversheet: z.boolean().optional(),
  /** `Standard` is not documented by name, `Fine` is. */
  resolution: z.enum(["Fine", "Standard"]).optional(),
  pageSize: z.enum(["Letter", "Legal", "A4", "B4"]).optional(),
  toName: z.string().optional(),
  fromName: z.string().optional(),
  subject: z.string().optional(),
  message: z.string().optional(),
  companyInfo: z.string().optional(),
});

/** See {@link humblefaxSendOptions}. */
export type HumbleFaxSendOptions = z.input<typeof humblefaxSendOptions>;

/**
 * Checks a caller's options.
 *
 * @throws FaxError `request_invalid` that names the options, never their values
 */
export function readSendOptions(
  options: Readonly<Record<string, unknown>>,
): z.output<typeof humblefaxSendOptions> {
  const parsed = humblefaxSendOptions.safeParse(options);
  if (parsed.success) return parsed.data;
  const names = parsed.error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => `${printable(key)} is not known`)
      : [`${printable(String(issue.path[0]))} is not valid`],
  );
  throw new FaxError("request_invalid", `options of humblefax: ${[...new Set(names)].join("; ")}`, {
    transportId: "humblefax",
  });
}

/** A name comes from the caller, and an error's message must not be a way to carry anything else. */
function printable(name: string): string {
  return /^[A-Za-z][A-Za-z0-9_]{0,40}$/.test(name) ? name : "a name";
}

/**
 * What the API is told about a fax, by both ways of sending. `includeCoversheet` is required there, and its default is
 * true, so it is always said.
 */
export function faxData(
  job: Pick<SendJob, "to" | "from" | "attemptId" | "options">,
  settings: Pick<HumbleFaxSettings, "from">,
): Record<string, unknown> {
  const from = job.from ?? settings.from;
  return {
    recipients: [wireNumber(job.to)],
    includeCoversheet: false,
    ...readSendOptions(job.options),
    ...(from === undefined ? {} : { fromNumber: wireNumber(from) }),
    // Echoed with the fax; at most 100 characters.
    uuid: job.attemptId,
  };
}
