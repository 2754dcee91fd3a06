import type { PhaxioFile, PhaxioForm } from "./phaxio-emulator-form.ts";
import { type PhaxioErrorType, phaxioErrorTypes } from "./phaxio-emulator-outcome.ts";

/** A send that was found good. */
export interface PhaxioSend {
  direction: "sent";
  to: string[];
  files: PhaxioFile[];
  contentUrls: string[];
  headerText?: string;
  batchDelaySeconds?: number;
  callbackUrl?: string;
  cancelTimeoutMinutes?: number;
  tags: Record<string, string>;
  callerId?: string;
  testFail?: PhaxioErrorType;
}

/** A simulated receipt that was found good. */
export interface PhaxioSimulatedReceipt {
  direction: "received";
  file: PhaxioFile;
  from?: string;
  to?: string;
}

/** What a body is checked against, beside the documents. */
export interface PhaxioSendRules {
  isTest: boolean;
  /** Caller ids of the account; empty: any. */
  numbers: readonly string[];
  unknownFields: "refuse" | "ignore";
}

const phone = /^\+[0-9]{4,15}$/;
const lists = ["to", "content_url"] as const;
const single = [
  "header_text",
  "batch_delay",
  "batch_collision_avoidance",
  "callback_url",
  "cancel_timeout",
  "caller_id",
  "test_fail",
  "direction",
  "from_number",
  "to_number",
] as const;

/**
 * Checks the body of `POST /faxes` as strictly as the vendor documents it.
 *
 * @returns the request, or the text of the first thing that is wrong with it
 */
export function readPhaxioSend(
  form: PhaxioForm,
  rules: PhaxioSendRules,
): PhaxioSend | PhaxioSimulatedReceipt | string {
  if (!form.multipart) return "The request must be multipart/form-data";
  const sorted = sortFields(form, rules);
  if (typeof sorted === "string") return sorted;
  const { values, tags, one } = sorted;

  const files: PhaxioFile[] = [];
  for (const file of form.files) {
    if (file.name !== "file" && file.name !== "file[]") return `${file.name} must not be a file`;
    if (file.fileName === "") return "A file needs a filename";
    if (file.bytes.length === 0) return `${file.fileName} is empty`;
    files.push({ fileName: file.fileName, bytes: file.bytes });
  }
  if (form.files.filter(({ name }) => name === "file").length > 1) return "file was given twice";

  if (one.direction !== undefined) return readReceipt(one, files, rules);
  if (one.from_number !== undefined || one.to_number !== undefined) {
    return "from_number and to_number are only for simulated receipts";
  }
  const to = values.to;
  if (to.length === 0) return "You must specify a recipient: to";
  for (const number of to) if (!phone.test(number)) return `Phone number ${number} is not in E.164 format`;
  const contentUrls = values.content_url;
  for (const url of contentUrls)
    if (!isUrl(url, ["http:", "https:"])) return `content_url ${url} is not valid`;
  if (files.length + contentUrls.length === 0) return "You must specify a file or a content_url";

  const header = one.header_text;
  if (header !== undefined && header.length > 50) return "header_text must have at most 50 characters";
  const batch = wholeNumber(one.batch_delay, 0, 3600);
  if (Number.isNaN(batch)) return "batch_delay must be a whole number of seconds up to 3600";
  if (!["true", "false", undefined].includes(one.batch_collision_avoidance)) {
    return "batch_collision_avoidance must be true or false";
  }
  const callbackUrl = one.callback_url;
  if (callbackUrl !== undefined && !isUrl(callbackUrl, ["http:", "https:", "mailto:"])) {
    return "callback_url is not valid";
  }
  const cancel = wholeNumber(one.cancel_timeout, 3, 60);
  if (Number.isNaN(cancel)) return "cancel_timeout must be a whole number of minutes from 3 to 60";
  const callerId = one.caller_id;
  if (callerId !== undefined && !phone.test(callerId)) return "caller_id is not in E.164 format";
  if (callerId !== undefined && rules.numbers.length > 0 && !rules.numbers.includes(callerId)) {
    return "caller_id must be one of your Phaxio numbers";
  }
  const testFail = one.test_fail;
  if (testFail !== undefined && !rules.isTest) return "test_fail needs test credentials";
  if (testFail !== undefined && !(phaxioErrorTypes as readonly string[]).includes(testFail)) {
    return `test_fail must be one of ${phaxioErrorTypes.join(", ")}`;
  }
  // With batching the fax lives at least so long that its batch can be sent.
  const least = batch === undefined ? 0 : Math.ceil(batch / 60) + 3;
  return {
    direction: "sent",
    to,
    files,
    contentUrls,
    tags,
    ...(header === undefined ? {} : { headerText: header }),
    ...(batch === undefined ? {} : { batchDelaySeconds: Math.max(5, batch) }),
    ...(callbackUrl === undefined ? {} : { callbackUrl }),
    ...(cancel === undefined ? {} : { cancelTimeoutMinutes: Math.max(cancel, least) }),
    ...(callerId === undefined ? {} : { callerId }),
    ...(testFail === undefined ? {} : { testFail: testFail as PhaxioErrorType }),
  };
}

