import { FaxError, isFaxError } from "../fax-error.ts";
import type { WebhookRequest } from "../webhook.ts";

/**
 * Reads the few fields that a telephone exchange posts: a form (`application/x-www-form-urlencoded`, the default) or a
 * flat JSON object, whose numbers become text. A field that comes twice is refused, as two readers could take two.
 *
 * @param maxBytes the most bytes to read
 * @throws FaxError `webhook_malformed`
 * @example
 * const { id, from } = await readFormOrJson(request, 16_384);
 */
export async function readFormOrJson(
  request: WebhookRequest,
  maxBytes: number,
): Promise<Readonly<Record<string, string>>> {
  const text = await readText(request, maxBytes);
  const isJson = /^application\/json\b/i.test(request.headers.get("content-type") ?? "");
  const entries = isJson ? jsonEntries(text) : [...new URLSearchParams(text)];
  const fields: Record<string, string> = Object.create(null);
  for (const [name, value] of entries) {
    if (name in fields) throw new FaxError("webhook_malformed", "a field comes twice");
    fields[name] = value;
  }
  return fields;
}

async function readText(request: WebhookRequest, maxBytes: number): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await request.body.bytes(maxBytes));
  } catch (error) {
    if (isFaxError(error) && error.code !== "document_too_large") throw error;
    throw new FaxError("webhook_malformed", "the body is too long or not UTF-8", { cause: error });
  }
}

function jsonEntries(text: string): [string, string][] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new FaxError("webhook_malformed", "the body is not JSON", { cause: error });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new FaxError("webhook_malformed", "the body is not a JSON object");
  return Object.entries(value).flatMap(([name, each]): [string, string][] => {
    if (each === null) return [];
    if (typeof each === "object") throw new FaxError("webhook_malformed", "the body is not flat");
    return [[name, String(each)]];
  });
}
