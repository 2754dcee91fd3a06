import { z } from "zod";
import type { EmulatorRequest } from "../emulator-server.ts";
import { readMultipart } from "../multipart-form.ts";

/** A file as it was handed in. */
export interface HumbleFaxFile {
  fileName: string;
  bytes: Buffer;
}

/** The options of a send, the same for both methods. */
export type HumbleFaxSend = z.output<ReturnType<typeof sendSchema>>;

/** A North American number with the leading 1, as an integer or as text. */
const usNumber = z
  .union([z.number().int(), z.string()])
  .transform(String)
  .pipe(z.string().regex(/^1[2-9]\d{9}$/, { error: "must be a US or Canadian number with the leading 1" }));
/** Toll-free numbers are not served. */
const recipient = usNumber.refine((digits) => !/^18(00|33|44|55|66|77|88)/.test(digits), {
  error: "must not be a toll-free number",
});

function sendSchema(unknownFields: "refuse" | "ignore") {
  const shape = {
    recipients: z.array(recipient).min(1).max(3),
    includeCoversheet: z.boolean(),
    resolution: z.enum(["Fine", "Standard"]).default("Fine"),
    pageSize: z.enum(["Letter", "Legal", "A4", "B4"]).default("Letter"),
    fromNumber: usNumber.optional(),
    toName: z.string().default(""),
    fromName: z.string().default(""),
    subject: z.string().default(""),
    message: z.string().default(""),
    companyInfo: z.string().default(""),
    uuid: z.string().max(100).optional(),
    scheduledTime: z.number().int().positive().optional(),
  };
  return unknownFields === "refuse" ? z.strictObject(shape) : z.object(shape);
}

/** Checks the fields of a send. @returns the text of the first thing that is wrong with them otherwise */
export function readHumbleFaxSend(
  json: string,
  rules: { numbers: readonly string[]; unknownFields: "refuse" | "ignore" },
): HumbleFaxSend | string {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return "invalidJson";
  }
  const parsed = sendSchema(rules.unknownFields).safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = issue?.code === "unrecognized_keys" ? issue.keys[0] : issue?.path.join(".");
    return `invalid field ${field}: ${issue?.message}`;
  }
  const { fromNumber } = parsed.data;
  if (fromNumber !== undefined && rules.numbers.length > 0 && !rules.numbers.includes(fromNumber)) {
    return "fromNumber does not belong to this account";
  }
  return parsed.data;
}

/** What `quickSendFax` was sent. */
export interface HumbleFaxQuickSend {
  jsonData: string;
  files: HumbleFaxFile[];
}

/** Reads the body of `quickSendFax`. @returns the text of what is wrong with it otherwise */
export async function readQuickSend(request: EmulatorRequest): Promise<HumbleFaxQuickSend | string> {
  const parts = await readParts(request);
  if (typeof parts === "string") return parts;
  const data = parts.fields.filter(({ name }) => name === "jsonData");
  if (data.length !== 1) return "jsonData is missing";
  if (parts.fields.length > 1) return "a file part needs a filename";
  return { jsonData: data[0]?.value ?? "", files: parts.files };
}

/** Reads the body of `attachment/{id}`: one file, whatever its part is called. */
export async function readAttachment(request: EmulatorRequest): Promise<HumbleFaxFile | string> {
  const parts = await readParts(request);
  if (typeof parts === "string") return parts;
  const [file] = parts.files;
  return file && parts.files.length === 1 && parts.fields.length === 0
    ? file
    : "exactly one file with a filename is expected";
}

async function readParts(
  request: EmulatorRequest,
): Promise<{ fields: { name: string; value: string }[]; files: HumbleFaxFile[] } | string> {
  const type = request.headers["content-type"] ?? "";
  if (!type.startsWith("multipart/form-data")) return "the body must be multipart/form-data";
  try {
    const parts = await readMultipart(request.body, type);
    const files = parts.flatMap(({ fileName, bytes }) =>
      fileName === undefined ? [] : [{ fileName, bytes }],
    );
    if (files.some(({ fileName }) => fileName === "")) return "a file part needs a filename";
    if (files.some(({ bytes }) => bytes.length === 0)) return "a file is empty";
    return {
      files,
      fields: parts.flatMap(({ name, fileName, text }) =>
        fileName === undefined ? [{ name, value: text }] : [],
      ),
    };
  } catch {
    return "the multipart body is malformed";
  }
}
