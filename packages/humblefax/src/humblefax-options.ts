import { parseSendOptions, type SendJob } from "@faxbot/core/transport";
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

/** Checks a caller's options. @throws FaxError `request_invalid` that names the options, never their values */
export function readSendOptions(
  options: Readonly<Record<string, unknown>>,
): z.output<typeof humblefaxSendOptions> {
  return parseSendOptions("humblefax", humblefaxSendOptions, options);
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
