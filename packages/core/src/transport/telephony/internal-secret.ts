import { z } from "zod";
import { constantTimeEqual } from "../constant-time.ts";
import { FaxError } from "../fax-error.ts";
import type { WebhookRequest } from "../webhook.ts";

/** A secret as {@link verifyInternalSecret} takes it: 16 printable characters or more. */
export const internalSecretSchema: z.ZodString = z
  .string()
  .min(16)
  .max(200)
  .regex(/^[\x21-\x7e]+$/, "must be printable, without blanks");

/**
 * Checks the secret of a call that a machine of our own makes: header `X-Internal-Secret`, or `Authorization: Bearer`.
 * Both secrets are compared in constant time during a rotation, whichever fits.
 *
 * @param secrets at least one; none of them empty
 * @throws FaxError `webhook_unverified` when none fits, `config_invalid` when there is none to compare with
 * @example
 * verifyInternalSecret(request, [settings.inboundSecret]);
 */
export function verifyInternalSecret(
  request: Pick<WebhookRequest, "headers">,
  secrets: readonly string[],
): void {
  if (secrets.length === 0 || secrets.includes(""))
    throw new FaxError("config_invalid", "there is no internal secret to check calls against");
  const { headers } = request;
  const bearer = /^bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1];
  const given = headers.get("x-internal-secret") ?? bearer ?? "";
  let fits = false;
  for (const secret of secrets) fits = constantTimeEqual(given, secret) || fits;
  if (!fits || given === "") throw new FaxError("webhook_unverified", "the internal secret is wrong");
}
