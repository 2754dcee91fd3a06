import { type FormPart, parseSendOptions, type SendJob } from "@faxbot/core/transport";
import { z } from "zod";
import { phaxioManifest } from "./phaxio-manifest.ts";
import type { PhaxioSettings } from "./phaxio-settings.ts";
import { attemptTag } from "./phaxio-status.ts";

/** Above 10 files in all, integrators report, the rest was dropped without a word; the document is one of them. */
const mostContentUrls = 9;
/** Ten in all (API reference); one is ours. */
const mostTags = 9;
const contentUrl = z.url({ protocol: /^https?$/ });

/**
 * The options of `POST /faxes` that a caller may give with a fax, with the vendor's names and bounds (API reference,
 * "Send a fax"). The sender (`caller_id`) is the job's `from`, and where Phaxio reports is Faxbot's matter.
 */
export const phaxioSendOptions = z.strictObject({
  /** Rendered by Phaxio in front of the document. */
  content_url: z.union([contentUrl, z.array(contentUrl).min(1).max(mostContentUrls)]).optional(),
  /** Printed on top of each page; Phaxio's default is `-`. */
  header_text: z.string().max(50).optional(),
  /** Seconds to wait for other faxes to the same number, to send all in one call. */
  batch_delay: z.int().min(0).max(3600).optional(),
  /** Holds a batch back while the number is being called. */
  batch_collision_avoidance: z.boolean().optional(),
  /** Minutes after which Phaxio gives up. */
  cancel_timeout: z.int().min(3).max(60).optional(),
  /** Kept with the fax at Phaxio: no patient's name here. */
  tags: z
    .record(z.string().regex(/^[^[\]]+$/), z.string())
    .refine((tags) => Object.keys(tags).length <= mostTags, `at most ${mostTags} tags`)
    .refine((tags) => !(attemptTag in tags), `${attemptTag} is reserved`)
    .optional(),
  /** With test keys only: the error that the fax is to end with. */
  test_fail: z
    .enum(["documentConversionError", "lineError", "faxError", "fatalError", "generalError"])
    .optional(),
});

/** See {@link phaxioSendOptions}. */
export type PhaxioSendOptions = z.input<typeof phaxioSendOptions>;

/** Checks a caller's options. @throws FaxError `request_invalid` that names the options, never their values */
export function readSendOptions(
  options: Readonly<Record<string, unknown>>,
): z.output<typeof phaxioSendOptions> {
  return parseSendOptions(phaxioManifest.id, phaxioSendOptions, options);
}

/** The extension by which Phaxio tells what a file is. */
const extensions: Readonly<Record<string, string>> = {
  "application/pdf": "pdf",
  "image/tiff": "tif",
  "image/png": "png",
  "image/jpeg": "jpg",
  "text/plain": "txt",
};

/**
 * The parts of the form of `POST /faxes`. Lists have `[]` at the end of their name, and every value is a text. The
 * document goes under a name of ours: its own may say whom it is about.
 */
export function sendParts(
  job: SendJob,
  settings: Pick<PhaxioSettings, "from">,
  callbackUrl: string | undefined,
): FormPart[] {
  const { tags, content_url: urls, ...options } = readSendOptions(job.options);
  const fields: [name: string, value: string | number | boolean | undefined][] = [
    ["to", job.to],
    ["caller_id", job.from ?? settings.from],
    ...(Array.isArray(urls)
      ? urls.map((url): [string, string] => ["content_url[]", url])
      : [["content_url", urls] as [string, string | undefined]]),
    ...Object.entries(options),
    ["callback_url", callbackUrl],
    ...Object.entries({ ...tags, [attemptTag]: job.attemptId }).map(([name, value]): [string, string] => [
      `tag[${name}]`,
      value,
    ]),
  ];
  const texts = fields.flatMap(([name, value]): FormPart[] =>
    value === undefined ? [] : [{ name, value: String(value) }],
  );
  const extension = extensions[job.document.mediaType.split(";")[0] ?? ""] ?? "pdf";
  return [...texts, { name: "file", document: job.document, fileName: `fax.${extension}` }];
}
