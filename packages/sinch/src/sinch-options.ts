import { type FormPart, parseSendOptions, type SendJob } from "@faxbot/core/transport";
import { z } from "zod";
import { sinchManifest } from "./sinch-manifest.ts";
import type { SinchSettings } from "./sinch-settings.ts";
import { attemptLabel } from "./sinch-status.ts";

const timeZone = z.string().refine((name) => {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
});
/** Several are sent as one text with commas, so a URL must not have one. */
const contentUrl = z.url({ protocol: /^https?$/ }).regex(/^[^,]+$/);

/** The options of `POST /faxes` that a caller may give with a fax, with the vendor's names and bounds (API reference). */
export const sinchSendOptions = z.strictObject({
  /** Rendered by Sinch in front of the document. */
  contentUrl: z.union([contentUrl, z.array(contentUrl).min(1)]).optional(),
  /** Printed on top of each page; the service's default is `-`. */
  headerText: z.string().max(50).optional(),
  headerPageNumbers: z.boolean().optional(),
  /** IANA name, e.g. `Europe/Berlin`; Sinch's default is `America/New_York`. */
  headerTimeZone: timeZone.optional(),
  /** Seconds between the vendor's own redials. */
  retryDelaySeconds: z.int().min(30).max(300).optional(),
  /** The vendor's own redials. Default here: 0, because Faxbot tries again by itself; more multiplies with that. */
  maxRetries: z.int().min(0).max(5).optional(),
  imageConversionMethod: z.enum(["HALFTONE", "MONOCHROME"]).optional(),
  /** 200 or 400 dpi. */
  resolution: z.enum(["FINE", "SUPERFINE"]).optional(),
  /** Kept with the fax at Sinch: no patient's name here. */
  labels: z
    .record(z.string().regex(/^[^[\]]+$/), z.string())
    .refine((labels) => !(attemptLabel in labels), `${attemptLabel} is reserved`)
    .optional(),
  coverPageId: z.string().min(1).optional(),
  /** Values for the cover page's own tags; names in lower case. */
  coverPageData: z.record(z.string().regex(/^[^A-Z[\]]+$/), z.string()).optional(),
  callbackUrlContentType: z.enum(["multipart/form-data", "application/json"]).optional(),
  inProgressNotifications: z.boolean().optional(),
  serviceId: z.string().min(1).optional(),
});

/** See {@link sinchSendOptions}. */
export type SinchSendOptions = z.input<typeof sinchSendOptions>;

/** Checks a caller's options. @throws FaxError `request_invalid` that names the options, never their values */
export function readSendOptions(
  options: Readonly<Record<string, unknown>>,
): z.output<typeof sinchSendOptions> {
  return parseSendOptions(sinchManifest.id, sinchSendOptions, options);
}

/** The extension by which Sinch tells what a file is. */
const extensions: Readonly<Record<string, string>> = {
  "application/pdf": "pdf",
  "image/tiff": "tif",
  "image/png": "png",
  "image/jpeg": "jpg",
  "text/plain": "txt",
};

/**
 * The parts of the form of `POST /faxes` (API reference, "Send a fax", multipart). The document goes under a name of
 * ours: its own may say whom it is about.
 */
export function sendParts(
  job: SendJob,
  settings: Pick<SinchSettings, "from" | "serviceId">,
  callbackUrl: string | undefined,
): FormPart[] {
  const { labels, coverPageData, contentUrl: urls, ...options } = readSendOptions(job.options);
  const fields: Record<string, string | number | boolean | undefined> = {
    to: job.to,
    from: job.from ?? settings.from,
    contentUrl: urls === undefined ? undefined : [urls].flat().join(","),
    ...options,
    maxRetries: options.maxRetries ?? 0,
    serviceId: options.serviceId ?? settings.serviceId,
    callbackUrl,
    callbackUrlContentType:
      callbackUrl === undefined ? undefined : (options.callbackUrlContentType ?? "multipart/form-data"),
  };
  for (const [key, value] of Object.entries({ ...labels, [attemptLabel]: job.attemptId })) {
    fields[`labels[${key}]`] = value;
  }
  for (const [key, value] of Object.entries(coverPageData ?? {})) fields[`coverPageData[${key}]`] = value;
  const texts = Object.entries(fields).flatMap(([name, value]): FormPart[] =>
    value === undefined ? [] : [{ name, value: String(value) }],
  );
  const extension = extensions[job.document.mediaType.split(";")[0] ?? ""] ?? "pdf";
  return [...texts, { name: "file", document: job.document, fileName: `fax.${extension}` }];
}