type Single = Partial<Record<(typeof single)[number], string>>;

function sortFields(
  form: PhaxioForm,
  rules: PhaxioSendRules,
): { values: Record<(typeof lists)[number], string[]>; tags: Record<string, string>; one: Single } | string {
  const values: Record<(typeof lists)[number], string[]> = { to: [], content_url: [] };
  const tags: Record<string, string> = {};
  const one: Single = {};
  const seen = new Set<string>();
  for (const [name, value] of form.fields) {
    const tag = /^tag\[(.+)\]$/.exec(name)?.[1];
    const list = lists.find((each) => name === each || name === `${each}[]`);
    const isList = name.endsWith("[]");
    if (!isList && seen.has(name)) return `${name} was given twice`;
    seen.add(name);
    if (tag !== undefined) tags[tag] = value;
    else if (list) values[list].push(value);
    else if ((single as readonly string[]).includes(name)) one[name as (typeof single)[number]] = value;
    else if (name === "file" || name === "file[]") return "file must be a file with a filename";
    else if (rules.unknownFields === "refuse") return `${name} is not a known parameter`;
  }
  for (const list of lists) {
    if (seen.has(list) && seen.has(`${list}[]`)) return `${list} was given as a value and as a list`;
  }
  if (Object.keys(tags).length > 10) return "At most 10 tags are allowed";
  return { values, tags, one };
}

function readReceipt(
  one: Single,
  files: PhaxioFile[],
  rules: PhaxioSendRules,
): PhaxioSimulatedReceipt | string {
  if (one.direction !== "received") return "direction must be received";
  if (!rules.isTest) return "Receiving can only be simulated with test credentials";
  const [file] = files;
  if (!file || files.length > 1) return "You must specify one file";
  for (const number of [one.from_number, one.to_number]) {
    if (number !== undefined && !phone.test(number)) return `Phone number ${number} is not in E.164 format`;
  }
  return {
    direction: "received",
    file,
    ...(one.from_number === undefined ? {} : { from: one.from_number }),
    ...(one.to_number === undefined ? {} : { to: one.to_number }),
  };
}

const extensions = new Set(["pdf", "doc", "docx", "odt", "jpg", "png", "tif", "txt", "html"]);
const magics = ["%PDF-", "\xff\xd8\xff", "\x89PNG", "II*\0", "MM\0*", "PK\x03\x04", "\xd0\xcf\x11\xe0"];

/** Whether the type of a file is found, by its name's extension or its first bytes. */
export function isKnownFileType(file: PhaxioFile): boolean {
  const extension = /\.([^.]+)$/.exec(file.fileName)?.[1]?.toLowerCase() ?? "";
  const head = file.bytes.subarray(0, 8).toString("latin1");
  return extensions.has(extension) || magics.some((magic) => head.startsWith(magic));
}

function isUrl(text: string, protocols: readonly string[]): boolean {
  return URL.canParse(text) && protocols.includes(new URL(text).protocol);
}

/** `undefined` stays; what is no whole number in range becomes NaN. */
export function wholeNumber(text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : Number.NaN;
}
