import { isE164, settingsFromEnv } from "@faxbot/core/transport";
import { z } from "zod";

/**
 * Hosts by region. The vendor's current documents name one global host; the others stood in an older revision, and the
 * vendor's Node SDK ignores regions (checked at 1.5.0). `us` and `eu`, as Faxbot 1 to 3 took them, appear in no vendor
 * source and are refused rather than guessed.
 */
export const sinchHosts = {
  global: "https://fax.api.sinch.com",
  use1: "https://use1.fax.api.sinch.com",
  eu1: "https://eu1.fax.api.sinch.com",
  sae1: "https://sae1.fax.api.sinch.com",
  apse1: "https://apse1.fax.api.sinch.com",
  apse2: "https://apse2.fax.api.sinch.com",
} as const;

const regions = [
  "global",
  "use1",
  "eu1",
  "sae1",
  "apse1",
  "apse2",
] as const satisfies (keyof typeof sinchHosts)[];
const httpUrl = z.url({ protocol: /^https?$/ });
/** A colon would end the user name (RFC 7617). */
const basicUser = z
  .string()
  .min(1)
  .regex(/^[^:]+$/);

/** The settings of the Sinch transport. */
export const sinchSettings = z
  .strictObject({
    projectId: z.string().min(1).meta({
      env: "SINCH_PROJECT_ID",
      secret: false,
      title: "Project id",
      description: "From the Sinch dashboard; never taken from another provider's settings.",
    }),
    apiKey: z.string().min(1).meta({
      env: "SINCH_API_KEY",
      secret: true,
      title: "Access key id",
      description: "Of an access key of the project.",
    }),
    apiSecret: z.string().min(1).meta({
      env: "SINCH_API_SECRET",
      secret: true,
      title: "Access key secret",
      description: "Shown once when the access key is made.",
    }),
    authMethod: z.enum(["basic", "oauth2"]).default("basic").meta({
      env: "SINCH_AUTH_METHOD",
      secret: false,
      title: "Authentication",
      description: "`oauth2` for production: Sinch limits `basic` heavily and means it for tests.",
    }),
    region: z.enum(regions).default("global").meta({
      env: "SINCH_REGION",
      secret: false,
      title: "Region",
      description: "`global` unless Sinch told you otherwise; the regional hosts are from older documents.",
    }),
    baseUrl: httpUrl.optional().meta({
      env: "SINCH_BASE_URL",
      secret: false,
      title: "Base URL",
      description: "Replaces the region's host; a `/v3` at its end may stay.",
    }),
    authUrl: httpUrl.default("https://auth.sinch.com").meta({
      env: "SINCH_AUTH_URL",
      secret: false,
      title: "Token server",
      description: "Where `oauth2` gets its tokens.",
    }),
    serviceId: z.string().min(1).optional().meta({
      env: "SINCH_SERVICE_ID",
      secret: false,
      title: "Service id",
      description: "Without it Sinch takes the project's default service.",
    }),
    from: z.string().refine(isE164, "must be a number in E.164 form").optional().meta({
      env: "SINCH_FROM_NUMBER",
      secret: false,
      title: "Sender number",
      description:
        "E.164, one of your Sinch numbers. Without it the service's default, else the account's first.",
    }),
    webhookUser: basicUser.optional().meta({
      env: "SINCH_INBOUND_BASIC_USER",
      secret: false,
      title: "Webhook user",
      description: "What Sinch says when it calls us; letters, digits and `-._~` are safest.",
    }),
    webhookPass: z.string().min(1).optional().meta({
      env: "SINCH_INBOUND_BASIC_PASS",
      secret: true,
      title: "Webhook password",
      description: "Without user and password every webhook is refused and faxes are polled.",
    }),
    previousWebhookUser: basicUser.optional().meta({
      env: "SINCH_INBOUND_BASIC_PREVIOUS_USER",
      secret: false,
      title: "Previous webhook user",
      description: "During a rotation; default: the webhook user.",
    }),
    previousWebhookPass: z.string().min(1).optional().meta({
      env: "SINCH_INBOUND_BASIC_PREVIOUS_PASS",
      secret: true,
      title: "Previous webhook password",
      description: "Accepted beside the new one during a rotation.",
    }),
    verifySignature: z.boolean().default(true).meta({
      env: "SINCH_INBOUND_VERIFY_SIGNATURE",
      secret: false,
      title: "Verify webhooks",
      description: "`false`: anybody may call; a webhook is then only a hint to ask Sinch by id.",
    }),
  })
  .refine((settings) => (settings.webhookUser === undefined) === (settings.webhookPass === undefined), {
    path: ["webhookPass"],
    error: "webhook user and password must be set together",
  })
  .refine((settings) => settings.previousWebhookPass === undefined || settings.webhookPass !== undefined, {
    path: ["previousWebhookPass"],
    error: "needs the new webhook password beside it",
  })
  .refine(
    (settings) => settings.previousWebhookUser === undefined || settings.previousWebhookPass !== undefined,
    {
      path: ["previousWebhookUser"],
      error: "needs the previous webhook password beside it",
    },
  );

/** Settings of the Sinch transport, as parsed. */
export type SinchSettings = z.output<typeof sinchSettings>;

/** Settings from environment variables, and whether they were borrowed from Phaxio's. */
export interface SinchEnvironment {
  settings: SinchSettings;
  /** True when `PHAXIO_API_KEY` and `PHAXIO_API_SECRET` stood in for Sinch's own. */
  borrowed: boolean;
}

/**
 * Reads the settings from environment variables. When neither `SINCH_API_KEY` nor `SINCH_API_SECRET` is set,
 * `PHAXIO_API_KEY` and `PHAXIO_API_SECRET` are taken together: Sinch bought Phaxio, and Faxbot 1 to 3 did so.
 * `SINCH_PROJECT_ID` has no such stand-in.
 *
 * @throws FaxError `config_invalid` that names the variables, never their values
 */
export function sinchSettingsFromEnv(env: Readonly<Record<string, string | undefined>>): SinchEnvironment {
  const own = env.SINCH_API_KEY?.trim() || env.SINCH_API_SECRET?.trim();
  const borrowed = !own && Boolean(env.PHAXIO_API_KEY?.trim() && env.PHAXIO_API_SECRET?.trim());
  const settings = settingsFromEnv(
    "sinch",
    sinchSettings,
    borrowed ? { ...env, SINCH_API_KEY: env.PHAXIO_API_KEY, SINCH_API_SECRET: env.PHAXIO_API_SECRET } : env,
  );
  return { settings, borrowed };
}
