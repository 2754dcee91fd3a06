import type { EmulatorResponse } from "../emulator-server.ts";

/** What is wrong with one field. */
export interface FieldViolation {
  field: string;
  description: string;
}

/**
 * Which of the two documented error bodies to send: `prose` is the one of the reference's examples (`code` is a
 * string, `details` an object), `schema` the one of the OpenAPI document (`code` is a number, `details` a list).
 */
export type SinchErrorShape = "prose" | "schema";

const words: Readonly<Record<number, { error: string; status: string }>> = {
  400: { error: "Bad request", status: "INVALID_ARGUMENT" },
  402: { error: "Payment required", status: "FAILED_PRECONDITION" },
  404: { error: "Not found", status: "NOT_FOUND" },
  413: { error: "Payload too large", status: "OUT_OF_RANGE" },
  422: { error: "Invalid parameters", status: "INVALID_ARGUMENT" },
};

/** Statuses that the vendor answers without a body: 401 (mostly), 429, and maybe 500. */
const emptyStatuses = new Set([401, 429, 500, 503]);

/** Makes the vendor's answer for a refused request. */
export function sinchError(
  shape: SinchErrorShape,
  status: number,
  message?: string,
  violations: readonly FieldViolation[] = [],
): EmulatorResponse {
  if (emptyStatuses.has(status)) return { status };
  const { error, status: word } = words[status] ?? { error: "Error", status: "UNKNOWN" };
  const text = message ?? error;
  const body =
    shape === "prose"
      ? {
          code: String(status),
          error,
          message: text,
          ...(violations.length > 0 ? { details: { fieldViolations: violations } } : {}),
        }
      : {
          code: status,
          status: word,
          message: text,
          details:
            violations.length > 0
              ? [{ type: "BadRequest", fieldViolations: violations }]
              : [{ type: "ErrorInfo", reason: word, domain: "fax.api.sinch.com", metaData: {} }],
        };
  return { status, body };
}
