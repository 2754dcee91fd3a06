import { z } from "zod";
import type { EmulatorRequest } from "../emulator-server.ts";
import { type ReadFormPart, readMultipart } from "../multipart-form.ts";
import type { FieldViolation } from "./sinch-emulator-error.ts";

/** A file that was handed in. */
export interface SentFile {
  /** One of the vendor's types: DOCX PDF TIF JPG TXT HTML PNG. */
  fileType: string;
  bytes: Buffer;
}

/** A send request that was found good. */
export interface SendRequest extends z.output<ReturnType<typeof sendSchema>> {
  files: SentFile[];
}

/** A send request, or why it is refused: 400 when it cannot be read, 422 when a parameter is wrong. */
export type ReadSendRequest =
  | { request: SendRequest }
  | { status: 400 | 422; message: string; violations: FieldViolation[] };

const fileTypes = ["DOCX", "PDF", "TIF", "JPG", "TXT", "HTML", "PNG"] as const;
const extensions: ReadonlySet<string> = new Set(fileTypes.map((type) => type.toLowerCase()));

/** The vendor's pattern for `to` and `from`. */
const phonePattern = /^\+[0-9]{4,15}$/;
/** Says the value, as hostile provider text may: nobody must repeat it in a log. */
const phone = z
  .string()
  .regex(phonePattern, { error: (issue) => `${String(issue.input)} is not an E.164 number` });
const recipients = z
  .union([z.string(), z.array(z.string()).min(1)])
  .transform((to) => (typeof to === "string" ? to.split(",") : to))
  .pipe(z.array(phone));
const httpUrl = z.string().refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), {
  error: "must be an http or https URL",
});
const urls = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => (typeof value === "string" ? value.split(",") : value))
  .pipe(z.array(httpUrl));
const timeZone = z.string().refine(isTimeZone, { error: "must be an IANA time zone" });
const stringMap = z.record(z.string().min(1), z.string());
const contentType = z.enum(["multipart/form-data", "application/json"]);

/** The options of `POST /faxes`; in a form every value is text. */
function sendSchema(form: boolean) {
  const integer = (min: number, max: number) =>
    form
      ? z
          .string()
          .regex(/^\d{1,9}$/, { error: "must be an integer" })
          .transform(Number)
          .pipe(z.number().min(min).max(max))
      : z.number().int().min(min).max(max);
  const boolean = form ? z.enum(["true", "false"]).transform((text) => text === "true") : z.boolean();
  return z.strictObject({
    to: recipients,
    from: phone.optional(),
    contentUrl: urls.optional(),
    headerText: z.string().max(50).optional(),
    headerPageNumbers: boolean.optional(),
    headerTimeZone: timeZone.optional(),
    retryDelaySeconds: integer(30, 300).optional(),
    maxRetries: integer(0, 5).optional(),
    labels: stringMap.optional(),
    callbackUrl: httpUrl.optional(),
    callbackUrlContentType: contentType.optional(),
    imageConversionMethod: z.enum(["HALFTONE", "MONOCHROME"]).optional(),
    resolution: z.enum(["FINE", "SUPERFINE"]).optional(),
    coverPageId: z.string().optional(),
    coverPageData: z
      .record(z.string().regex(/^[^A-Z]+$/, { error: "keys must be lower case" }), z.string())
      .optional(),
    inProgressNotifications: boolean.optional(),
    serviceId: z.string().optional(),
  });
}

const jsonFile = z.strictObject({ file: z.base64().min(1), fileType: z.enum(fileTypes) });
const formSchema = sendSchema(true);
const jsonSchema = sendSchema(false).extend({ files: z.array(jsonFile).optional() });

/** Reads the body of `POST /faxes`, JSON or multipart, as strictly as the vendor documents it. */
export async function readSendRequest(
  request: EmulatorRequest,
  unknownFields: "refuse" | "ignore",
): Promise<ReadSendRequest> {
  const type = request.headers["content-type"] ?? "";
  const read = type.startsWith("multipart/form-data")
    ? await readForm(request.body, type)
    : type.startsWith("application/json")
      ? readJson(request.body)
      : { status: 400 as const, message: "Unsupported content type", violations: [] };
  if ("status" in read) return read;

  const { value, form, files, violations } = read;
  const schema = form ? formSchema : jsonSchema;
  const parsed = (unknownFields === "ignore" ? schema.strip() : schema).safeParse(value);
  if (!parsed.success) violations.push(...parsed.error.issues.flatMap(violationsOf));
  else {
    const encoded = (parsed.data as { files?: z.output<typeof jsonFile>[] }).files ?? [];
    for (const { file, fileType } of encoded) files.push({ fileType, bytes: Buffer.from(file, "base64") });
  }
  if (violations.length === 0 && parsed.success && files.length === 0 && !parsed.data.contentUrl?.length) {
    violations.push({ field: "file", description: "one of file, files or contentUrl is required" });
  }
  if (violations.length > 0 || !parsed.success) {
    return { status: 422, message: "One or more parameters are invalid", violations };
  }
  return { request: { ...parsed.data, files } };
}

interface RawRequest {
  value: Record<string, unknown>;
  form: boolean;
  files: SentFile[];
  violations: FieldViolation[];
}

function readJson(body: Buffer): RawRequest | { status: 400; message: string; violations: FieldViolation[] } {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch {
    value = undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { status: 400, message: "The body is not a JSON object", violations: [] };
  }
  return { value: value as Record<string, unknown>, form: false, files: [], violations: [] };
}

async function readForm(
  body: Buffer,
  contentType: string,
): Promise<RawRequest | { status: 400; message: string; violations: FieldViolation[] }> {
  let parts: ReadFormPart[];
  try {
    parts = await readMultipart(body, contentType);
  } catch {
    return { status: 400, message: "The multipart body is malformed", violations: [] };
  }
  const value: Record<string, unknown> = {};
  const files: SentFile[] = [];
  const violations: FieldViolation[] = [];
  for (const part of parts) {
    const bracket = /^(labels|coverPageData)\[(.+)\]$/.exec(part.name);
    if (part.name === "file") {
      const refusal = refuseFile(part);
      if (refusal) violations.push({ field: "file", description: refusal });
      else files.push({ fileType: extensionOf(part.fileName).toUpperCase(), bytes: part.bytes });
    } else if (part.fileName !== undefined) {
      violations.push({ field: part.name, description: "must not be a file" });
    } else if (bracket) {
      const [, name = "", key = ""] = bracket;
      value[name] = { ...(value[name] as Record<string, string> | undefined), [key]: part.text };
    } else if (part.name === "to" && typeof value.to === "string") {
      value.to = `${value.to},${part.text}`;
    } else if (part.name in value) {
      violations.push({ field: part.name, description: "was given twice" });
    } else {
      value[part.name] = part.text;
    }
  }
  return { value, form: true, files, violations };
}

function refuseFile(part: ReadFormPart): string | undefined {
  if (!part.fileName) return "the file part needs a filename";
  if (!extensions.has(extensionOf(part.fileName))) return "the file type is not supported";
  return part.bytes.length === 0 ? "the file is empty" : undefined;
}

function extensionOf(fileName: string | undefined): string {
  return /\.([^.]+)$/.exec(fileName ?? "")?.[1]?.toLowerCase() ?? "";
}

/** Turns zod's findings into the vendor's `fieldViolations`. */
export function violationsOf(issue: z.core.$ZodIssue): FieldViolation[] {
  const path = issue.path.join(".");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      field: path ? `${path}.${key}` : key,
      description: "is not a known field",
    }));
  }
  return [{ field: String(issue.path[0] ?? "body"), description: issue.message }];
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
