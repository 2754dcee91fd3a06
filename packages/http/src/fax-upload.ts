import { type CoverPage, FaxError, readMultipart, type SendInput, spoolDocument } from "@faxbot/core";
import { z } from "@hono/zod-openapi";
import type { ApiParts } from "./api-parts.ts";
import { requestBody } from "./request-body.ts";
import { refusal, strictFields } from "./route-declaration.ts";
import { utcTimeSchema } from "./utc-time.ts";

/** What stands beside the file: a form's text fields. */
const faxFields = strictFields({
  to: z
    .string()
    .min(1)
    .max(64)
    .meta({ description: "The destination, E.164.", examples: ["+12025550123"] }),
  from_number: z.string().max(64).optional().meta({ description: "The caller id, one of your numbers." }),
  coversheet: z.string().optional().meta({
    description: "The text of a cover page; `true` for a page without text.",
  }),
  provider: z.string().max(64).optional().meta({
    description: "The transport to use: its id, an alias or its published name. Default: the preferred one.",
  }),
  send_at: utcTimeSchema.optional().meta({ description: "Not before this time; UTC without an offset." }),
});
const fieldNames = new Set(Object.keys(faxFields.shape));
const maxFieldBytes = 64 * 1024;
/** Boundaries, part headers and text fields on top of the file. */
const maxFormOverhead = 512 * 1024;

const described = z.toJSONSchema(faxFields, { io: "input", target: "draft-2020-12" });

/** How the body is declared. It is plain data, not a zod object, so that nobody parses the body into memory. */
export const faxUploadBody = {
  required: true,
  content: {
    "multipart/form-data": {
      schema: {
        type: "object" as const,
        properties: {
          ...(described.properties as Record<string, Record<string, unknown>>),
          file: { type: "string" as const, format: "binary", description: "PDF, TIFF or plain text." },
        },
        required: ["to", "file"],
        additionalProperties: false,
      },
    },
  },
};

/** A fax as a form brought it. Whoever is done with it calls `dispose`. */
export interface FaxUpload {
  input: SendInput;
  dispose(): Promise<void>;
}

/**
 * Reads the form of a fax as it comes in: fields in any order before or after the file, the file in memory up to 1 MiB
 * and in a temporary file beyond.
 *
 * @throws FaxError `document_unsupported` for another content type, `document_too_large` by the bytes that come (not
 * by what the headers say), `unsupported` for a field that is not known, `request_invalid`
 */
export async function readFaxUpload(request: Request, parts: ApiParts): Promise<FaxUpload> {
  const contentType = request.headers.get("content-type") ?? "";
  if (!/^multipart\/form-data\s*;/i.test(contentType)) {
    throw new FaxError("document_unsupported", "a fax comes as multipart/form-data");
  }
  const maxBytes = parts.maxUploadBytes;
  // An honest sender is spared the upload; the bytes are counted all the same.
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes + maxFormOverhead) {
    throw new FaxError("document_too_large", `the document is larger than ${maxBytes} bytes`);
  }
  const body = requestBody(request, maxBytes + maxFormOverhead);
  if (!body) throw new FaxError("request_invalid", "file is missing");

  const texts = new Map<string, string>();
  let document: (SendInput["document"] & { dispose(): Promise<void> }) | undefined;
  try {
    const form = readMultipart(body, contentType, {
      fileBytes: maxBytes,
      fieldBytes: maxFieldBytes,
      parts: fieldNames.size + 1,
      malformedCode: "request_invalid",
    });
    for await (const part of form) {
      if (part.kind === "file") {
        if (part.name !== "file") throw unknownField();
        if (document) throw new FaxError("unsupported", "a fax has one file");
        const about = { mediaType: part.mediaType, fileName: part.fileName || "document" };
        document = await spoolDocument(part.stream, about, { maxBytes, signal: request.signal });
      } else {
        if (part.name === "file")
          throw new FaxError("request_invalid", "file must be a file, with a file name");
        if (!fieldNames.has(part.name)) throw unknownField();
        if (texts.has(part.name)) throw new FaxError("request_invalid", `${part.name} is given twice`);
        texts.set(part.name, part.value);
      }
    }
    const input = sendInput(texts);
    if (!document) throw new FaxError("request_invalid", "file is missing");
    const spooled = document;
    return { input: { ...input, document: spooled }, dispose: () => spooled.dispose() };
  } catch (error) {
    await document?.dispose();
    throw error;
  }
}

function sendInput(texts: ReadonlyMap<string, string>): Omit<SendInput, "document"> {
  // Browsers send the fields that a person left empty.
  const filled = [...texts].filter(([name, value]) => name === "to" || value !== "");
  const fields = faxFields.safeParse(Object.fromEntries(filled));
  if (!fields.success) throw refusal(fields.error);
  const { to, from_number: from, provider, send_at: sendAt, coversheet } = fields.data;
  const input: Omit<SendInput, "document"> = { to };
  if (from !== undefined) input.from = from;
  if (provider !== undefined) input.transport = provider;
  if (sendAt !== undefined) input.sendAt = sendAt;
  if (coversheet !== undefined && !/^(false|0|no)$/i.test(coversheet)) {
    const cover: CoverPage = { to };
    if (from !== undefined) cover.from = from;
    if (!/^(true|1|yes)$/i.test(coversheet)) cover.message = coversheet;
    input.cover = cover;
  }
  return input;
}

function unknownField(): FaxError {
  const known = ["file", ...fieldNames].join(", ");
  return new FaxError("unsupported", `only these fields are supported: ${known}`);
}
