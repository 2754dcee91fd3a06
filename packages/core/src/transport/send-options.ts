import type { z } from "zod";
import { FaxError } from "./fax-error.ts";

/**
 * Checks the options that a caller gave with a fax, by a transport's strict schema.
 *
 * @param transportId manifest id, for the error
 * @throws FaxError `request_invalid` that names the options, never their values
 * @example
 * const { quality } = parseSendOptions("acme", acmeSendOptions, job.options);
 */
export function parseSendOptions<S extends z.ZodType>(
  transportId: string,
  schema: S,
  options: Readonly<Record<string, unknown>>,
): z.output<S> {
  const parsed = schema.safeParse(options);
  if (parsed.success) return parsed.data;
  const names = parsed.error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => `${printable(key)} is not known`)
      : [`${printable(String(issue.path[0]))} is not valid`],
  );
  throw new FaxError("request_invalid", `options of ${transportId}: ${[...new Set(names)].join("; ")}`, {
    transportId,
  });
}

/** A name comes from the caller, and an error's message must not be a way to carry anything else. */
function printable(name: string): string {
  return /^[A-Za-z][A-Za-z0-9_]{0,40}$/.test(name) ? name : "a name";
}
