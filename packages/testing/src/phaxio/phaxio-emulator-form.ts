import type { EmulatorRequest } from "../emulator-server.ts";
import { readMultipart } from "../multipart-form.ts";

/** A file as it was handed in. */
export interface PhaxioFile {
  fileName: string;
  bytes: Buffer;
}

/** A body as the vendor's framework sees it, credentials taken out. */
export interface PhaxioForm {
  multipart: boolean;
  fields: readonly (readonly [name: string, value: string])[];
  files: readonly (PhaxioFile & { name: string })[];
  apiKey?: string;
  apiSecret?: string;
}

/**
 * Reads a body of `multipart/form-data` or `application/x-www-form-urlencoded`, or none. `api_key` and `api_secret`
 * may be in it or in the query.
 *
 * @returns `undefined` when the body is of another type or malformed
 */
export async function readPhaxioForm(request: EmulatorRequest): Promise<PhaxioForm | undefined> {
  const type = request.headers["content-type"] ?? "";
  const fields: [string, string][] = [];
  const files: (PhaxioFile & { name: string })[] = [];
  const multipart = type.startsWith("multipart/form-data");
  if (request.body.length > 0) {
    if (multipart) {
      try {
        for (const part of await readMultipart(request.body, type)) {
          if (part.fileName === undefined) fields.push([part.name, part.text]);
          else files.push({ name: part.name, fileName: part.fileName, bytes: part.bytes });
        }
      } catch {
        return undefined;
      }
    } else if (type.startsWith("application/x-www-form-urlencoded")) {
      fields.push(...new URLSearchParams(request.body.toString()));
    } else {
      return undefined;
    }
  }
  const credential = (name: string): string | undefined =>
    fields.find(([field]) => field === name)?.[1] ?? request.query.get(name) ?? undefined;
  const apiKey = credential("api_key");
  const apiSecret = credential("api_secret");
  return {
    multipart,
    fields: fields.filter(([name]) => name !== "api_key" && name !== "api_secret"),
    files,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(apiSecret === undefined ? {} : { apiSecret }),
  };
}
